"""The keys of the dashboard, besides those of its parts."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tcctui.ui.compare import opening
from tcctui.ui.dashboard.narrowing import TOOLTIP
from tcctui.ui.search import saved_filters
from tcctui.ui.table.choose_columns import COLUMNS_KEY
from tcctui.ui.table.choose_order import ORDER_KEY

KEYS: tuple[BindingType, ...] = (
    COLUMNS_KEY,
    ORDER_KEY,
    saved_filters.KEY,
    *opening.KEYS,
    Binding(
        *("A", "alerts", "Alerts"),
        show=False,
        id="alerts",
        tooltip="List the alerts (--alert) that hold, and those that did",
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
        tooltip="Less time in the charts, down to 5 s",
    ),
    Binding(
        *("minus", "zoom(-1)", "Zoom out", False),
        id="zoom-out",
        tooltip="More time in the charts, up to the flow's life",
    ),
    Binding(
        *("c", "chart", "Chart"),
        id="chart",
        tooltip="Left chart: cwnd, rates, what is in flight",
    ),
    Binding(
        *("d", "details", "Details"),
        id="details",
        tooltip="Details of the flow, in place of a chart where there is little room",
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
        tooltip="Read the charts out, a column further left; or by the mouse; Esc ends",
    ),
    Binding(
        *("full_stop", "crosshair(1)", "Read further right", False),
        id="read-right",
        tooltip="Read the charts out, a column further right",
    ),
    Binding(
        *("escape", "clear", "Clear", False),
        tooltip="Take notices away, or the crosshair, or the search",
    ),
    Binding("K", "narrow", "Kernel", show=False, id="narrow", tooltip=TOOLTIP),
)
