"""The selection is a connection, not a line: whatever moves, it stays on its flow."""

from __future__ import annotations

from textual.events import MouseScrollDown, MouseScrollUp

from tcctui.ui.table.flow_order import HOLD, SETTLE
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.table.sorting import SortKey
from tests.ui.fake_source import FakeSource, Flow, many, server
from tests.ui.screen import Clock, Desk, dashboard, lines


def reverse_rates(desk: Desk) -> None:
    """Make the slowest flow the fastest, and so on."""
    flows = list(desk.source.flows.values())
    for flow, rate in zip(flows, [flow.rate for flow in reversed(flows)], strict=True):
        flow.rate = rate


async def test_keys_move_the_selection(clock: Clock) -> None:
    """Each key selects the flow it says, which is on the screen and is the one in the charts."""
    async with dashboard(many(100), clock) as desk:
        assert desk.selected == 1
        for key, selected in (
            ("up", 1),
            ("down", 2),
            ("j", 3),
            ("up", 2),
            ("k", 1),
            ("end", 100),
            ("down", 100),
            ("home", 1),
            ("end", 100),
            ("g", 1),
        ):
            await desk.press(key)
            assert (key, desk.selected) == (key, selected)
            assert desk.table.selected == selected
            assert desk.charted == selected


async def test_page_keys_move_by_a_screenful(clock: Clock) -> None:
    """PgDn goes on by the rows that are visible, less one to keep in view; PgUp comes back."""
    async with dashboard(many(100), clock) as desk:
        rows = desk.table.size.height - 1
        await desk.press("pagedown", "pagedown")
        assert desk.selected == desk.order[-1] == 1 + 2 * (rows - 1)
        await desk.press("pagedown")
        assert desk.selected == 1 + 3 * (rows - 1)
        await desk.press("pageup", "pageup")
        assert desk.selected == 1 + rows - 1
        await desk.press(*["pagedown"] * 6)
        assert desk.selected == desk.order[-1] == 100
        await desk.press(*["pageup"] * 6)
        assert desk.selected == desk.order[0] == 1


async def test_the_selection_stays_on_its_flow_while_rows_move(clock: Clock) -> None:
    """Flows overtake each other between key presses; the selection goes where its flow goes."""
    async with dashboard(server(), clock) as desk:
        await desk.press("down")
        assert desk.selected == 2
        clock.now += HOLD + 0.1
        reverse_rates(desk)
        await desk.run(2)
        assert desk.order.index(2) > 6
        assert desk.selected == desk.table.selected == 2
        assert desk.charted == 2
        below = desk.order[desk.order.index(2) + 1]
        await desk.press("down")
        assert desk.selected == below
        assert desk.charted == below


async def test_a_click_selects_the_row_under_the_pointer(clock: Clock) -> None:
    """A click selects the flow it hits, also when the table is scrolled; not what is there next.

    The scroll bar scrolls: a click on it neither selects the row beside it nor sorts.
    """
    async with dashboard(many(100), clock) as desk:
        assert await desk.click(FlowTable, offset=(20, 4))
        assert desk.selected == 4
        await desk.press("end")
        top = desk.order[0]
        clock.now += HOLD + 0.1
        assert await desk.click(FlowTable, offset=(3, 1))
        assert desk.selected == top
        reverse_rates(desk)
        await desk.run(2)
        assert desk.table.selected == top
        right = desk.table.region.width - 1
        for y in (0, 5, desk.table.region.height - 1):
            await desk.click(FlowTable, offset=(right, y))
        assert desk.table.selected == top
        assert desk.table.order_by == (SortKey("rate", True),)


async def test_the_wheel_scrolls_and_leaves_the_selection(clock: Clock) -> None:
    """The wheel moves the view, not the selection, and lets the order stand still meanwhile."""
    async with dashboard(many(100), clock) as desk:
        await desk.mouse(MouseScrollDown, FlowTable, offset=(5, 5))
        await desk.until(lambda: desk.order[0] > 1)
        assert desk.table.selected == 1
        await desk.until(lambda: "order held" in desk.status)
        await desk.mouse(MouseScrollUp, FlowTable, offset=(5, 5))
        await desk.until(lambda: desk.order[0] == 1 and desk.selected == 1)


async def test_navigation_holds_the_order_for_three_seconds(clock: Clock) -> None:
    """After a key the rows keep their places for 3 s, a badge says so, and then they are sorted."""
    async with dashboard(server(), clock) as desk:
        before = desk.order
        assert "order held" not in desk.status
        await desk.press("down")
        await desk.until(lambda: "order held" in desk.status)
        reverse_rates(desk)
        clock.now += 2.9
        await desk.run(2)
        assert desk.order == before
        assert desk.column("rate") != sorted(desk.column("rate"))  # the values do go on
        clock.now += 0.2
        await desk.until(lambda: desk.order != before)
        assert desk.order[0] == 12
        await desk.until(lambda: "order held" not in desk.status)


async def test_a_new_flow_comes_last_while_the_order_is_held(clock: Clock) -> None:
    """While somebody navigates, a new flow pushes no row away, however fast it is."""
    async with dashboard(server(), clock) as desk:
        before = desk.order
        await desk.press("down")
        desk.source.flows[13] = Flow(13, "10.0.3.7:443", "192.0.2.113:1313", rate=1e9)
        await desk.run(2)
        assert desk.order == [*before, 13]
        clock.now += HOLD + 0.1
        await desk.until(lambda: desk.order == [13, *before])


async def test_the_first_row_is_selected_until_somebody_selects(clock: Clock) -> None:
    """At first the charts follow the top row; once the rates have settled they keep its flow."""
    async with dashboard(server(), clock) as desk:
        assert desk.selected == 1
        reverse_rates(desk)
        await desk.run(2)
        assert desk.selected == desk.order[0] == 12
        clock.now += SETTLE + 0.1
        await desk.looked()
        reverse_rates(desk)
        await desk.run(2)
        assert desk.order[0] == 1
        assert desk.selected == 12


async def test_a_selected_flow_stays_after_it_closed(clock: Clock) -> None:
    """What somebody looks at doesn't vanish: a closed flow stays until another is selected."""
    async with dashboard(server(), clock) as desk:
        await desk.click(FlowTable, offset=(5, 1 + desk.order.index(9)))
        assert desk.selected == 9
        await desk.run(15)
        assert desk.selected == 9
        assert "closed" in desk.caption.lower()
        await desk.press("up")
        assert desk.selected == 12
        await desk.run(0.5)
        assert 9 not in desk.order


async def test_a_filter_that_hides_the_selection_selects_the_first_row_meanwhile(
    clock: Clock,
) -> None:
    """While the selected flow is hidden the first row stands in; without the filter it is back."""
    async with dashboard(server(), clock) as desk:
        await desk.press("down", "down", "down")
        assert desk.selected == 4
        await desk.find("port:443")
        await desk.until(lambda: 4 not in desk.order)
        assert desk.selected == 1
        await desk.until(lambda: desk.charted == 1)
        await desk.press("escape")
        await desk.until(lambda: 4 in desk.order)
        assert desk.selected == 4
        await desk.until(lambda: desk.charted == 4)


async def test_the_row_that_stands_in_is_highlighted_on_a_full_screen(clock: Clock) -> None:
    """The first row is painted as selected even when its own text is as it was before."""
    async with dashboard(many(100), clock) as desk:
        await desk.press("down", "down", "down")
        await desk.search("-port:20004")
        await desk.until(lambda: 4 not in desk.order)
        await desk.until(lambda: desk.table.selected == 1)
        assert desk.selected == 1


async def test_a_key_brings_a_selection_that_moved_away_back_into_view(clock: Clock) -> None:
    """When the selected flow was sorted off the screen, the next key shows its neighbour there."""
    async with dashboard(many(100), clock) as desk:
        await desk.press("down")
        clock.now += HOLD + 0.1
        desk.source.flows[2].rate = 1
        await desk.run(2)
        assert 2 not in desk.order
        assert desk.table.selected == 2
        await desk.press("up")
        assert desk.selected == 100
        assert desk.order[-1] == 100


async def test_keys_do_nothing_where_there_are_no_flows(clock: Clock) -> None:
    """Navigation in an empty table changes nothing and breaks nothing."""
    async with dashboard(FakeSource(), clock) as desk:
        await desk.press("down", "end", "pageup", "g", "r", "less_than_sign")
        assert await desk.click(FlowTable, offset=(5, 3))
        assert desk.table.selected is None
        await desk.until(lambda: "No TCP traffic yet" in lines(desk.table)[2])
