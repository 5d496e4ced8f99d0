"""The keys of the dashboard, besides those of its parts."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tcctui.ui.compare import opening
from tcctui.ui.dashboard.narrowing import TOOLTIP
from tcctui.ui.search import saved_filters
from tcctui.ui.table.column_dialogs import COLUMNS_KEY, ORDER_KEY

KEYS: tuple[BindingType, ...] = (
    COLUMNS_KEY,
    ORDER_KEY,
    saved_filters.KEY,
    *opening.KEYS,
    Binding(
        *("A", "alerts", "Alerts"),
        show=False,
        id="alerts",
        tooltip="List active and past alerts (--alert)",
    ),
    Binding(
        "slash",
        "search",
        "Search",
        key_display="/",
        priority=True,
        id="search",
        tooltip="Search; Enter returns to the table, Esc clears",
    ),
    Binding(
        *("w", "window", "Window"),
        id="window",
        tooltip="Window of the charts: 60 s, 10 s, the flow's life",
    ),
    Binding(
        *("plus", "zoom(1)", "Zoom"),
        key_display="+-",
        id="zoom-in",
        tooltip="Show less time in the charts, down to 5 s",
    ),
    Binding(
        *("minus", "zoom(-1)", "Zoom out", False),
        id="zoom-out",
        tooltip="Show more time in the charts, up to the flow's life",
    ),
    Binding(
        *("c", "chart", "Chart"),
        id="chart",
        tooltip="Left chart: cwnd, rates, bytes in flight",
    ),
    Binding(
        *("d", "details", "Details"),
        id="details",
        tooltip="Details of the flow; on a small screen in place of a chart",
    ),
    Binding(
        *("y", "y_axis", "Y axis", False),
        id="y-axis",
        tooltip="y axis from 0, or fitted to the curves",
    ),
    Binding(
        *("s", "save", "Save the screen", False),
        id="save-screen",
        tooltip="Save the screen as an SVG picture",
    ),
    Binding(
        *("question_mark", "help", "Help"),
        key_display="?",
        id="help",
        tooltip="Help: keys, columns, the language of searches",
    ),
    Binding("q", "app.quit", "Quit", id="quit", tooltip="Quit, as Ctrl-C does"),
    Binding(
        *("comma", "crosshair(-1)", "Read"),
        key_display=",.",
        id="read-left",
        tooltip="Move the crosshair left, or use the mouse; Esc removes it",
    ),
    Binding(
        *("full_stop", "crosshair(1)", "Read further right", False),
        id="read-right",
        tooltip="Move the crosshair right",
    ),
    Binding(
        *("escape", "clear", "Clear", False),
        tooltip="Dismiss notices, the crosshair or the search",
    ),
    Binding("K", "narrow", "Kernel", show=False, id="narrow", tooltip=TOOLTIP),
)
