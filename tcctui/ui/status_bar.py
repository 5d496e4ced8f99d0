"""The status line: what is watched, how much comes, what is lost, what it costs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tcctui.ui import units
from tcctui.ui.plain import plain


@dataclass(frozen=True)
class Status:
    """What the status line says.

    `events`, `lost`, `skipped` and `evicted` count since the start; `reason` is why nothing comes
    any more. `interval_ns` is the time that one event of a flow may stand for, `finest_ns` what it
    is where there is room. `seconds_kept` is how much of the last minute is kept of each flow.
    `mend` is what to do about a source that gives less than it could. Where no events come, as
    without the tracepoint, nothing is said of them.
    """

    source: str = ""
    mend: str = ""
    host: str = ""
    kernel_filter: str = ""
    events: int = 0
    lost: int = 0
    skipped: int = 0
    interval_ns: int = 0
    finest_ns: int = 0
    evicted: int = 0
    seconds_kept: float = 60
    shown: int = 0
    known: int = 0
    order_held: bool = False
    paused: bool = False
    reason: str = ""


class _Part(NamedTuple):
    """A piece of the line: its style, and how soon it gives way; 0 is never."""

    style: str
    text: str
    rank: int = 0


_DOT = " · "

_WINDOW = 2.0  # seconds that rates are averaged over


class StatusBar(Widget):
    """One line; the least important parts give way where it is narrow."""

    COMPONENT_CLASSES = {  # noqa: RUF012 - as Textual declares it
        "status-bar--name",
        "status-bar--dim",
        "status-bar--bad",
        "status-bar--live",
        "status-bar--paused",
    }

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._status = Status()
        self._readings: list[tuple[float, int, float]] = []
        self._parts: list[_Part] = []

    def show(self, status: Status) -> None:
        """Show other numbers; repaints only if that changes the line."""
        self._status = replace(
            status,
            source=plain(status.source),
            mend=plain(status.mend),
            host=plain(status.host),
            kernel_filter=plain(status.kernel_filter),
        )
        now = time.monotonic()
        self._readings.append((now, status.events, time.process_time()))
        while len(self._readings) > 2 and now - self._readings[1][0] > _WINDOW:
            self._readings.pop(0)
        parts = self._compose_line()
        if parts != self._parts:
            self._parts = parts
            self.refresh()

    def update(self, **changes: object) -> None:
        """Change some of what is shown."""
        self.show(replace(self._status, **changes))  # type: ignore[arg-type]

    def _rates(self) -> tuple[float, float]:
        """Events per second, and the share of one CPU that this process takes."""
        (before, events_before, cpu_before), (now, events, cpu) = (
            self._readings[0],
            self._readings[-1],
        )
        seconds = now - before
        if seconds <= 0:
            return 0.0, 0.0
        return (events - events_before) / seconds, (cpu - cpu_before) / seconds

    def _compose_line(self) -> list[_Part]:
        status = self._status
        per_second, cpu = self._rates()
        left = [
            _Part("name", " tcctui", 4),
            _Part("dim", status.host, 7),
            _Part("dim", "" if status.mend else status.source, 6),
            _Part("paused", status.mend and _less(status), 1),
            _Part("name", status.kernel_filter and f"kernel filter: {status.kernel_filter}", 1),
        ]
        # Coarser than was asked for: the reader would not keep up.
        coarse = status.interval_ns > status.finest_ns
        told = status.events > 0
        resolution = ("paused", 2) if coarse else ("dim", 5)
        seconds = f"{int(status.seconds_kept)}" if status.seconds_kept >= 1 else "<1"
        dropped = f"{units.count(status.evicted)} dropped"
        state = _Part("paused", "❚❚ paused") if status.paused else _Part("live", "● live")
        right = [
            _Part("dim", told * f"{units.short_count(round(per_second))} ev/s", 3),
            _Part(resolution[0], told * _resolution(status.interval_ns), resolution[1]),
            _Part(
                "bad" if status.lost else "dim",
                (told or status.lost > 0) * f"{units.count(status.lost)} lost",
            ),
            _Part("bad", f"{units.count(status.skipped)} skipped" if status.skipped else "", 2),
            _Part("bad", f"history {seconds} s" if status.seconds_kept < 60 else "", 2),
            _Part("bad", dropped if status.evicted else ""),
            _Part("name", f"{units.count(status.shown)}/{units.count(status.known)} flows"),
            _Part("dim", f"own CPU {cpu:.0%}", 5),
            _Part("paused", "order held" if status.order_held else "", 2),
            _Part("bad", "✕ stopped") if status.reason else state,
        ]
        return _fitted(left, right, self.size.width)

    def on_resize(self) -> None:
        """Fit the line into the new width."""
        self._parts = self._compose_line() if self._readings else []
        self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one line
        """Draw the line."""
        base = self.rich_style
        segments = [Segment(part.text, self._style(part.style)) for part in self._parts]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"status-bar--{name}") if name else self.rich_style


def _less(status: Status) -> str:
    """What there is, and the command for more."""
    what, _, _ = status.source.partition(_DOT)
    return f"{what} only; for more: {status.mend.removeprefix('Run: ')}"


def _resolution(interval_ns: int) -> str:
    return f"{interval_ns / 1e6:.4g} ms" if interval_ns else "every ACK"


def _length(parts: list[_Part]) -> int:
    shown = [part for part in parts if part.text]
    return sum(cell_len(part.text) for part in shown) + len(_DOT) * max(0, len(shown) - 1)


def _fitted(left: list[_Part], right: list[_Part], width: int) -> list[_Part]:
    """Lay both sides out; on a narrow line the parts that say least give way."""
    width -= 2  # a blank between both sides, and one at the edge
    for rank in range(7, 1, -1):
        if _length(left) + _length(right) > width:
            left = [part for part in left if part.rank != rank]
            right = [part for part in right if part.rank != rank]
    room = width - _length(left) - _length(right)
    if room < 0 and left:
        # What is left there is the filter, and what would show more: the longer one is cut.
        at = max(range(len(left)), key=lambda place: len(left[place].text))
        kept = max(0, len(left[at].text) + room - 1)
        left[at] = left[at]._replace(text=f"{left[at].text[:kept]}…" if kept > 1 else "")
        room = width - _length(left) - _length(right)
    return [*_joined(left), _Part("", " " * (room + 1)), *_joined(right), _Part("", " ")]


def _joined(parts: list[_Part]) -> list[_Part]:
    joined: list[_Part] = []
    for part in parts:
        if part.text:
            joined += [_Part("dim", _DOT), part] if joined else [part]
    return joined
