"""The cell cursor, and searches made of cells."""

from __future__ import annotations

import pytest

from tcctui.query import parse
from tcctui.ui.details.details import Details
from tcctui.ui.table.flow_table import FlowTable
from tests.ui.fake_source import Flow, server
from tests.ui.screen import Clock, Desk, dashboard, lines
from tests.ui.test_selection import reverse_rates


def cell(desk: Desk) -> str:
    """The text of the cell that is drawn as the cursor's, "" where none is."""
    style = desk.table.styles_of("cell")
    found = [
        segment.text.strip()
        for y in range(1, desk.table.size.height)
        for segment in desk.table.render_line(y)
        if segment.style == style
    ]
    assert len(found) < 2
    return found[0] if found else ""


def title(desk: Desk) -> str:
    """The title that is drawn as the cursor's."""
    style = desk.table.styles_of("cell-title")
    return "".join(
        segment.text.strip() for segment in desk.table.render_line(0) if segment.style == style
    )


async def to(desk: Desk, name: str) -> None:
    """Move the cell cursor to a column."""
    for _ in desk.columns:
        await desk.press("tab")
        if title(desk).strip("▼▽▲△") == desk.place(name).column.title:
            return
    raise AssertionError(name)


async def test_tab_moves_the_cell_cursor_around(clock: Clock) -> None:
    """It is hidden at first, stands in the selected row, goes around the ends, and Esc hides it."""
    async with dashboard(server(), clock) as desk:
        assert (cell(desk), title(desk)) == ("", "")
        await desk.press("tab")
        assert (cell(desk), title(desk)) == ("10.0.3.7:443", "LOCAL")
        await desk.press("tab", "down", "down", "down")
        assert (cell(desk), title(desk)) == ("192.0.2.4:60022", "REMOTE")
        await desk.press("shift+tab", "shift+tab")
        assert title(desk) == "SRTT 30s"
        await desk.press("tab")
        assert title(desk) == "LOCAL"
        await desk.press("escape")
        assert (cell(desk), title(desk)) == ("", "")
        assert desk.table.has_focus


async def test_the_cell_cursor_stays_on_its_flow_and_column(clock: Clock) -> None:
    """Flows overtake each other and the order is turned: the same cell is marked, with new text."""
    async with dashboard(server(), clock) as desk:
        await desk.press("down")
        await to(desk, "cwnd")
        reverse_rates(desk)
        desk.source.flows[2].cwnd, desk.source.flows[2].rate = (77, 77), 5.0
        desk.source.destroy(1)
        await desk.run(2)
        await desk.press("r")
        assert desk.selected == 2
        assert (cell(desk), title(desk)) == ("77", "CWND")


@pytest.mark.parametrize("key", ["equals_sign", "exclamation_mark"])
async def test_a_cell_becomes_a_search(clock: Clock, key: str) -> None:
    """Without a cursor it is the remote address; = keeps the flows that have it, ! all others."""
    async with dashboard(server(), clock) as desk:
        everything = desk.order
        await desk.press("down", key)
        same = [2] if key == "equals_sign" else [one for one in everything if one != 2]
        await desk.until(lambda: sorted(desk.order) == sorted(same))
        assert "198.51.100.24" in desk.box.value
        parse(desk.box.value)
        assert desk.table.has_focus


async def test_searches_of_cells_add_up(clock: Clock) -> None:
    """The second one holds besides the first, of the flow that was seen when the key was hit."""
    async with dashboard(server(), clock) as desk:
        await to(desk, "local")
        await desk.press("equals_sign")
        await desk.until(lambda: len(desk.order) == 8)
        reverse_rates(desk)
        desk.source.flows[13] = Flow(13, "10.0.3.7:443", "192.0.2.113:1313", rate=1e9)
        await desk.run(1)
        seen = desk.selected
        await desk.press("tab", "exclamation_mark")
        await desk.until(lambda: seen not in desk.order)
        assert len(desk.order) == 8


async def test_a_cell_without_a_search_says_so(clock: Clock) -> None:
    """Sparklines can't be searched for: a notice, and the search is as it was."""
    async with dashboard(server(), clock) as desk:
        await desk.press("shift+tab", "equals_sign")
        await desk.noticed("can't be searched for")
        assert desk.box.value == ""


@pytest.mark.parametrize(
    ("modifiers", "excluded"),
    [({"button": 3}, False), ({"control": True}, False), ({"button": 3, "shift": True}, True)],
)
async def test_a_cell_is_searched_for_by_the_mouse(
    clock: Clock, modifiers: dict[str, int], excluded: bool
) -> None:
    """Right-click and Ctrl-click search for the cell under the pointer; with Shift it excludes."""
    async with dashboard(server(), clock) as desk:
        everything = desk.order
        x = desk.place("local").start + 1
        assert await desk.click(FlowTable, offset=(x, 4), **modifiers)
        found = [1, 2, 4, 5, 12, 9, 10, 11] if len(everything) == 12 else []
        expected = [one for one in everything if (one in found) != excluded]
        await desk.until(lambda: sorted(set(desk.order) - {9}) == sorted(set(expected) - {9}))


async def test_a_selected_flow_stays_though_its_values_match_no_more(clock: Clock) -> None:
    """The row under the cursor doesn't vanish between two keys; another key lets it go."""
    async with dashboard(server(), clock) as desk:
        await desk.find("cwnd>15")
        await desk.until(lambda: 11 not in desk.order)
        await desk.press("end", "home", "down")
        selected = desk.selected
        assert selected == 2
        desk.source.flows[2].cwnd = (1, 1)
        await desk.run(4)
        assert desk.selected == 2
        assert "2" in desk.status.split("/12 flows")[0]
        await desk.press("up")
        await desk.until(lambda: 2 not in desk.order)


async def test_what_is_shown_at_all_holds_besides_the_search(clock: Clock) -> None:
    """Flows must match the table's own filter and the search; to clear the search leaves that."""
    async with dashboard(server(), clock) as desk:
        desk.table.base_query = parse("src:10.0.3.7")
        await desk.until(lambda: len(desk.order) == 8)
        await desk.search("port:443")
        await desk.until(lambda: len(desk.order) == 6)
        await desk.press("escape")
        await desk.until(lambda: len(desk.order) == 8)
        assert "8/12 flows" in desk.status


async def test_columns_that_were_chosen_are_shown(clock: Clock) -> None:
    """In their order and width; the cell cursor leaves a column that is not there any more."""
    async with dashboard(server(), clock) as desk:
        await to(desk, "cwnd")
        desk.table.show_columns(["srtt", "remote"], {"srtt": 12})
        await desk.looked()
        assert lines(desk.table)[0].split() == ["SRTT", "REMOTE"]
        assert lines(desk.table)[0].index("SRTT") == 9
        assert title(desk) == ""
        await desk.press("equals_sign")
        await desk.until(lambda: "203.0.113.9" in desk.box.value)
        desk.table.show_columns((), {})
        await desk.looked()
        assert len(desk.columns) > 20


async def test_a_double_click_opens_the_details(clock: Clock) -> None:
    """Of the flow under the pointer; where they are shown, they stay."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        details = desk.screen.query_one(Details)
        assert not details.display
        for _ in range(2):
            assert await desk.click(FlowTable, offset=(5, 3), times=2)
            assert desk.selected == 3
            assert details.display
