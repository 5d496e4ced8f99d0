"""The order of the rows: by keys, by clicks, and shown in the header."""

from __future__ import annotations

import itertools

import pytest

from tcctui.errors import TcctuiError
from tcctui.ui.preferences import Preferences
from tcctui.ui.table import flow_order
from tcctui.ui.table.columns import COLUMNS, SPARKLINES
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.table.sorting import SortKey
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


async def click_title(desk: Desk, name: str, **modifiers: bool) -> None:
    """Click on a column's title."""
    place = desk.place(name)
    x = place.start if place.column.left else place.start + place.width - 1
    assert await desk.click(FlowTable, offset=(x, 0), **modifiers)


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
    """Whatever one or two columns the table is sorted by, all titles are there, and the arrows."""
    async with dashboard(server(), clock, (260, 40)) as desk:
        columns = [place.column for place in desk.columns]
        assert len(columns) == len(COLUMNS) + len(SPARKLINES)
        names = [column.name for column in columns if column.sort]
        for name in names:
            for descending in (True, False):
                desk.table.order_by = (SortKey(name, descending),)
                header = lines(desk.table)[0]
                assert all(column.title in header for column in columns), header
                assert header.count("▼") + header.count("▲") == 1
                assert marked(desk) == {name: "▼" if descending else "▲"}
        for first, second in itertools.pairwise(names):
            desk.table.order_by = (SortKey(first, True), SortKey(second, False))
            header = lines(desk.table)[0]
            assert all(column.title in header for column in columns), header
            assert "▼1" in header
            assert "▲" in header


def by_two() -> FakeSource:
    """Flows of two smoothed round-trip times, whose cwnd differs."""
    source = FakeSource(
        Flow(cookie, "10.0.0.1:80", f"10.0.0.2:{1000 + cookie}", cwnd=(cwnd, cwnd), srtt_us=srtt)
        for cookie, cwnd, srtt in ((1, 10, 5), (2, 30, 9), (3, 20, 5), (4, 30, 5), (5, 10, 9))
    )
    source.run(1)
    return source


async def test_further_columns_sort_what_the_first_has_equal(clock: Clock) -> None:
    """Shift- and Ctrl-click add a column, or turn it; numbers at the arrows say which is which."""
    async with dashboard(by_two(), clock) as desk:
        await click_title(desk, "srtt")
        assert desk.order == [2, 5, 1, 3, 4]
        await click_title(desk, "cwnd", shift=True)
        assert desk.order == [2, 5, 4, 3, 1]
        header = lines(desk.table)[0]
        assert "▼1SRTT" in header
        assert "▼2CWND" in header
        await click_title(desk, "cwnd", control=True)
        assert desk.order == [5, 2, 1, 3, 4]
        assert "▲2CWND" in lines(desk.table)[0]
        await desk.press("r")
        assert desk.order == [1, 3, 4, 5, 2]
        assert "▲1SRTT" in lines(desk.table)[0]
        await click_title(desk, "remote")
        assert marked(desk) == {"remote": "▲"}


async def test_rows_that_change_between_clicks_are_sorted_by_what_they_are(clock: Clock) -> None:
    """A further key sorts by the values of now; a flow that came meanwhile is among the others."""
    async with dashboard(by_two(), clock) as desk:
        await click_title(desk, "srtt")
        desk.source.flows[4].cwnd = (5, 5)
        desk.source.flows[6] = Flow(6, "10.0.0.1:80", "10.0.0.2:1006", cwnd=(15, 15), srtt_us=5)
        desk.source.destroy(3)
        await desk.run(1)
        await click_title(desk, "cwnd", shift=True)
        assert desk.order == [2, 5, 3, 6, 1, 4]


async def test_the_arrow_says_that_the_order_is_held(clock: Clock) -> None:
    """While somebody navigates the arrow is hollow."""
    async with dashboard(server(), clock) as desk:
        await desk.press("down")
        assert "▽RATE" in lines(desk.table)[0]
        clock.now += 3.1
        await desk.until(lambda: "▼RATE" in lines(desk.table)[0])


async def test_the_order_is_kept_for_the_next_time(clock: Clock) -> None:
    """What keys and clicks choose is in the settings; it is what the table begins with."""
    preferences = Preferences()
    async with dashboard(server(), clock, preferences=preferences) as desk:
        await click_title(desk, "cc")
        await click_title(desk, "srtt", shift=True)
        assert preferences.settings.sort == ("cc", "-srtt")
    async with dashboard(server(), clock, preferences=preferences) as desk:
        assert desk.table.order_by == (SortKey("cc", False), SortKey("srtt", True))


async def test_an_order_that_can_not_be_kept_holds_and_says_so(clock: Clock) -> None:
    """A full disk is a notice, and the rows are sorted."""

    def full(_: object) -> None:
        raise TcctuiError("The disk is full.", "Make room.")

    async with dashboard(server(), clock, preferences=Preferences(keep=full)) as desk:
        await desk.press("r")
        assert marked(desk) == {"rate": "▲"}
        await desk.noticed("disk is full")


async def test_a_moment_is_sorted_by_what_it_shows(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live, rows take new places once in a while; where the screen stands still, at once."""
    monkeypatch.setattr(flow_order, "RESORT", 1000.0)
    async with dashboard(server(), clock) as desk:
        desk.source.flows[4].rate = 1e9
        desk.source.run(2.0)
        await desk.looked()
        assert desk.order[0] == 1
        await desk.travel("p")
        await desk.until(lambda: desk.order[0] == 4)
