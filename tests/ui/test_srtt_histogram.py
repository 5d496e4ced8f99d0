"""The histogram of round-trip times: of which flows, live, and as a way to search."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from tcctui.flows.groups.histogram import LEAST_BINS, histogram
from tcctui.flows.snapshot import Flows
from tcctui.query import parse
from tcctui.ui.table.srtt_bins import BinsDialog
from tcctui.ui.table.srtt_histogram import Bars, bars, query
from tests.ui.fake_source import FakeSource, Flow
from tests.ui.screen import Clock, Desk, dashboard, lines, notices
from tests.ui.test_grouping import group, source, table


def shown(desk: Desk) -> list[str]:
    """The lines of the histogram, without blanks around them; empty where it is not open."""
    top = desk.pilot.app.screen
    return [line.strip() for line in lines(top.query_one(Bars))] if is_open(desk) else []


def is_open(desk: Desk) -> bool:
    """Whether the histogram is on the screen."""
    top = desk.pilot.app.screen
    return isinstance(top, BinsDialog) and isinstance(top.bins, Bars)


async def opened(desk: Desk) -> None:
    """Press H, and h for the histogram in place of the heat map."""
    await desk.press("H")
    if not is_open(desk):
        await desk.press("h")
    await desk.until(lambda: shown(desk) and "flow" in shown(desk)[0])


def counted(desk: Desk) -> int:
    """How many flows the bars are of, by their numbers."""
    told = (re.search(r" ([\d,]+)(?: p\d+)*$", line) for line in shown(desk)[4:])
    return sum(int(found[1].replace(",", "")) for found in told if found)


async def test_it_is_of_the_flows_that_are_shown(clock: Clock) -> None:
    """The search applies; flows without an srtt are counted apart."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        desk.source.flows[9] = Flow(9, "10.0.0.1:80", "192.0.2.9:1009", rate=0)
        desk.source.sample(9, rtt=0, snd_cwnd=10)
        await desk.looked()
        await opened(desk)
        assert shown(desk)[0] == "7 flows, 6 with an srtt, 1 without"
        assert shown(desk)[1] == "min 5.00 ms  max 90.0 ms"
        assert counted(desk) == 6
        await desk.press("escape")
        assert not is_open(desk)
        await desk.find("port:80")
        await opened(desk)
        assert shown(desk)[0].startswith("4 flows of 7, 3 with")
        assert counted(desk) == 3


async def test_it_is_of_the_group_that_is_selected(clock: Clock) -> None:
    """On a header it shows that group alone, folded or not."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        await group(desk)
        await desk.press("g", "down", "down", "down", "enter")
        await opened(desk)
        assert shown(desk)[0] == "198.51.100.0/24: 3 flows, 3 with an srtt, 0 without"
        assert counted(desk) == 3


async def test_a_bin_of_a_group_is_searched_for_in_the_group(clock: Clock) -> None:
    """Flows of other groups with the same srtt are not what was counted, nor what is found."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        desk.source.flows[2].srtt_us = 50_000  # as flow 3, of another group
        await desk.run(1)
        await group(desk)
        await desk.press("g", "down", "down", "down")
        await opened(desk)
        await desk.see("home", "enter")
        assert "dst:198.51.100.0/24" in desk.box.value
        assert table(desk) == ["▾198.51.100.0/24", "1003"]


async def test_it_is_live(clock: Clock) -> None:
    """A new flow and a changed srtt are in it without a key."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        await opened(desk)
        desk.source.flows[9] = Flow(9, "10.0.0.1:80", "192.0.2.9:1009", srtt_us=400_000)
        desk.source.run(1)
        await desk.until(lambda: shown(desk)[0].startswith("7 flows,"))
        assert "max 400 ms" in shown(desk)[1]
        assert counted(desk) == 7


async def test_a_bin_is_searched_for(clock: Clock) -> None:
    """Enter adds the selected bin to the search; what the table shows then is what was in it."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        await desk.find("port:80")
        await opened(desk)
        await desk.see("end", "enter")
        assert not is_open(desk)
        assert "port:80" in desk.box.value
        assert "srtt>=" in desk.box.value
        assert table(desk) == ["1005"]


async def test_an_empty_bin_is_not_searched_for(clock: Clock) -> None:
    """Enter where no flow is says so, and hides nothing; neither does a second click."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        await opened(desk)
        await desk.press("end", "up")
        assert await desk.click(Bars, offset=(3, 5))
        await desk.press("enter")
        assert is_open(desk)
        assert any("No flow is in this bin" in notice for notice in notices(desk))
        await desk.press("escape", "escape")
        assert desk.box.value == ""


async def test_a_click_selects_a_bin_and_another_takes_it(clock: Clock) -> None:
    """The mouse does what the keys do."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        await opened(desk)
        assert await desk.click(Bars, offset=(3, 4))
        assert is_open(desk)
        assert await desk.click(Bars, offset=(3, 4))
        await desk.looked()
        assert not is_open(desk)
        assert table(desk) == ["1006"]


async def test_it_is_of_the_moment_that_is_shown(clock: Clock) -> None:
    """Back in time it is of that time, and nothing that comes meanwhile is in it."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        await desk.run(10)
        await desk.travel("space", "left", "left")
        desk.source.flows[9] = Flow(9, "10.0.0.1:80", "192.0.2.9:1009", srtt_us=400_000)
        await desk.run(3)
        await opened(desk)
        assert shown(desk)[0].startswith("6 flows,")


async def test_nothing_measured_is_said(clock: Clock) -> None:
    """Without any srtt there is a sentence, and keys do no harm."""
    async with dashboard(FakeSource(), clock, size=(80, 24)) as desk:
        await opened(desk)
        assert shown(desk)[1] == "No flow that is shown has been measured yet"
        await desk.press("down", "enter", "end")
        assert is_open(desk)
        await desk.press("H")
        assert not is_open(desk)


def test_the_query_of_a_bin_lets_through_what_is_in_it() -> None:
    """Each bin's query, as the language reads it, finds as many flows as the bin counts."""
    srtts = np.random.default_rng(1).integers(1, 3_000_000, 500).astype("u4")
    srtts[:40] = np.arange(40)
    flows = Flows(0, {"cookie": np.arange(len(srtts), dtype="u8"), "srtt_us": srtts})
    for count in (LEAST_BINS, 18, 38, 90):
        bins = histogram(srtts, count)
        found = [parse(query(bins, at)).mask(flows).sum() for at in range(len(bins.counts))]
        assert found == bins.counts.tolist()


@pytest.mark.parametrize("width", [62, 136])
def test_bars_fit_their_width(width: int) -> None:
    """No line is longer than there is room for where that is what a small terminal has."""
    bins = histogram(np.full(123_456, 20_000, "u4"), 15)
    made = bars(bins, -1, width)
    assert all(sum(len(text) for text, _ in line) <= width for line in made)


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
async def test_looks(clock: Clock, panel: Callable[..., None], size: tuple[int, int]) -> None:
    """A histogram of many flows looks as it did when a person last looked at it."""
    srtts = np.random.default_rng(7).lognormal([9.9, 6.2], [0.5, 0.4], (150, 2)).astype(int).ravel()
    made = FakeSource(
        Flow(at, "10.0.0.1:443", f"203.0.{at // 250}.{at % 250}:5000", srtt_us=max(1, int(srtt)))
        for at, srtt in enumerate(srtts, 1)
    )
    made.run(0.5)
    async with dashboard(made, clock, size) as desk:
        await opened(desk)
        await desk.press("down", "down")
        await desk.until(lambda: counted(desk) > 200)
        panel(desk, ".histogram")
