"""Status line: source, rates, losses, cost, filter, position in time."""

from __future__ import annotations

import time
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tcctui.ui.style import units
from tcctui.ui.style.kept_lines import KeptLines
from tcctui.ui.style.legible import plain


class Status(NamedTuple):
    """Content of the status line.

    `events`, `lost`, `skipped` and `evicted` count since the start; `reason` is why the source has
    ended. `interval_ns` is the time that one event of a flow may stand for, `finest_ns` its value
    without load. `seconds_kept` is the span of every flow's recent past. `mend` is the advice for a
    source with reduced detail. Without events, as without the tracepoint, their counts are left
    out.

    `state` is the position in time, unless it is live; `along` follows it directly, and `beside`
    after a dot. With `underway` that is not on the screen yet. `per_second` is the rate of events
    at that moment, NaN if unknown; None derives it from `events`. `behind_s` is the delay of the
    display in seconds, and `fps` the frames per second, 0 for none. `recording` is the trouble of
    the recording that is made beside, empty without any; `recorded` says that there is one.

    `trouble` says why what is shown is old, or less than was asked for.

    `rows` is the word for what `known` counts.

    `kernel_filter` is the kernel's part of the filter, empty without one; `kernel_exact` is True if
    it is the whole filter. It is `narrowed` while it follows the search. `base_filter` is the rest
    of --filter, which the kernel does not apply.
    """

    source: str = ""
    mend: str = ""
    host: str = ""
    kernel_filter: str = ""
    kernel_exact: bool = True
    base_filter: str = ""
    narrowed: bool = False
    events: int = 0
    lost: int = 0
    skipped: int = 0
    interval_ns: int = 0
    finest_ns: int = 0
    evicted: int = 0
    seconds_kept: float = 60
    shown: int = 0
    known: int = 0
    rows: str = "flows"
    order_held: bool = False
    following: bool = False
    state: str = ""
    along: str = ""
    beside: str = ""
    underway: bool = False
    per_second: float | None = None
    behind_s: float = 0
    fps: float = 0
    reason: str = ""
    trouble: str = ""
    recording: str = ""
    recorded: bool = False


class _Reading(NamedTuple):
    """Reading of the clock and of CPU time."""

    now: float
    cpu: float
    events: int


class _Part(NamedTuple):
    """Piece of the line: its style, and the rank at which it is dropped; 0 is never.

    `short` is its text where there is little room.
    """

    style: str
    text: str
    rank: int = 0
    short: str | None = None


_DOT = " · "

_SHORTEN = 4
"""Rank from which parts are shortened instead of dropped."""

_LEAST = 12
"""Smallest useful length of a cut sentence, in cells."""

_SLOWEST = 0.1
"""Fewest frames per second that are told."""

_WINDOW = 2.0  # averaging time of rates, in seconds


class StatusBar(KeptLines, Widget):
    """One line; the least important parts are dropped where it is narrow."""

    STYLES = "status-bar"

    def __init__(self) -> None:
        super().__init__(id="status")
        self._status = Status()
        self._readings: list[_Reading] = []
        self._parts: list[_Part] = []

    def show(self, status: Status) -> None:
        """Show new content; repaints only if the line changes."""
        self._status = status._replace(
            source=plain(status.source),
            mend=plain(status.mend),
            host=plain(status.host),
            kernel_filter=plain(status.kernel_filter),
            base_filter=plain(status.base_filter),
            reason=plain(status.reason),
            trouble=plain(status.trouble),
        )
        now = time.monotonic()
        self._readings.append(_Reading(now, time.process_time(), status.events))
        while len(self._readings) > 2 and now - self._readings[1].now > _WINDOW:
            self._readings.pop(0)
        parts = self._compose_line()
        if parts != self._parts:
            self._parts = parts
            self.refresh()

    @property
    def host(self) -> str:
        """Name of the host that is shown."""
        return self._status.host

    def update(self, **changes: object) -> None:
        """Change some of the content."""
        self.show(self._status._replace(**changes))  # type: ignore[arg-type]

    def _rates(self) -> tuple[float, float]:
        """Events per second, NaN if unknown, and this process's share of a CPU."""
        before, after = self._readings[0], self._readings[-1]
        seconds = after.now - before.now
        per_second = self._status.per_second
        if per_second is None:
            per_second = max(0, after.events - before.events) / seconds if seconds > 0 else 0.0
        return per_second, (after.cpu - before.cpu) / seconds if seconds > 0 else 0.0

    def _compose_line(self) -> list[_Part]:
        status = self._status
        per_second, cpu = self._rates()
        what, _, release = status.source.partition(_DOT)
        left = [
            _Part("name", " tcctui", 4),
            _Part("dim", status.host, 7),
            _Part("dim", "" if status.mend else what, 6),
            _Part("dim", "" if status.mend else release, 8),
            _Part("paused", status.mend and _less(status), 1, f"{what} only"),
            _Part("paused" if status.narrowed else "name", _kernel(status), 1),
            _Part("name", status.base_filter and f"filter: {status.base_filter}", 2, "filtered"),
            _Part("dim", "" if status.kernel_exact or status.base_filter else "the rest here", 3),
            _Part("bad", status.reason or status.trouble, 1, ""),
        ]
        # Coarser than requested: the reader would not keep up.
        coarse = status.interval_ns > status.finest_ns
        told = status.events > 0
        known = told and per_second >= 0  # not NaN
        rate = f"{units.short_count(round(per_second))} ev/s" if known else ""
        resolution = ("paused", 2) if coarse else ("dim", 5)
        seconds = f"{int(status.seconds_kept)}" if status.seconds_kept >= 1 else "<1"
        dropped = f"{units.count(status.evicted)} dropped"
        state = _Part("live", "" if status.reason else "● live")
        if status.state:
            on_its_way = " …" if status.underway else ""
            state = _Part("dim" if status.underway else "paused", f"{status.state}{on_its_way}")
        late = status.behind_s >= 1 and not status.reason
        right = [
            _Part("dim", rate, 4),
            _Part(resolution[0], told * _resolution(status), resolution[1]),
            _Part(
                "bad" if status.lost else "dim",
                (told or status.lost > 0) * f"{units.count(status.lost)} lost",
            ),
            _Part("bad", f"{units.count(status.skipped)} skipped" if status.skipped else "", 2),
            _Part("bad", f"history {seconds} s" if status.seconds_kept < 60 else "", 2),
            _Part("bad", dropped if status.evicted else ""),
            _Part("name", f"{units.count(status.shown)}/{units.count(status.known)} {status.rows}"),
            _Part("dim", f"own CPU {cpu:.0%}", 5),
            _Part("dim", f"{status.fps:.2g} fps" if status.fps >= _SLOWEST else "", 8),
            _Part("paused", "order held" if status.order_held else "", 2),
            _Part("paused", "following" if status.following else "", 2),
            _Part("bad", status.recording),
            _Part("bad", f"behind {status.behind_s:.0f} s" if late else ""),
            _Part("bad", "✕ stopped" if status.reason else ""),
            state,
            _Part(state.style, status.along),
            _Part("dim", status.beside, 2),
        ]
        return _fitted(left, right, self.size.width)

    def on_resize(self) -> None:
        """Fit the line into the new width."""
        self._parts = self._compose_line() if self._readings else []
        self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one line
        """Draw the line."""
        styles = self.styles_of
        return Strip([Segment(part.text, styles[part.style]) for part in self._parts])


def _less(status: Status) -> str:
    """Reduced source, and the command for full detail."""
    what, _, _ = status.source.partition(_DOT)
    return f"{what} only; for more: {status.mend.removeprefix('Run: ')}"


def _kernel(status: Status) -> str:
    """The kernel's part of the filter, if there is one."""
    if status.kernel_filter:
        return f"kernel: {status.kernel_filter}"
    return "kernel: all" if status.narrowed or not status.kernel_exact else ""


def _resolution(status: Status) -> str:
    """Time that an event stands for, on the screen and in the recording made beside."""
    every = f"{status.interval_ns / 1e6:.4g} ms" if status.interval_ns else "every ACK"
    return f"recording {every}" if status.recorded else every


def _length(parts: list[_Part]) -> int:
    return sum(cell_len(part.text) for part in _joined(parts))


def _fitted(left: list[_Part], right: list[_Part], width: int) -> list[_Part]:
    """Lay both sides out; on a narrow line the least important parts are dropped."""
    width -= 2  # a blank between both sides, and one at the edge
    for rank in range(8, 1, -1):
        if _length(left) + _length(right) <= width:
            break
        if rank == _SHORTEN:
            left = [_shortened(part, width - _length(right) - _beside(part, left)) for part in left]
        if _length(left) + _length(right) > width:
            left = [part for part in left if part.rank != rank]
            right = [part for part in right if part.rank != rank]
    room = width - _length(left) - _length(right)
    if room < 0 and left:
        # What remains is the filter, and the advice: the longer one is cut.
        at = max(range(len(left)), key=lambda place: len(left[place].text))
        kept = max(0, len(left[at].text) + room - 1)
        left[at] = left[at]._replace(text=f"{left[at].text[:kept]}…" if kept > 1 else "")
        room = width - _length(left) - _length(right)
    return [*_joined(left), _Part("", " " * (room + 1)), *_joined(right), _Part("", " ")]


def _beside(part: _Part, parts: list[_Part]) -> int:
    """Length of all other parts."""
    return _length([one for one in parts if one is not part]) + len(_DOT)


def _shortened(part: _Part, room: int) -> _Part:
    """Shorten a part; a text without a short form is cut to the room."""
    if part.short is None or not part.text:
        return part
    if part.short or room < _LEAST:
        return part._replace(text=part.short)
    return part._replace(text=f"{part.text[: room - 1]}…")


def _joined(parts: list[_Part]) -> list[_Part]:
    joined: list[_Part] = []
    for part in parts:
        if part.text:
            apart = joined and not part.text.startswith(" ")
            joined += [_Part("dim", _DOT), part] if apart else [part]
    return joined
