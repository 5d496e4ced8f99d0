"""The keys of the dashboard, besides those of its parts."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tcctui.ui.actions import key
from tcctui.ui.chart.chart_kinds import KINDS

_FILTERS = "Search for a saved filter, save the present search, or delete a filter"
_HOST = "Summary of all connections shown, to copy: totals, limits, worst groups"
_NARROW = (
    "Let the kernel deliver only possible matches of the search (addresses, ports); again:"
    " everything. Undelivered events are missing when the search is cleared, in the past, and in"
    " recordings"
)
_SEARCH = "Search; Enter returns to the table, Esc clears"
_WINDOW = "Window of the charts: 60 s, 10 s, the flow's life"
_ZOOM_IN = "Show less time in the charts, down to 5 s"
_DETAILS = "Details of the flow; on a small screen in place of a chart"
_READ = "Move the crosshair left, or use the mouse; Esc removes it"
_ORDER = "Choose the sort order: several columns, each in either direction"
_COMPARE = (
    "Compare the pinned flows on shared axes, or the selected group with another; without pins both"
    " ends of the selected flow, if the other one is recorded here, too; again: no more"
)

_SEQUENCE = (
    "Time–sequence diagram of the selected flow; sent, acknowledged, the window's edge, SACK, and"
    " retransmits by cause; again: no more"
)

_CHART = f"Left chart: {', '.join(name for name, _ in KINDS)}; and what a column ca.NAME shows"

KEYS: tuple[BindingType, ...] = (
    key("C", "columns", "columns", "Choose the table's columns, their order and their width"),
    key("o,f6", "order", "order", _ORDER),
    key("f", "filters", "filters", _FILTERS),
    key("i", "host", "host", _HOST),
    key("V", "compare", "compare", _COMPARE),
    key("T", "sequence", "sequence", _SEQUENCE),
    key("a", "align", "align", "Compared flows: all up to now, or each from its beginning"),
    key("A", "alerts", "alerts", "List active and past alerts (--alert)"),
    key("slash,f3,f4,backslash", "search", "search", _SEARCH, "Search", "/", priority=True),
    key("w", "window", "window", _WINDOW, "Window"),
    key("plus", "zoom(1)", "zoom-in", _ZOOM_IN, "Zoom", "+-"),
    key("minus", "zoom(-1)", "zoom-out", "Show more time in the charts, up to the flow's life"),
    key("c", "chart", "chart", _CHART, "Chart"),
    key("d", "details", "details", _DETAILS, "Details"),
    key("y", "y_axis", "y-axis", "y axis from 0, or fitted to the curves"),
    key("s", "save", "save-screen", "Save the screen as an SVG picture"),
    key(
        "question_mark,f1",
        "help",
        "help",
        "Help: keys, columns, the language of searches",
        "Help",
        "?",
    ),
    key("q,f10", "app.quit", "quit", "Quit, as Ctrl-C does", "Quit"),
    key("comma", "crosshair(-1)", "read-left", _READ, "Read", ",."),
    key("full_stop", "crosshair(1)", "read-right", "Move the crosshair right"),
    Binding("escape", "clear", tooltip="Dismiss notices, the crosshair or the search", show=False),
    key("K", "narrow", "narrow", _NARROW),
)
