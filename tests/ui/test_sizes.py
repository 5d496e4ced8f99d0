"""Every size of the terminal: what fits is aligned, and what does not fit is said."""

from __future__ import annotations

import pytest

from tcctui.config.settings import Settings
from tcctui.ui.compare.compare import Compare
from tcctui.ui.dashboard.terminal_size import LEAST
from tcctui.ui.preferences import Preferences
from tcctui.ui.status.status_bar import StatusBar
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.table.layout import GAP
from tests.ui.fake_source import many, server
from tests.ui.screen import Clock, Desk, dashboard, lines, painted, screen


async def test_a_terminal_that_is_too_small_says_so_and_recovers(clock: Clock) -> None:
    """Below the least size a sentence stands for the screen; when it grows, all is as before."""
    async with dashboard(server(), clock, (100, 30)) as desk:
        await desk.search("port:443")
        await desk.press("enter", "down")
        await desk.until(lambda: "Quit" in screen(desk.pilot)[-1])
        await desk.looked()
        before = screen(desk.pilot)
        for width, height in ((59, 24), (80, 15), (1, 1)):
            await desk.resize(width, height)
            assert not desk.table.region
            if width > 1:
                said = desk.text.split()
                assert f"{width}×{height}." in said
                assert f"{LEAST.width}×{LEAST.height}:" in said
            await desk.resize(100, 30)
            await desk.until(lambda: screen(desk.pilot) == before)
        await desk.press("down")
        assert desk.selected == 3


async def test_a_terminal_that_is_too_small_can_be_quit(clock: Clock) -> None:
    """The key that the sentence names works."""
    async with dashboard(server(), clock, (59, 20)) as desk:
        assert "press q" in desk.text
        await desk.press("q")
        await desk.until(lambda: desk.pilot.app.return_code == 0)


@pytest.mark.parametrize("size", [(60, 16), (79, 40), (200, 23)])
async def test_a_small_terminal_has_the_table_alone(clock: Clock, size: tuple[int, int]) -> None:
    """Without room for charts rows have all of it; nothing is asked for charts, nor do keys."""
    async with dashboard(server(), clock, (120, 40)) as desk:
        await desk.press("asterisk", "down", "asterisk")
        for compared in (False, True):
            await desk.resize(120, 40)
            await desk.press(*("V" * compared))
            pictured = desk.screen.query_one(Compare if compared else "#lower")
            assert pictured.size.height > 5
            before = chart_requests(desk)
            assert before
            await desk.resize(*size)
            await desk.looked()
            assert pictured.size.height == 0
            assert desk.table.size.height == size[1] - 3
            assert len(desk.order) == min(12, size[1] - 4)
            assert chart_requests(desk) == set()
            assert not {"w", "plus", "c", "d", "V", "comma"} & {*desk.screen.active_bindings}
            assert screen(desk.pilot)[-1].rstrip().endswith("q Quit")
        await desk.resize(120, 40)
        assert chart_requests(desk) == before


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("keys", [(), ("space",), ("slash", "x")])
async def test_the_last_line_of_a_small_terminal(
    clock: Clock, keys: tuple[str, ...], plain: bool
) -> None:
    """At 60 columns no key's word is cut, in any mode, and no line is longer than the screen."""
    preferences = Preferences(Settings(ascii=plain))
    async with dashboard(server(), clock, (60, 16), preferences=preferences) as desk:
        await desk.travel(*keys)
        quits = "F10 Quit" if "x" in keys else "q Quit"  # a letter is typed
        assert screen(desk.pilot)[-1].rstrip().endswith(quits)
        assert max(map(len, screen(desk.pilot))) <= 60


def chart_requests(desk: Desk) -> set[str]:
    """What the dashboard asks of flows beside the rows of its table."""
    return {*desk.dashboard._request(anew=True).close}


async def test_the_least_size_has_what_matters_most(clock: Clock) -> None:
    """At 80×24 both ends, process, cwnd, srtt, rate and limit are there, rows, charts and keys."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        names = {place.column.name for place in desk.columns}
        assert names == {"local", "remote", "process", "cwnd", "srtt", "rate", "limit"}
        assert len(desk.order) >= 8
        assert desk.column("remote")[0] == "203.0.113.9:51514"
        assert "12/12 flows" in desk.status
        assert "● live" in desk.status
        await desk.until(lambda: "Quit" in screen(desk.pilot)[-1])
        assert "now" in screen(desk.pilot)[-3]


async def test_the_caption_tells_both_ends_and_the_window(clock: Clock) -> None:
    """However long the addresses are, both ports and the charts' window are in the caption."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        for flow in (1, 6):
            await desk.resize(80, 24)
            await desk.click(FlowTable, offset=(5, 1 + desk.order.index(flow)))
            ends = desk.source.flows[flow]
            for width in (80, 100, 120, 160):
                await desk.resize(width, 24)
                await desk.looked()
                local, remote = desk.caption.split(" → ")
                assert local.endswith(ends.local.rpartition(":")[2])
                assert remote.split(" ")[0].endswith(ends.remote.rpartition(":")[2])
                assert "last 60 s" in desk.caption


async def test_the_help_on_a_terminal_that_shrinks_and_grows(clock: Clock) -> None:
    """When the size changes below the help, the dashboard is right again once it is closed."""
    async with dashboard(server(), clock, (100, 30)) as desk:
        await desk.press("question_mark")
        await desk.resize(50, 20)
        await desk.press("escape")
        await desk.until(lambda: "50×20" in desk.text)
        await desk.press("question_mark")
        await desk.resize(120, 30)
        await desk.press("escape")
        await desk.until(lambda: desk.table.size.width == 120)
        await desk.press("down")
        assert desk.selected == 2


async def test_a_long_filter_does_not_push_the_state_off_the_line(clock: Clock) -> None:
    """On a narrow line the kernel filter is cut rather than the losses and live or paused."""
    source = server()
    source.kernel_filter = "port 443 or 8443, ip 2001:db8:1234:5678::/64, IPv6 only, every 10 ms"
    async with dashboard(source, clock, (80, 24)) as desk:
        assert "0 lost" in desk.status
        assert "12/12 flows" in desk.status
        assert "● live" in desk.status


async def test_the_selection_stays_in_sight_when_the_terminal_shrinks(clock: Clock) -> None:
    """With fewer lines than before, the selected row is still among them."""
    async with dashboard(many(100), clock, (120, 50)) as desk:
        await desk.press("pagedown")
        selected = desk.selected
        assert selected is not None
        assert selected > 20
        await desk.resize(120, 24)
        await desk.looked()
        assert desk.selected == selected


async def test_every_line_of_the_table_is_as_wide_as_the_table(clock: Clock) -> None:
    """At all widths, with long IPv6 endpoints, no line is short or long, and gaps stay blank."""
    async with dashboard(server(), clock, (80, 40)) as desk:
        for width in (*range(80, 132, 5), *range(133, 251, 19), 250):
            await desk.resize(width, 40)
            assert {strip.cell_length for strip in painted(desk.table)} == {width}
            assert desk.order[:3] == [1, 2, 3]
            assert desk.column("rate")[:2] == ["92.0 Mb/s", "18.4 Mb/s"]
            ends = [place.start + place.width for place in desk.columns]
            for line in lines(desk.table):
                assert {line[end : end + GAP] for end in ends} <= {" ", ""}, line
            (status,) = painted(desk.screen.query_one("#status"))
            assert status.cell_length == width


async def test_nothing_is_under_the_scroll_bar(clock: Clock) -> None:
    """With more flows than lines, the last column is whole beside the bar, at any width."""
    async with dashboard(many(100), clock, (80, 30)) as desk:
        for width in (80, 97, 119, 160, 161):
            await desk.resize(width, 30)
            last = desk.columns[-1]
            assert last.column.title in lines(desk.table)[0]
            assert last.start + last.width < width
        assert {strip.cell_length for strip in painted(desk.table)} == {161}
        await desk.resize(80, 30)
        assert desk.column("rate")[0] == "8.00 Mb/s"


async def test_what_gives_way_first(clock: Clock) -> None:
    """At 120 columns the host outlives the kernel's release; at 80 the wall clock the advice."""
    source = server()
    source.description = "tcp_probe + sock_diag · 6.18.0-very-long-1-amd64"
    async with dashboard(source, clock, (120, 30)) as desk:
        assert "web-3 · tcp_probe + sock_diag" in desk.status
        assert "6.18" not in desk.status
        await desk.resize(80, 24)
        await desk.travel("p", "left")
        desk.screen.query_one(StatusBar).update(mend="Run: sudo tcctui", source="sock_diag · 6.18")
        assert "sock_diag only" in desk.status
        assert "❚❚ 14:30:28.9 UTC · −1 s of 30 s" in desk.status
        await desk.until(lambda: "End Live" in screen(desk.pilot)[-1])


async def test_what_matters_stays_on_the_narrowest_line(clock: Clock) -> None:
    """When all that is bad happens at once, losses, flows and the pause are there at 80 columns."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        await desk.travel("down", "p")
        desk.screen.query_one(StatusBar).update(
            lost=1_234_567, evicted=1234, seconds_kept=0, shown=10_000, known=10_000
        )
        assert "1,234,567 lost" in desk.status
        assert "1,234" in desk.status.replace("1,234,567", "")
        assert "10,000/10,000 flows" in desk.status
        assert " · −0 s" in desk.status
