"""Flows that stay on top, and flows that are followed."""

from __future__ import annotations

from textual.events import MouseScrollDown

from tcctui.ui.table.flow_order import HOLD
from tcctui.ui.table.flow_table import FlowTable
from tests.ui.fake_source import Flow, many, server
from tests.ui.screen import Clock, Desk, dashboard, lines
from tests.ui.test_selection import reverse_rates


def marks(desk: Desk) -> str:
    """What stands in front of the rows."""
    return "".join(line[0] for line in lines(desk.table)[1 : 1 + len(desk.order)])


async def settle(desk: Desk) -> None:
    """Let the order go on."""
    desk.clock.now += HOLD + 0.1
    await desk.looked()


async def test_pinned_flows_are_on_top_whatever_the_order(clock: Clock) -> None:
    """`*` keeps a flow above all others, in the order of pinning; again lets go of it."""
    async with dashboard(server(), clock) as desk:
        await desk.press("down", "down", "down", "down", "asterisk", "up", "up", "asterisk")
        assert list(desk.table.pinned) == [5, 3]
        await settle(desk)
        assert desk.order[:4] == [5, 3, 1, 2]
        assert marks(desk)[:4] == "**  "
        assert desk.selected == 3
        await desk.press("r")
        assert desk.order[:2] == [5, 3]
        await desk.press("greater_than_sign")
        assert desk.order[:2] == [5, 3]
        await desk.press("up", "asterisk")
        await settle(desk)
        assert list(desk.table.pinned) == [3]
        assert desk.order[0] == 3
        assert marks(desk)[:2] == "* "


async def test_a_key_pins_the_flow_that_was_seen_and_moves_no_row(clock: Clock) -> None:
    """Though flows overtake, come and close between keys: the rows stay until the hold is over."""
    async with dashboard(server(), clock) as desk:
        await desk.press("down", "down")
        before = desk.order
        reverse_rates(desk)
        desk.source.flows[13] = Flow(13, "10.0.3.7:443", "192.0.2.113:1313", rate=1e9)
        await desk.run(1)
        desk.source.destroy(2)
        await desk.run(1)
        await desk.press("asterisk")
        assert list(desk.table.pinned) == [3]
        assert desk.order == [*before, 13]
        assert marks(desk)[2] == "*"
        await desk.press("down", "asterisk")
        assert list(desk.table.pinned) == [3, 4]
        assert desk.order == [*before, 13]
        await settle(desk)
        assert desk.order[:3] == [3, 4, 13]
        assert desk.selected == 4


async def test_no_search_hides_what_is_pinned(clock: Clock) -> None:
    """A pinned flow that a search does not find is there, in another colour, and not counted."""
    async with dashboard(server(), clock) as desk:
        await desk.press("down", "down", "down", "asterisk")
        await settle(desk)
        await desk.search("port:443")
        await desk.until(lambda: 12 not in desk.order)
        assert desk.order[0] == 4
        assert "7/12 flows" in desk.status
        dim = desk.table.styles_of("unmatched").color
        await desk.press("enter", "down")  # the selected row has one colour
        mark = next(iter(desk.table.render_line(1)))
        assert mark.style is not None
        assert (mark.text[0], mark.style.color) == ("*", dim)


async def test_a_pinned_flow_stays_after_it_closed(clock: Clock) -> None:
    """What is pinned is kept, as what is selected is; let go of, it is forgotten."""
    async with dashboard(server(), clock) as desk:
        await desk.click(FlowTable, offset=(5, 1 + desk.order.index(9)))
        await desk.press("asterisk", "end")
        await desk.run(15)
        await settle(desk)
        assert desk.order[0] == 9
        await desk.press("home", "asterisk", "down")
        await settle(desk)
        await desk.run(0.5)
        assert 9 not in desk.order


async def test_more_than_a_hundred_are_refused_with_a_notice(clock: Clock) -> None:
    """The hundred and first is not pinned, and the screen says why."""
    async with dashboard(many(110), clock) as desk:
        desk.table.pinned = tuple(range(1, 101))
        await desk.press("end", "asterisk")
        assert len(desk.table.pinned) == 100
        await desk.noticed("Not pinned")


async def test_what_there_is_an_alert_about_is_marked(clock: Clock) -> None:
    """Its row begins with a sign, and has the alert's colour."""
    async with dashboard(server(), clock) as desk:
        desk.table.marked = frozenset({3, 99})
        await desk.looked()
        assert marks(desk) == "  !      x  "
        style = desk.table.styles_of("alert")
        first = next(iter(desk.table.render_line(3)))
        assert first.style is not None
        assert first.style.color == style.color
        desk.table.marked = frozenset()
        await desk.looked()
        assert marks(desk).strip() == "x"


async def test_each_mark_has_a_sign_of_its_own(clock: Clock) -> None:
    """Without colours too one sees what is closed, pinned, alerted, or two of these."""
    async with dashboard(server(), clock) as desk:
        desk.table.pinned, desk.table.marked = (1, 2, 3), frozenset({2, 4})
        for cookie in (3, 5):
            desk.source.destroy(cookie)
        await desk.run(1)
        found = dict(zip(desk.order, marks(desk), strict=True))
        assert "".join(found[cookie] for cookie in range(1, 7)) == "*&X!x "


# Following


async def test_following_scrolls_wherever_the_flow_goes(clock: Clock) -> None:
    """`F` keeps the selected flow in sight though it becomes the slowest, and a badge says so."""
    async with dashboard(many(100), clock) as desk:
        await desk.press("down", "down", "F")
        await desk.until(lambda: "following" in desk.status)
        assert "order held" not in desk.status
        desk.source.flows[3].rate = 1
        await desk.run(2)
        assert desk.selected == 3
        assert desk.order[-1] == 3
        desk.source.flows[3].rate = 1e9
        await desk.run(2)
        assert desk.order[0] == desk.selected == 3


async def test_what_ends_following(clock: Clock) -> None:
    """F, Esc, each key that selects, a click and the wheel end it; sorting and pinning don't."""
    async with dashboard(many(100), clock) as desk:
        for key in ("F", "escape", "down", "up", "pagedown", "end", "home", "g"):
            await desk.press("F")
            assert desk.table.following
            await desk.press(key)
            assert (key, desk.table.following) == (key, False)
            await desk.until(lambda: "following" not in desk.status)
        await desk.press("F", "r", "r", "asterisk", "tab")
        assert desk.table.following
        await desk.click(FlowTable, offset=(20, 4))
        assert not desk.table.following
        await desk.press("F")
        await desk.mouse(MouseScrollDown, FlowTable, offset=(5, 5))
        assert not desk.table.following


async def test_following_goes_on_after_the_flow_closed(clock: Clock) -> None:
    """The flow stays selected and in sight, closed."""
    async with dashboard(server(), clock) as desk:
        await desk.press("down", "F")
        desk.source.destroy(2)
        await desk.run(15)
        assert desk.selected == 2
        assert desk.table.following


async def test_a_followed_flow_that_a_search_hides_comes_back(clock: Clock) -> None:
    """While it is hidden another row stands in; without the search it is followed on."""
    async with dashboard(many(100), clock) as desk:
        await desk.press("end", "F")
        await desk.search("-port:20100")
        await desk.until(lambda: desk.table.selected != 100)
        assert desk.table.following
        await desk.press("escape")
        await desk.until(lambda: desk.table.selected == 100)
        assert desk.order[-1] == 100
