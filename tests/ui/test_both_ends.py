"""Both ends of a connection on one time axis: the key, the charts, what is said of the clocks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tcctui.ui.compare.both_ends import BothEnds
from tcctui.ui.compare.compare import Compare
from tests.ui.fake_source import FakeSource
from tests.ui.screen import Clock, Desk, lines, notices, replay
from tests.unit.events import SECOND
from tests.unit.exchange import BEGIN, Path, exchange

OFFSET = 5 * 3600 * SECOND

LATE = 3 * SECOND
"""By which the receiver's time of day is ahead."""


@asynccontextmanager
async def replayed(
    clock: Clock, size: tuple[int, int] = (160, 50), **options: Any
) -> AsyncIterator[Desk]:
    """Replay the sender's recording, with the receiver's beside it, paused in its last second."""
    made = exchange(1, path=Path(), offset_ns=OFFSET, drift=0, segments=2000)
    origin = made.receiver.origin
    late = replace(origin, wall_offset_ns=origin.wall_offset_ns + LATE)
    options = {
        "others": [replace(made.receiver, origin=late)],
        "at_ns": BEGIN + 9 * SECOND,
        **options,
    }
    async with replay(made.sender, FakeSource(), clock, size, **options) as desk:
        await desk.travel("space")
        yield desk


def both(desk: Desk) -> BothEnds:
    """The view."""
    return desk.screen.query_one(BothEnds)


def legend(desk: Desk) -> list[str]:
    """Lines above the charts."""
    return [line.strip() for line in lines(desk.screen.query_one("#ends"))]


async def shown(desk: Desk) -> None:
    """Press the key, and wait for both ends."""
    await desk.press("V")
    await desk.until(lambda: both(desk).found)
    await desk.idle()


def titles(desk: Desk) -> list[str]:
    """The first line of each chart that is shown."""
    return [lines(chart)[0].strip() for chart in both(desk).pair.charts]


async def test_both_ends_take_the_place_of_the_charts(clock: Clock) -> None:
    """The sender's bytes on the left, the receiver's on the right; who is who is above."""
    async with replayed(clock) as desk:
        await shown(desk)
        assert not desk.screen.query_one("#lower").display
        left, right = titles(desk)
        assert "sender's bytes" in left
        assert "cwnd" in left
        assert "snd_wnd" not in left, "it is far above all else"
        assert "receiver's bytes" in right
        assert "rcvbuf 128" in right
        heading, sender, receiver = legend(desk)
        assert "last 60 s" in heading
        assert "clocks aligned to ±" in heading
        assert "db-2's time of day is 3.0s ahead" in heading
        assert "sends     web-1  10.0.0.1:5000 → 192.0.2.7:443" in sender
        assert "cubic" in sender
        assert "receives  db-2  192.0.2.7:443 → 10.0.0.1:5000" in receiver
        assert "out of order" in receiver
        await desk.press("V")
        assert not both(desk).display
        assert desk.screen.query_one("#lower").display


async def test_keys_of_the_charts_are_those_of_both_ends(clock: Clock) -> None:
    """C shows the next quantity of both, w another window; the crosshair reads both."""
    async with replayed(clock) as desk:
        await shown(desk)
        await desk.press("c")
        assert ["sender's rate" in titles(desk)[0], "receiver's rate" in titles(desk)[1]] == [
            True
        ] * 2
        await desk.press("c")
        assert "srtt" in titles(desk)[0]
        assert "out of order" in titles(desk)[1]
        await desk.press("c", "w")
        assert both(desk).pair.seconds == 10
        await desk.press("comma")
        assert "in flight" in legend(desk)[1]
        assert "rcv_wnd" in legend(desk)[2]
        await desk.press("escape")
        assert both(desk).display
        await desk.press("escape")
        assert not both(desk).display


async def test_a_narrow_screen_shows_one_end_after_the_other(clock: Clock) -> None:
    """There is one chart, and c goes from the sender to the receiver."""
    async with replayed(clock, (80, 24)) as desk:
        await shown(desk)
        seen = []
        for _ in range(3):
            seen += titles(desk)
            await desk.press("c")
        assert ["sender's bytes" in seen[0], "receiver's bytes" in seen[1], "rate" in seen[2]] == [
            True
        ] * 3


async def test_the_crosshair_is_read_on_a_narrow_screen(clock: Clock) -> None:
    """Its values have the place of the ends, which have no room beside them."""
    async with replayed(clock, (80, 24)) as desk:
        await shown(desk)
        await desk.press("c", "comma")
        assert re.search(r"unread .* · rcvbuf .* · rcv_wnd .* KiB", legend(desk)[2])
        assert legend(desk)[2].startswith("receives  db-2")


async def test_the_moment_is_that_of_the_replay(clock: Clock) -> None:
    """A step back shows both ends as they were then."""
    async with replayed(clock) as desk:
        await shown(desk)
        before = [lines(chart) for chart in both(desk).pair.charts]
        await desk.travel("left", "left", "left")
        assert all(
            lines(chart) != then for chart, then in zip(both(desk).pair.charts, before, strict=True)
        )


@pytest.mark.parametrize("others", [[], ["other"]])
async def test_a_connection_whose_other_end_is_not_there(clock: Clock, others: list[str]) -> None:
    """A notice says what is needed; the charts are shown again."""
    elsewhere = exchange(3, path=Path(), offset_ns=0, drift=0)
    async with replayed(clock, others=[elsewhere.sender for _ in others]) as desk:
        await desk.press("V")
        await desk.noticed("tcctui replay FILE OTHER")
        assert not both(desk).display
        assert desk.screen.query_one("#lower").display


async def test_pinned_flows_are_compared_as_before(clock: Clock) -> None:
    """With two pins, V is the comparison of flows."""
    async with replayed(clock) as desk:
        desk.table.pinned = (11, 22)
        await desk.press("V")
        assert desk.screen.query_one(Compare).cookies
        assert not desk.screen.query(BothEnds)
        assert not notices(desk)
