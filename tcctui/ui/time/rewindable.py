"""The available past, and the keys of each mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from tcctui.recording.timeline import Span
from tcctui.rewind.moment import Moment


class Mode(Enum):
    """Mode of the screen: live, the past, or a recording."""

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
"""Modes of actions; those not listed are in all."""


def offered(action: str, mode: Mode) -> bool:
    """True if an action is available in a mode."""
    return action not in _MODES or mode in _MODES[action]


def _there_already(at_ns: int) -> None:
    """No effect: all moments of a recording are present."""


@dataclass(frozen=True)
class Rewindable:
    """Available past.

    `moment` computes a moment, `span` is its range, `reach` extends the timeline to a moment, and
    `save` writes all of it to a file, where that is useful.
    """

    moment: Moment
    span: Callable[[], Span]
    wall_offset_ns: int = 0
    reach: Callable[[int], None] = _there_already
    save: Callable[[], Path] | None = None
