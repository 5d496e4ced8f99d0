"""What keys do to charts: to those of the selected flow, or to those of flows compared."""

from __future__ import annotations

from textual.screen import Screen

from tcctui.ui.chart.charts import Charts
from tcctui.ui.compare.compare import Compare


class ChartScreen(Screen[None]):
    """A screen with charts of one flow, and of several that come in their place."""

    @property
    def drawn(self) -> Charts | Compare:
        """What keys for charts are about."""
        compare = self.query_one(Compare)
        return compare if compare.cookies else self.query_one(Charts)

    def action_window(self) -> None:
        """Go through the windows of the charts."""
        self.drawn.next_window()

    def action_zoom(self, by: int) -> None:
        """Have the charts show less time (1), or more."""
        self.drawn.zoom(by)

    def action_crosshair(self, by: int) -> None:
        """Move the crosshair by a column; at first it stands at the right."""
        self.drawn.move_crosshair(by)

    def action_align(self) -> None:
        """Lay compared flows on time, or on their age."""
        self.query_one(Compare).next_alignment()

    def action_chart(self) -> None:
        """Go through what the left chart can show."""
        self.drawn.next_kind()

    def action_y_axis(self) -> None:
        """Change where the y axes begin."""
        self.drawn.toggle_y()
