"""The order of the rows: by keys, by clicks, and shown in the header."""

from __future__ import annotations

from tcctui.ui.flow_table import FlowTable
from tcctui.ui.table_columns import COLUMNS, SPARKLINES
from tests.ui.fake_source import FakeSource, Flow, server
from tests.ui.screen import Clock, Desk, dashboard, lines


def marked(desk: Desk) -> dict[str, str]:
    """The arrow in the header, under the name of the column whose title it stands at."""
    header = lines(desk.table)[0]
    found = {}
    for place in desk.columns:
        title = header[place.start : place.start + place.width].strip()
        for arrow in "▼▲":
            own = place.column.title
            if title == (f"{own}{arrow}" if place.column.left else f"{arrow}{own}"):
                found[place.column.name] = arrow
    return found


async def click_title(desk: Desk, name: str) -> None:
    """Click on a column's title."""
    place = desk.place(name)
    x = place.start if place.column.left else place.start + place.width - 1
    assert await desk.pilot.click(FlowTable, offset=(x, 0))


async def test_keys_move_the_sort_column_along_the_screen(clock: Clock) -> None:
    """`>` and `<` go to the next sortable column, around the ends; sparklines don't sort."""
    async with dashboard(server(), clock) as desk:
        assert marked(desk) == {"rate": "▼"}
        await desk.press("greater_than_sign")
        assert marked(desk) == {"delivery_rate": "▼"}
        await desk.press("less_than_sign", "less_than_sign")
        assert marked(desk) == {"in_flight": "▼"}
        await desk.press(*["less_than_sign"] * 11)
        assert marked(desk) == {"local": "▲"}
        await desk.press("less_than_sign")
        assert marked(desk) == {"cgroup": "▲"}
        await desk.press("greater_than_sign")
        assert marked(desk) == {"local": "▲"}


async def test_each_number_sorts_by_its_value(clock: Clock) -> None:
    """The rows come in the order of the numbers behind the cells, not of their text."""
    async with dashboard(server(), clock) as desk:
        await click_title(desk, "srtt")
        assert desk.order[0] == 11
        assert desk.order[-2:] == [7, 8]
        await click_title(desk, "ssthresh")
        assert desk.order[:4] == [3, 7, 12, 1]  # never set is above every threshold


async def test_r_turns_the_order_around(clock: Clock) -> None:
    """`r` reverses, and so does the arrow."""
    async with dashboard(server(), clock) as desk:
        before = desk.order
        await desk.press("r")
        assert marked(desk) == {"rate": "▲"}
        assert desk.order[3:] == before[:9][::-1]
        await desk.press("r")
        assert (marked(desk), desk.order) == ({"rate": "▼"}, before)


async def test_a_click_on_a_title_sorts_and_another_reverses(clock: Clock) -> None:
    """The title is a button: once for the column, again for the other direction."""
    async with dashboard(server(), clock) as desk:
        await click_title(desk, "remote")
        assert marked(desk) == {"remote": "▲"}
        first = desk.order
        assert first[:3] == [8, 7, 4]  # 127.0.0.1 comes before 192.0.2.4
        await click_title(desk, "remote")
        assert marked(desk) == {"remote": "▼"}
        assert desk.order == first[::-1]
        await click_title(desk, "cwnd_spark")
        assert marked(desk) == {"remote": "▼"}


async def test_sorting_keeps_the_selection_and_ends_the_hold(clock: Clock) -> None:
    """Choosing an order acts at once, even just after navigation, and selects nothing else."""
    async with dashboard(server(), clock) as desk:
        await desk.press("down", "greater_than_sign", "greater_than_sign", "r")
        assert desk.selected == 2
        await desk.press("home", "r")
        assert desk.selected == 1
        await desk.until(lambda: "order held" not in desk.status)


async def test_equals_keep_their_places(clock: Clock) -> None:
    """Flows with the same value stand in the order of their cookies, both ways round, always."""
    source = FakeSource(
        Flow(cookie, "10.0.0.1:80", f"10.0.0.2:{1000 + cookie * 7 % 11}", srtt_us=1 + cookie // 4)
        for cookie in (5, 3, 9, 1, 8, 2, 7)
    )
    source.run(1)
    async with dashboard(source, clock) as desk:
        await click_title(desk, "srtt")
        for _ in range(3):
            assert desk.order == [8, 9, 5, 7, 1, 2, 3]
            await desk.run(0.5)
        await desk.press("r")
        for _ in range(3):
            assert desk.order == [1, 2, 3, 5, 7, 8, 9]
            await desk.run(0.5)


async def test_the_arrow_leaves_the_titles_whole(clock: Clock) -> None:
    """Whatever the table is sorted by, either way round, all titles are there, and one arrow."""
    async with dashboard(server(), clock) as desk:
        columns = [place.column for place in desk.columns]
        assert len(columns) == len(COLUMNS) + len(SPARKLINES)
        for name in [column.name for column in columns if column.sort]:
            for descending in (True, False):
                desk.table.sort, desk.table.descending = name, descending
                desk.table.refresh()
                header = lines(desk.table)[0]
                assert all(column.title in header for column in columns), header
                assert header.count("▼") + header.count("▲") == 1
                assert marked(desk) == {name: "▼" if descending else "▲"}
