"""The rows on the screen: their cells as text, and the text as a line of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tcctui.flows.index import Keys
from tcctui.ui.sparkline import sparklines
from tcctui.ui.table_columns import SPARKLINE_WIDTH
from tcctui.ui.table_layout import GAP, Placed, fit
from tcctui.ui.view import View

SPARKLINE_SECONDS = 30


class Row(NamedTuple):
    """One flow as text: its cells, each as wide as its column, and whether it is closed."""

    cells: tuple[str, ...]
    closed: bool


def rows(view: View, cookies: Keys, placed: Sequence[Placed]) -> list[Row]:
    """Format the flows, column by column; a flow that has left meanwhile is a blank row."""
    needed = {name for place in placed for name in place.column.needs}
    flows = view.some_flows(cookies, {*needed, "closed_ns"})
    columns = []
    for place in placed:
        column = place.column
        if column.name == "cwnd_spark":
            cells = _past(view, flows["cookie"], "snd_cwnd")
        elif column.name == "srtt_spark":
            cells = _past(view, flows["cookie"], "srtt_us")
        else:
            cells = column.cells(flows)
        columns.append([fit(cell, place.width, column.left) for cell in cells])
    closed = (flows["closed_ns"] > 0).tolist()
    formatted = map(Row._make, zip(zip(*columns, strict=True), closed, strict=True))
    made = dict(zip(flows["cookie"].tolist(), formatted, strict=True))
    return arranged(made, cookies, placed)


def arranged(made: Mapping[int, Row], cookies: Keys, placed: Sequence[Placed]) -> list[Row]:
    """Put rows that were made into another order; a flow without one is a blank row."""
    blank = Row(tuple(" " * place.width for place in placed), True)
    return [made.get(cookie, blank) for cookie in cookies.tolist()]


def _past(view: View, cookies: Keys, name: str) -> list[str]:
    values = view.sparklines(
        cookies,
        name,
        worst="min" if name == "snd_cwnd" else "max",
        seconds=SPARKLINE_SECONDS,
        columns=SPARKLINE_WIDTH,
    )
    return sparklines(values)


def paint(
    row: Row, placed: Sequence[Placed], selected: bool, style: Callable[[str], Style]
) -> Strip:
    """Draw a row; `style` gives the style of a component of the table."""
    if selected:
        plain = style("cursor")
    elif row.closed:
        plain = style("closed")
    else:
        plain = style("")
    segments = []
    for place, cell in zip(placed, row.cells, strict=True):
        own = place.column.styles.get(cell.strip(), place.column.style)
        coloured = own and not selected and not row.closed
        segments.append(Segment(cell, style(own) if coloured else plain))
        segments.append(Segment(" " * GAP, plain))
    return Strip(segments)


def paint_titles(
    placed: Sequence[Placed], sort: str, descending: bool, style: Callable[[str], Style]
) -> Strip:
    """Draw the header, with an arrow at the title of the column `sort`."""
    header, marked = style("header"), style("sorted")
    segments = []
    for place in placed:
        title, own = place.column.title, header
        if place.column.name == sort:
            arrow = "▼" if descending else "▲"
            title = f"{title}{arrow}" if place.column.left else f"{arrow}{title}"
            own = marked
        segments.append(Segment(fit(title, place.width, place.column.left), own))
        segments.append(Segment(" " * GAP, header))
    return Strip(segments)
