"""The table's rows and the status line: every connection is there, with its own numbers."""

from __future__ import annotations

import numpy as np

from tcctui.errors import TcctuiError
from tcctui.flows.history.pages import PAGE_BYTES
from tcctui.flows.labels import state_name
from tcctui.ui.status.status_bar import StatusBar
from tcctui.wire.events import TcpState
from tests.ui.fake_source import FakeSource, Flow, many, server
from tests.ui.sampled import sampled_server, without_events
from tests.ui.screen import Clock, Desk, chart, dashboard, lines, painted


def colour_of(widget: StatusBar, text: str, component: str) -> bool:
    """Whether a text is on a widget, in the colour of one of its components."""
    colour = widget.styles_of(component).color
    return any(
        text in segment.text and segment.style is not None and segment.style.color == colour
        for strip in painted(widget)
        for segment in strip
    )


def status_line(desk: Desk) -> StatusBar:
    """The status line."""
    return desk.screen.query_one(StatusBar)


async def test_every_connection_has_a_row_with_its_own_values(clock: Clock) -> None:
    """All flows are on the screen at once, fastest first, each with what the source said of it."""
    async with dashboard(server(), clock) as desk:
        assert desk.order == [1, 2, 3, 4, 5, 6, 7, 8, 12, 9, 10, 11]
        assert desk.column("local")[3] == "10.0.3.7:22"
        assert desk.column("remote")[2] == "[2001:db8::1:7]:40980"
        states, closed = desk.column("state"), state_name(TcpState.CLOSE)
        assert (states[0], states[9], states[10]) == ("ESTAB", closed, "CLOSE-WAIT")
        thresholds = desk.column("ssthresh")
        assert (thresholds[0], thresholds[2], thresholds[8]) == ("42", "∞", "1200")
        assert desk.column("rate")[0] == "92.0 Mb/s"
        assert desk.column("srtt")[11] == "2500 ms"
        assert desk.column("cwnd")[9] == "4"


async def test_a_value_that_changes_is_shown(clock: Clock) -> None:
    """What the next batch says of a flow replaces what was on its row."""
    source = FakeSource([Flow(1, "10.0.0.1:80", "10.0.0.2:1024", cwnd=(10, 10))])
    source.run(1)
    async with dashboard(source, clock) as desk:
        assert (desk.column("cwnd"), desk.column("ssthresh")) == (["10"], ["∞"])
        source.flows[1].cwnd, source.flows[1].ssthresh = (123, 123), 77
        source.run(0.25)
        await desk.until(lambda: desk.column("cwnd") == ["123"])
        assert desk.column("ssthresh") == ["77"]


async def test_the_status_line_counts_flows_events_and_losses(clock: Clock) -> None:
    """The status line tells what is watched where, and how many flows are shown of those known."""
    async with dashboard(server(), clock) as desk:
        for part in ("tcctui", "web-3", "tcp_probe · 6.12.0", "12/12 flows", "0 lost", "● live"):
            assert part in desk.status
        assert not colour_of(status_line(desk), "0 lost", "bad")

        desk.source.dropped = 1234
        await desk.search("port:443")
        await desk.until(lambda: "1,234 lost" in desk.status)
        await desk.until(lambda: "7/12 flows" in desk.status)
        assert len(desk.order) == 7
        assert colour_of(status_line(desk), "1,234 lost", "bad")


async def test_the_status_line_tells_the_rate_of_events_and_its_own_cost(clock: Clock) -> None:
    """Events per second and the process's share of a CPU are those of the time that went by."""
    source = FakeSource([Flow(1, "10.0.0.1:80", "10.0.0.2:1024")])
    async with dashboard(source, clock) as desk:
        await desk.run(1.5)  # 30 events
        clock.now += 1.5
        clock.cpu += 0.15
        await desk.until(lambda: "20 ev/s" in desk.status)
        assert "own CPU 10%" in desk.status


async def test_the_status_line_tells_what_memory_was_too_little_for(clock: Clock) -> None:
    """It says how many seconds are kept where it is less than a minute, and who had to go."""
    async with dashboard(server(), clock) as desk:
        assert "history" not in desk.status
        assert "dropped" not in desk.status
    async with dashboard(server(), clock, history_memory=12 * 30 * PAGE_BYTES) as desk:
        seconds = int(desk.store.totals().seconds_kept)
        assert 8 <= seconds <= 30
        assert f"history {seconds} s" in desk.status
        assert colour_of(status_line(desk), "history", "bad")
        assert "dropped" not in desk.status
    async with dashboard(server(), clock, history_memory=9 * PAGE_BYTES) as desk:
        assert "history <1 s" in desk.status
        assert f"{desk.store.totals().evicted} dropped" in desk.status


async def test_an_empty_table_says_what_may_be_why(clock: Clock) -> None:
    """With no flow at all: what would make one show up, or the kernel's filter that may hide it."""
    async with dashboard(FakeSource(), clock) as desk:
        await desk.until(lambda: "No TCP traffic yet" in lines(desk.table)[2])
        assert "0/0 flows" in desk.status
        assert "No flow is selected" in "\n".join(chart(desk, "cwnd"))
    async with dashboard(FakeSource(kernel_filter="port 443"), clock) as desk:
        await desk.until(lambda: "passes port 443" in lines(desk.table)[2])
        assert "kernel: port 443" in desk.status


async def test_an_empty_table_says_how_many_flows_the_search_hides(clock: Clock) -> None:
    """When the search hides everything, the table says so, and how to get it back."""
    async with dashboard(server(), clock) as desk:
        await desk.search("nowhere")
        await desk.until(lambda: "hides all 12 flows. Esc" in lines(desk.table)[2])
        await desk.until(lambda: "0/12 flows" in desk.status)
        await desk.press("escape")
        await desk.until(lambda: len(desk.order) == 12)


async def test_a_closed_flow_is_dimmed_and_leaves(clock: Clock) -> None:
    """A closed flow stays, dimmed, for ten seconds of the source's time, and then goes."""
    async with dashboard(server(), clock) as desk:
        dim = desk.table.styles_of("closed").color
        dimmed = [
            row
            for row, strip in enumerate(painted(desk.table)[1 : 1 + len(desk.order)])
            if any(segment.style and segment.style.color == dim for segment in strip)
        ]
        assert [desk.order[row] for row in dimmed] == [9]
        await desk.run(7.75)
        assert 9 in desk.order
        await desk.run(0.5)
        assert 9 not in desk.order
        await desk.until(lambda: "11/11 flows" in desk.status)


async def test_flows_beyond_the_screen_are_counted_and_reached(clock: Clock) -> None:
    """With more flows than lines, all count, the first are shown, and End shows the last."""
    async with dashboard(many(500), clock) as desk:
        await desk.until(lambda: "500/500 flows" in desk.status)
        assert desk.order == list(range(1, desk.table.size.height))
        await desk.press("end")
        assert desk.order[-1] == 500


async def test_sparklines_show_the_past_of_their_own_row(clock: Clock) -> None:
    """The sparkline of the one flow whose window rose at the end rises there, the others do not."""
    source = FakeSource(
        Flow(cookie, "10.0.0.1:80", f"10.0.0.2:{cookie}", rate=1e4 - cookie)
        for cookie in range(1, 101)
    )
    source.run(27)
    source.flows[2].cwnd = (40, 40)
    source.run(5)
    async with dashboard(source, clock) as desk:
        sparks = dict(zip(desk.order, desk.column("cwnd_spark"), strict=True))
        heights = np.array([ord(block) for block in sparks[2]])
        assert heights[-1] > heights[0]
        assert {"".join(sorted(set(spark))) for cookie, spark in sparks.items() if cookie != 2} == {
            sparks[1][0]
        }


async def test_a_source_without_events_says_how_to_get_them(clock: Clock) -> None:
    """Where samples alone come, nothing is said of events, and the command that adds them is."""
    for size in ((80, 24), (160, 40)):
        source = without_events()
        source.shortfall = TcctuiError("Reading tracepoints needs root.", "Run: sudo tcctui")
        async with dashboard(source, clock, size) as desk:
            assert "sock_diag only; for more: sudo tcctui" in desk.status
            for part in ("lost", "ev/s", "10 ms"):
                assert part not in desk.status
            assert "● live" in desk.status


async def test_samples_are_shown_while_events_are_on_their_way(clock: Clock) -> None:
    """Rows are there before tcp_probe is attached, and the status line says what is missing."""
    source = without_events()
    source.attaching = True
    async with dashboard(source, clock) as desk:
        assert "attaching sock_diag" in desk.status
        assert len(desk.order) == 20
        source.attaching = False
        await desk.looked()
        assert "attaching" not in desk.status


async def test_samples_fill_the_rows(clock: Clock) -> None:
    """What samples alone tell is in the rows: cwnd, srtt, rate, algorithm and process."""
    async with dashboard(without_events(), clock) as desk:
        assert len(desk.order) == 20
        assert set(desk.column("cwnd")) == {"21"}
        assert set(desk.column("srtt")) == {"20.0 ms"}
        assert set(desk.column("cc")) == {"cubic"}
        assert set(desk.column("process")) == {"nginx"}
        assert set(desk.column("retrans")) == {"4.14k"}
        assert desk.column("rate")[0] == "64.0 Mb/s"
        assert desk.order[0] == 1


async def test_names_with_wide_characters_move_no_column(clock: Clock) -> None:
    """Wide, invalid and control characters in a name leave all cells behind it in their place."""
    async with dashboard(sampled_server(8), clock) as desk:
        assert {strip.cell_length for strip in painted(desk.table)} == {desk.table.size.width}
        process, rtt = desk.place("process"), desk.place("srtt")
        shown = {}
        for strip in painted(desk.table)[1 : 1 + len(desk.order)]:
            assert strip.crop(rtt.start - 1, rtt.start).text == " "
            assert strip.crop(rtt.start, rtt.start + rtt.width).text.strip().endswith("ms")
            name = strip.crop(process.start, process.start + process.width)
            shown[name.text.strip()] = name.cell_length
        assert set(shown.values()) == {process.width}
        assert "wörk日本" in shown


async def test_the_source_is_told_what_is_on_the_screen(clock: Clock) -> None:
    """The flows in sight are asked for, the selected one first, and others after scrolling."""
    async with dashboard(many(100), clock, (80, 24)) as desk:
        await desk.until(lambda: desk.source.watched)
        rows = desk.table.size.height - 1
        await desk.until(lambda: desk.source.watched == tuple(range(1, rows + 1)))
        await desk.press("down", "down")
        await desk.until(lambda: desk.source.watched[:2] == (3, 1))
        await desk.press("end")
        await desk.until(lambda: desk.source.watched[0] == 100)
        assert set(desk.source.watched) == set(range(101 - rows, 101))
        desk.source.destroy(100)
        await desk.until(lambda: 100 not in desk.source.watched)
