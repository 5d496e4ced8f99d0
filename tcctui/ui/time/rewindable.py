"""What can be gone back to, and which keys there are for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from tcctui.recording.timeline import Span
from tcctui.rewind.moment import Moment


class Mode(Enum):
    """What the screen shows: what goes on, what went on a while ago, or a recording."""

    LIVE = auto()
    AWAY = auto()
    REPLAY = auto()


_MODES = {
    "pause": {Mode.LIVE},
    "resume": {Mode.AWAY},
    "play": {Mode.REPLAY},
    "halt": {Mode.REPLAY},
    "oldest": {Mode.AWAY, Mode.REPLAY},
    "live": {Mode.AWAY},
    "newest": {Mode.REPLAY},
    "row": {Mode.LIVE},
    "speed": {Mode.REPLAY},
}
"""Where actions are to be had; all others are everywhere."""


def offered(action: str, mode: Mode) -> bool:
    """Whether there is an action in a mode."""
    return action not in _MODES or mode in _MODES[action]


def _there_already(at_ns: int) -> None:
    """A recording has all of its moments: none is to come."""


@dataclass(frozen=True)
class Rewindable:
    """What can be gone back to.

    `moment` works it out, `span` is from where to where there is any, `reach` has the timeline go
    until a moment of it, and `save` writes all of it to a file, where that is of use.
    """

    moment: Moment
    span: Callable[[], Span]
    wall_offset_ns: int = 0
    reach: Callable[[int], None] = _there_already
    save: Callable[[], Path] | None = None
