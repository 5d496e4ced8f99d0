"""The status line: what is watched, how much comes, what is lost, what it costs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tcctui.ui import units
from tcctui.ui.plain import plain


@dataclass(frozen=True)
class Status:
    """What the status line says.

    `events` and `lost` count since the start; `reason` is why nothing comes any more, if so.
    """

    source: str = ""
    host: str = ""
    kernel_filter: str = ""
    events: int = 0
    lost: int = 0
    evicted: int = 0
    shown: int = 0
    known: int = 0
    order_held: bool = False
    paused: bool = False
    reason: str = ""


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
        self._parts: list[tuple[str, str]] = []

    def show(self, status: Status) -> None:
        """Show other numbers; repaints only if that changes the line."""
        self._status = replace(
            status,
            source=plain(status.source),
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

    def _compose_line(self) -> list[tuple[str, str]]:
        status = self._status
        per_second, cpu = self._rates()
        state = ("paused", "❚❚ paused") if status.paused else ("live", "● live")
        if status.reason:
            state = ("bad", "✕ stopped")
        left = [("name", " tcctui "), ("dim", status.source)]
        if status.kernel_filter:
            left.append(("name", f"kernel filter: {status.kernel_filter}"))
        right = [
            ("dim", f"{units.short_count(round(per_second))} ev/s"),
            ("bad" if status.lost else "dim", f"{units.count(status.lost)} lost"),
            ("name", f"{units.count(status.shown)}/{units.count(status.known)} flows"),
            ("dim", f"own CPU {cpu:.0%}"),
            state,
        ]
        if status.evicted:
            right.insert(2, ("bad", f"memory full: {units.count(status.evicted)} flows dropped"))
        if status.order_held:
            right.insert(-1, ("paused", "order held"))
        if status.host:
            left.insert(1, ("dim", status.host))
        # On a narrow line the parts that say least go first.
        width = self.size.width
        for expendable in (status.host, status.source, f"own CPU {cpu:.0%}"):
            if _length(left) + _length(right) > width:
                left = [part for part in left if part[1] != expendable or not expendable]
                right = [part for part in right if part[1] != expendable]
        blank = max(1, width - _length(left) - _length(right))
        return [*_joined(left), ("", " " * blank), *_joined(right), ("", " ")]

    def on_resize(self) -> None:
        """Fit the line into the new width."""
        self._parts = self._compose_line() if self._readings else []
        self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one line
        """Draw the line."""
        base = self.rich_style
        segments = [Segment(text, self._style(name)) for name, text in self._parts]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"status-bar--{name}") if name else self.rich_style


def _length(parts: list[tuple[str, str]]) -> int:
    return sum(len(text) + 3 for _, text in parts)


def _joined(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    joined: list[tuple[str, str]] = []
    for index, part in enumerate(parts):
        if index:
            joined.append(("dim", " · "))
        joined.append(part)
    return joined
