"""The heat map of round-trip times: of which flows, its bins, and how it gives way."""

from __future__ import annotations

import re

import numpy as np
from textual.widget import Widget

from tcctui.flows.groups.heat_map import FLOOR, HeatMap
from tcctui.terminal_type import Colours
from tcctui.ui.preferences import Preferences
from tcctui.ui.table.rtt_heat_map import Cells, drawn
from tcctui.ui.table.srtt_bins import BinsDialog
from tcctui.ui.table.srtt_histogram import Bars
from tests.ui.screen import Clock, Desk, dashboard, lines, notices
from tests.ui.test_grouping import group, source


def shown(desk: Desk) -> list[str]:
    """The lines of the map; empty where it is not open."""
    top = desk.pilot.app.screen
    return [line.strip() for line in lines(top.query_one(Cells))] if is_open(desk) else []


def is_open(desk: Desk, bins: type[Widget] = Cells) -> bool:
    """True while the map, or other bins, are on the screen."""
    top = desk.pilot.app.screen
    return isinstance(top, BinsDialog) and isinstance(top.bins, bins)


async def opened(desk: Desk) -> None:
    """Press H, and wait for the first map."""
    await desk.press("H")
    await desk.until(lambda: shown(desk) and "samples" in shown(desk)[0])


async def by(desk: Desk, name: str) -> None:
    """Press b, and wait for the map of other flows."""
    await desk.press("b")
    await desk.until(lambda: len(shown(desk)) > 2 and f"by {name}" in shown(desk)[1])


async def test_it_is_of_flows_with_something_in_common(clock: Clock) -> None:
    """All that is shown, the selected one, its net, its algorithm; the group only with a header."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        await desk.looked()
        await desk.press("g")
        await opened(desk)
        assert shown(desk)[0].startswith("6 flows, ")
        await by(desk, "flow ·")
        assert shown(desk)[0].startswith("the selected flow, ")
        await by(desk, "net")
        assert "/24: " in shown(desk)[0]
        await by(desk, "cc")
        await by(desk, "flows shown")
        await desk.press("escape")
        assert not is_open(desk)
        await group(desk)
        await desk.press("g")
        await opened(desk)
        await by(desk, "group")
        assert "/24: " in shown(desk)[0]


async def test_a_bin_is_searched_for(clock: Clock) -> None:
    """Enter searches for the selected bin, of the flows that are shown."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        await desk.looked()
        await desk.press("g")
        await opened(desk)
        await by(desk, "flow ·")
        await desk.see("home", "enter")
        assert desk.box.value.startswith("cookie:")
        assert "srtt>=" in desk.box.value
        assert "srtt<" in desk.box.value
        assert not notices(desk)


async def test_the_histogram_is_one_key_away(clock: Clock) -> None:
    """H again closes the map, h shows the histogram of this moment."""
    async with dashboard(source(), clock, size=(80, 24)) as desk:
        await desk.looked()
        await opened(desk)
        await desk.press("h")
        assert is_open(desk, Bars)
        await desk.press("H")
        assert not is_open(desk, Widget)


def test_cells_are_read_without_colours() -> None:
    """The more samples, the darker the character; below the floor there is a dot, in grey."""
    counts = np.array([[FLOOR * 20, 1, 0], [FLOOR, 0, 0], [1, 0, 0]])
    made = HeatMap(np.array([1000.0, 2000, 5000, 10_000]), counts, counts.sum(0))
    head, legend, *bins, _, axis = drawn(made, "3 flows", "shown", -1, 100)
    assert head[0][0] == f"3 flows, {counts.sum()} samples"
    assert f"grey: under {FLOOR} samples" in legend[0][0]
    assert [piece for line in bins for piece in line[1:-1]] == [
        *(("·", "srtt"), ("  ", "dim")),
        *(("·", "srtt"), ("  ", "dim")),
        *(("█", "srtt"), ("· ", "dim")),
    ]
    assert bins[-1][-1] == ("    94 %", "head")
    assert axis[0][0].rstrip().endswith("now")


def test_its_lines_fit_a_narrow_screen_and_bins_differ() -> None:
    """At 80×24 what is grey is said to the end; edges have all digits, and no share is 0."""
    counts = np.array([[1] * 4, [999] * 4])
    made = HeatMap(np.array([12.6, 12.9, 13.2]), counts, counts.sum(0))
    _, legend, *bins, _, _ = drawn(made, "1 flow", "shown", -1, 68)
    assert legend[0][0].endswith("grey: under 5 samples")
    assert [line[0][0].split(" ms")[0].strip() for line in bins] == ["0.0129", "0.0126"]
    assert [line[-1][0].strip() for line in bins] == ["100 %", "0.1 %"]
    assert all(sum(len(text) for text, _ in line) <= 68 for line in bins)


async def test_a_bin_without_samples_is_not_searched_for(clock: Clock) -> None:
    """Enter there says so, as in the histogram, and hides nothing."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        await desk.looked()
        await opened(desk)
        await desk.press("home", "down", "enter")
        assert is_open(desk)
        assert any("No flow is in this bin" in notice for notice in notices(desk))


async def test_the_selected_bin_is_seen_without_colours(clock: Clock) -> None:
    """On a terminal without colours, and in the map as in the histogram, it is reversed."""
    preferences = Preferences()
    preferences.colours = Colours.NONE
    async with dashboard(source(), clock, size=(80, 24), preferences=preferences) as desk:
        await desk.looked()
        await opened(desk)
        for key in ("down", "h"):
            await desk.press(key)
            top = desk.pilot.app.screen
            assert isinstance(top, BinsDialog)
            assert top.bins.selected >= 0
            assert top.bins.get_component_rich_style("bins--cursor").reverse
        assert is_open(desk, Bars)


async def test_it_ends_at_the_moment_that_is_shown(clock: Clock) -> None:
    """Now while live, and else the time of day, as the charts below."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        await desk.run(10)
        await opened(desk)
        assert [*filter(None, shown(desk))][-1].endswith("now")
        await desk.press("escape")
        await desk.travel("space", "left", "left")
        await opened(desk)
        assert re.search(r"\d\d:\d\d:\d\d \w+$", [*filter(None, shown(desk))][-1])


async def test_a_map_that_comes_late_is_not_of_other_flows(clock: Clock) -> None:
    """What was read for flows that are not wanted any more is left out, and no key waits for it."""
    async with dashboard(source(), clock, size=(160, 50)) as desk:
        await desk.looked()
        await desk.press("g")
        await opened(desk)
        cells = desk.pilot.app.screen.query_one(Cells)
        late, at_ns = cells._bins, cells._view.at_ns
        assert isinstance(late, HeatMap)
        await by(desk, "flow ·")
        own = cells._bins
        cells._arrived(0, late, "", at_ns)
        assert cells._bins is own
        assert shown(desk)[0].startswith("the selected flow, ")
