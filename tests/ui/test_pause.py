"""Pause: the view stands still while events are still taken in."""

from __future__ import annotations

import pytest

from tcctui.wire.events import TcpState
from tests.ui.fake_source import Flow, server
from tests.ui.screen import Clock, Desk, chart, dashboard, lines

PART_OF_A_BUCKET = 0.25
"""Seconds after which histories' newest 100 ms are not over: more of them comes after the pause."""


def view(desk: Desk) -> list[str]:
    """Everything between the status line and the keys: rows, caption and charts."""
    return [*lines(desk.table), desk.caption, *charts(desk)]


def charts(desk: Desk) -> list[str]:
    """Both charts, one above the other."""
    return [*chart(desk, "cwnd"), *chart(desk, "srtt")]


def change_everything(desk: Desk) -> None:
    """Let all values become others, and a new flow come up."""
    for flow in desk.source.flows.values():
        flow.cwnd, flow.ssthresh, flow.srtt_us = (500, 900), 321, 77_000
        flow.rate += 3e6
    desk.source.flows[13] = Flow(13, "10.0.3.7:443", "192.0.2.113:1313", rate=1e9)


@pytest.mark.parametrize("key", ["p", "space"])
async def test_the_view_stands_still_and_catches_up(clock: Clock, key: str) -> None:
    """While paused nothing on the screen moves, though events come in; the key again shows all."""
    async with dashboard(server(), clock) as desk:
        await desk.run(PART_OF_A_BUCKET)
        before = view(desk)
        await desk.travel(key)
        assert " · −0 s" in desk.status
        assert "live" not in desk.status
        events = desk.store.totals().events
        change_everything(desk)
        await desk.run(5)
        assert desk.store.totals().events > events + 1000
        assert lines(desk.table) == before[: desk.table.size.height]
        assert view(desk) == before

        await desk.press(key)
        await desk.until(lambda: "● live" in desk.status)
        await desk.looked()
        assert desk.order[0] == 13
        assert desk.column("ssthresh")[1] == "321"
        assert "13/13 flows" in desk.status
        assert charts(desk) != before[-len(charts(desk)) :]


async def test_another_flow_is_shown_as_it_was_at_the_pause(clock: Clock) -> None:
    """Selecting another flow while paused shows its charts and its caption of that moment."""
    async with dashboard(server(), clock) as desk:
        await desk.run(PART_OF_A_BUCKET)
        await desk.travel("down")
        second = [desk.caption, *charts(desk)]
        await desk.press("up")
        await desk.travel("p")
        change_everything(desk)
        await desk.run(5)
        await desk.travel("down")
        assert desk.charted == 2
        assert [desk.caption, *charts(desk)] == second
        await desk.travel("p")
        assert [desk.caption, *charts(desk)] != second


async def test_sorting_and_searching_go_on_while_paused(clock: Clock) -> None:
    """A paused view can still be sorted and searched, by the values it shows."""
    async with dashboard(server(), clock) as desk:
        before = desk.order
        await desk.travel("p")
        change_everything(desk)
        await desk.run(5)
        await desk.press("r")
        assert desk.order[3:] == before[:9][::-1]
        await desk.search("ssthresh=321")
        await desk.until(lambda: desk.order == [])
        await desk.search("ssthresh=42")
        await desk.until(lambda: desk.order == [1])


async def test_words_are_searched_in_what_was_there_at_the_pause(clock: Clock) -> None:
    """A word finds addresses and states of the moment of the pause, not those of now."""
    async with dashboard(server(), clock) as desk:
        await desk.travel("p")
        desk.source.state(1, TcpState.FIN_WAIT1)
        desk.source.destroy(2)
        desk.source.flows[13] = Flow(13, "10.0.3.7:443", "192.0.2.113:1313", rate=1e9)
        await desk.run(15)
        await desk.search("close-wait")
        await desk.until(lambda: desk.order == [10])
        await desk.search("fin-wait")
        await desk.until(lambda: desk.order == [])
        await desk.search("estab 198.51")
        await desk.until(lambda: desk.order == [2])
        await desk.press("enter", "p")
        await desk.until(lambda: desk.order == [])


async def test_a_flow_that_leaves_meanwhile_stays_in_a_paused_view(clock: Clock) -> None:
    """What closed and left the store is still to be seen until the view goes on."""
    async with dashboard(server(), clock) as desk:
        await desk.travel("p")
        await desk.run(15)
        assert 9 in desk.order
        await desk.travel("p")
        assert 9 not in desk.order


async def test_windows_can_be_changed_while_paused(clock: Clock) -> None:
    """`w` works on a paused view, and shows the past of the moment it was paused at."""
    async with dashboard(server(), clock) as desk:
        await desk.run(PART_OF_A_BUCKET)
        await desk.travel("w")
        ten_seconds = charts(desk)
        await desk.press("w", "w")
        await desk.travel("p")
        change_everything(desk)
        await desk.run(3)
        await desk.travel("w")
        assert "last 10 s" in desk.caption
        assert charts(desk) == ten_seconds
