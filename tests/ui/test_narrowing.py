"""K: the kernel delivers only what the search can match, and says so."""

from __future__ import annotations

from dataclasses import replace

from tcctui.query import ALL, Query, parse
from tcctui.query.address_formula import Bounds, PortRange, opposite
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.dashboard.narrowing import Narrowing
from tcctui.wire.inside import Asked
from tests.ui.fake_source import FakeSource, many, server
from tests.ui.screen import Clock, dashboard

PORT_22 = PortRange("sd", 22, 22)


def decided(text: str, port: int) -> Query:
    """Make a query of which the kernel can decide the port."""
    reach = PortRange("sd", port, port)
    return replace(parse(text), bounds=Bounds(reach, opposite(reach)))


def asked(source: FakeSource) -> list[str | None]:
    """What the source was asked to be narrowed to."""
    return [None if query is None else query.text for query in source.narrowed]


async def test_only_where_it_is_wanted(clock: Clock) -> None:
    """A search alone asks nothing of the kernel: what it hides is still there to go back to."""
    source = server()
    async with dashboard(source, clock) as desk:
        await desk.find("port:22")
        assert asked(source) == []
        assert "kernel:" not in desk.status


async def test_on_and_off(clock: Clock) -> None:
    """While it is on, the kernel follows each change of the search; off, it delivers everything."""
    source = server()
    async with dashboard(source, clock) as desk:
        await desk.search("192.0.2")
        await desk.press("enter", "K")
        assert asked(source) == ["192.0.2"]
        assert "kernel: all · the rest here" in desk.status
        await desk.find("192.0.2.4")
        assert asked(source)[-1] == "192.0.2.4"
        await desk.press("K")
        assert asked(source)[-1] is None
        assert "kernel:" not in desk.status
        await desk.find("x")
        assert asked(source)[-1] is None, "it follows no search any more"


async def test_half_open_connections_are_asked_for_while_a_column_shows_them(clock: Clock) -> None:
    """The kernel is asked for them when their column comes, also behind a search, and then not."""
    source = server()
    async with dashboard(source, clock) as desk:
        assert not source.half_open
        desk.table.show_columns(["remote", "half_open"], {})
        await desk.idle()
        assert source.half_open
        await desk.find("state:listen,estab")
        assert source.half_open
        desk.table.show_columns(["remote"], {})
        await desk.idle()
        assert not source.half_open


async def test_what_it_means_is_said(clock: Clock) -> None:
    """That what is not delivered can't be gone back to is said when it begins."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        await desk.press("K")
        await desk.until(lambda: "lost meanwhile" in desk.text)
        assert "kernel: all" in desk.status
        assert "● live" in desk.status


async def test_the_own_filter_is_named_with_what_is_left(clock: Clock) -> None:
    """A filter of which the kernel decides a part is shown with the rest being done here."""
    source = many(3)
    source.kernel_filter, source.kernel_exact = "port:443", False
    async with dashboard(source, clock) as desk:
        assert "kernel: port:443 · the rest here" in desk.status
        source.kernel_exact = True
        await desk.looked()
        assert "the rest here" not in desk.status


def test_wanted_before_there_is_a_source() -> None:
    """Pressed while the program compiles, it holds from the first event on."""
    narrowing, source = Narrowing(), FakeSource()
    narrowing.toggle()
    narrowing.search(decided("port:22", 22))
    narrowing.opened(source)
    assert asked(source) == ["port:22"]
    assert source.kernel_filter == "port:22"


def test_a_recording_can_not_be_narrowed() -> None:
    """What was recorded is not asked for again: the key says so, and is off."""
    narrowing, source = Narrowing(), FakeSource()
    source.can_narrow = False
    narrowing.opened(source)
    assert "recording" in narrowing.toggle().text
    assert "recording" in Narrowing().toggle(live=False).text
    narrowing.search(ALL)
    assert not narrowing.on
    assert not source.narrowed


async def test_flows_that_do_not_come_are_hidden_and_come_back(clock: Clock) -> None:
    """What the kernel keeps back is nothing that the search shows; off, its values go on."""
    source = server()
    async with dashboard(source, clock) as desk:
        everything = desk.order
        query = decided("port:22", 22)
        desk.table.flow_query = query
        screen_ = desk.screen
        assert isinstance(screen_, Dashboard)
        screen_.action_narrow()
        screen_._narrowing.search(query)
        await desk.run(5)
        assert desk.order == [4]
        screen_.action_narrow()
        desk.table.flow_query = ALL
        await desk.run(2)
        assert {*everything} - {9} <= {*desk.order}, "but for 9, which has closed"


async def test_sockets_are_read_while_the_screen_shows_them(clock: Clock) -> None:
    """All are read while a column shows such a value, the selected one's while it has details.

    Its algorithm's state is read for the chart, too.
    """
    source, asked = server(), []
    async with dashboard(source, clock) as desk:
        asked.append(source.asked)
        await desk.press("d")
        asked.append(source.asked)
        for column in ("tlp_out", "rto"):  # samples tell the second
            desk.table.show_columns(["remote", column], {})
            await desk.idle()
            asked.append(source.asked)
        await desk.press("d")
        asked.append(source.asked)
    charts = Asked.ALGORITHM
    selected, of_all = Asked.SOCKET | charts, Asked.SOCKET_OF_ALL | charts
    assert asked == [selected, charts, of_all, charts, selected]
