"""A vertical line over a plot, below the mouse or wherever keys have it."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tcctui.ui.chart.readout import cell_of, share
from tcctui.ui.style.colours import ComponentStyles


class Crosshair(Widget):
    """Draws the line over a plot. A subclass defines the plot's place, `plot_area`."""

    styles_of: ComponentStyles

    crosshair: reactive[float | None] = reactive(None, init=False, repaint=False)
    """Distance of the line from the plot's right edge, as a part of its width."""

    @dataclass
    class Pointed(Message):
        """The mouse is over a column of the plot, or has left it (None)."""

        share: float | None

    @property
    def plot_area(self) -> tuple[int, int]:
        """First column of the plot in the widget, and its width."""
        raise NotImplementedError

    def crossed(self, strip: Strip) -> Strip:
        """Draw the line over a line of the plot; curves stay visible."""
        at = self._column(self.crosshair)
        if at is None:
            return strip
        (under, *_) = [*strip.crop(at, at + 1), Segment(" ")]
        style = self.styles_of("crosshair")
        if under.text.strip(" \u2800"):
            cell = Segment(under.text, (under.style or self.styles_of()) + style.background_style)
        else:
            cell = Segment("│", style)
        return Strip.join([strip.crop(0, at), Strip([cell]), strip.crop(at + 1)])

    def _column(self, part: float | None) -> int | None:
        left, cells = self.plot_area
        return None if part is None or not cells else left + cell_of(part, cells)

    def watch_crosshair(self, before: float | None, after: float | None) -> None:
        """Repaint the columns that it leaves and enters."""
        x, y = self.gutter.left, self.gutter.top
        columns = {self._column(before), self._column(after)} - {None}
        regions = [Region(x + at, y, 1, self.size.height) for at in columns if at is not None]
        if regions:
            self.refresh(*regions)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse."""
        left, cells = self.plot_area
        at = event.get_content_offset(self)
        if cells and at is not None and left <= at.x < left + cells:
            self.post_message(self.Pointed(share(at.x - left, cells)))

    def on_leave(self) -> None:
        """Leave with the mouse."""
        self.post_message(self.Pointed(None))
