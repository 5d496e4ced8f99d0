"""Key actions on the visible charts: of the selected flow, or of the comparison."""

from __future__ import annotations

from textual.screen import Screen

from tcctui.ui.chart.charts import Charts
from tcctui.ui.compare.compare import Compare


class ChartScreen(Screen[None]):
    """Screen with charts of one flow, and a comparison that can replace them."""

    @property
    def drawn(self) -> Charts | Compare:
        """The visible charts."""
        compare = self.query_one(Compare)
        return compare if compare.cookies else self.query_one(Charts)

    def action_window(self) -> None:
        """Show the next window of the charts."""
        self.drawn.next_window()

    def action_zoom(self, by: int) -> None:
        """Shorten the charts' time (1), or extend it."""
        self.drawn.zoom(by)

    def action_crosshair(self, by: int) -> None:
        """Move the crosshair by a column; it starts at the right."""
        self.drawn.move_crosshair(by)

    def action_align(self) -> None:
        """Align compared flows by time, or by age."""
        self.query_one(Compare).next_alignment()

    def action_chart(self) -> None:
        """Show the next quantity of the left chart."""
        self.drawn.next_kind()

    def action_y_axis(self) -> None:
        """Switch the origin of the y axes."""
        self.drawn.toggle_y()
