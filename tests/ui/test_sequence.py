"""The time–sequence diagram: its key, its zoom, what the legend says, and its strokes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np

from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk, by_flow
from tcctui.ui.chart import strokes
from tcctui.ui.chart.chart_data import Strokes
from tcctui.ui.sequence.sequence_view import SequenceView
from tcctui.wire.events import DROPPED, RECOVERY, CaState, EventKind
from tcctui.wire.records import joined
from tests.ui.fake_source import FakeSource
from tests.ui.screen import Clock, Desk, dashboard, lines, replay
from tests.unit.events import MS, SECOND
from tests.unit.exchange import BEGIN, Machine, Path, exchange

MOMENT = BEGIN + 9 * SECOND


class Lossy:
    """A sender's recording with fast retransmissions in its last second, dropped here or not."""

    def __init__(self, sender: Machine, *, dropped: bool = False) -> None:
        self._sender, self._dropped = sender, dropped
        self.origin, self.span = sender.origin, sender.span
        self.asked = 0

    def keyframe(self, at_ns: int) -> None:
        """None there is."""

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        """Cut it as the sender does."""
        self.asked += 1
        for chunk in self._sender.chunks(after_ns, until_ns, cookies):
            acks = chunk.events[chunk.events["ts_ns"] > MOMENT - 900 * MS][:40:10]
            again = acks[acks["ts_ns"] < MOMENT].copy()
            una = again["snd_una"].copy()
            again["kind"] = EventKind.RETRANSMIT
            at = again.view(RECOVERY)
            at["known"], at["ca_state"] = 1, CaState.RECOVERY
            at["seq"], at["end_seq"] = una, una + np.uint32(1448)
            drops = again[: len(again) * self._dropped].copy()
            drops["ts_ns"] -= np.uint64(MS)
            drops["kind"] = EventKind.DROP
            drops.view(DROPPED)["seq"], drops.view(DROPPED)["bytes"] = una[: len(drops)], 1448
            yield replace(chunk, events=by_flow(joined([chunk.events, again, drops])))


@asynccontextmanager
async def shown(
    clock: Clock,
    size: tuple[int, int] = (160, 50),
    *,
    dropped: bool = False,
    change: Callable[[Machine], Machine] = lambda sender: sender,
) -> AsyncIterator[Desk]:
    """Show the diagram of a recording, paused near its end."""
    sender = change(exchange(1, path=Path(), offset_ns=0, drift=0, segments=2000).sender)
    recording = Lossy(sender, dropped=dropped)
    async with replay(recording, FakeSource(), clock, size, at_ns=MOMENT) as desk:
        await desk.travel("space")
        await desk.press("T")
        await desk.until(lambda: view(desk).drawn)
        await desk.idle()
        yield desk


def view(desk: Desk) -> SequenceView:
    """The view."""
    return desk.screen.query_one(SequenceView)


def legend(desk: Desk) -> list[str]:
    """Lines above the charts."""
    return [line.strip() for line in lines(desk.screen.query_one("#sequence-legend"))]


def titles(desk: Desk) -> list[str]:
    """The first line of each chart that is shown."""
    return [lines(chart)[0].strip() for chart in view(desk).pair.charts]


async def test_the_diagram_takes_the_place_of_the_charts(clock: Clock) -> None:
    """Sent, acknowledged and the window's edge, with retransmits by cause; RTT is beside them."""
    async with shown(clock) as desk:
        assert not desk.screen.query_one("#lower").display
        left, right = titles(desk)
        assert left.startswith("sequence")
        assert all(name in left for name in ("acked", "sent"))
        assert "srtt 20.0 ms" in right
        heading, told = legend(desk)
        assert "10.0.0.1:5000 → 192.0.2.7:443 · last 60 s" in heading
        assert "ranges of SACK were not read" in heading
        assert told == "F fast 4"
        assert sum(line.count("F") for line in lines(view(desk).pair.left)[1:]) >= 1
        await desk.press("T")
        assert not view(desk).display
        assert desk.screen.query_one("#lower").display


async def test_zoom_stays_at_the_crosshair(clock: Clock) -> None:
    """With a crosshair, less time is shown around it; Esc ends that, the zoom, and the view."""
    async with shown(clock) as desk:
        await desk.press("w")
        assert view(desk).pair.seconds == 10
        await desk.press("comma", *["comma"] * 30)
        part = view(desk).pair.crosshair
        assert part is not None
        moment = part * 10
        await desk.press("plus", "plus")
        assert view(desk).pair.seconds == 1
        assert "1 s, until" in legend(desk)[0]
        before = float(legend(desk)[0].split("until ")[1].split(" s ago")[0])
        assert abs(before + part * 1 - moment) < 0.02, "the crosshair is at the same moment"
        await desk.press("escape")
        assert " ago" in legend(desk)[0]
        await desk.press("escape")
        assert "last 1 s" in legend(desk)[0]
        await desk.press("escape")
        assert not view(desk).display


async def test_the_crosshair_moves_the_window_at_its_edge(clock: Clock) -> None:
    """Beyond the left edge is what was before, and beyond the right one what came next."""
    async with shown(clock) as desk:
        await desk.press("w", "plus")
        assert view(desk).pair.seconds == 5
        view(desk).pair.crosshair = 0.999999
        await desk.press("comma")
        assert "5 s, until 2.5 s ago" in legend(desk)[0]
        view(desk).pair.crosshair = 0.0
        await desk.press("full_stop")
        assert "last 5 s" in legend(desk)[0]


async def test_no_window_is_before_the_first_ack(clock: Clock) -> None:
    """However far the crosshair goes back, and whichever window is next, there is something."""
    async with shown(clock) as desk:
        await desk.press("w", "comma", *["plus"] * 2)
        assert view(desk).pair.seconds == 1
        for _ in range(30):
            view(desk).pair.crosshair = 0.999999
            await desk.press("comma")
        await desk.until(lambda: view(desk).drawn and not view(desk)._lacks)
        assert "1 s, until" in legend(desk)[0]
        assert "acked" in titles(desk)[0]
        await desk.press("w")
        assert "whole life ·" in legend(desk)[0]
        assert "acked" in titles(desk)[0]


async def test_a_narrow_screen_shows_one_after_the_other(clock: Clock) -> None:
    """There is one chart, and c goes from the diagram to the RTT and the throughput."""
    async with shown(clock, (80, 24)) as desk:
        seen = []
        for _ in range(3):
            seen += titles(desk)
            await desk.press("c")
        assert ["sequence" in seen[0], "RTT" in seen[1], "throughput" in seen[2]] == [True] * 3
        assert "sequence" in titles(desk)[0]


async def test_a_drop_gives_way_to_its_retransmit_and_the_crosshair_names_both(
    clock: Clock,
) -> None:
    """Where they share a cell, the cause of the retransmit is drawn, and none is lost."""
    async with shown(clock, (80, 24), dropped=True) as desk:
        assert legend(desk)[1] == "F fast 4 · ⊗ dropped here 4"
        plot = "".join(lines(view(desk).pair.left)[1:])
        assert "F" in plot
        assert "⊗" not in plot
        await desk.press("comma")
        told = [legend(desk)[1]]
        while "fast" not in told[-1] and len(told) < 40:
            await desk.press("comma")
            told.append(legend(desk)[1])
        at, retransmits, drops, *values = told[-1].split(" · ")
        assert at.startswith("at −")
        assert retransmits.removeprefix("F fast ") == drops.removeprefix("⊗ dropped here ")
        assert values[0].startswith("acked ")


async def test_ticks_are_round_in_the_unit_of_the_axis(clock: Clock) -> None:
    """Of KiB and MiB, too: they are some steps apart, and values have a digit more."""
    async with shown(clock) as desk:
        drawn = lines(view(desk).pair.left)
        assert drawn[0].rstrip().endswith("MiB")
        ticks = [float(line.split("┤")[0]) for line in drawn if "┤" in line]
        steps = np.diff(ticks)
        assert len(ticks) > 3
        assert np.allclose(steps, steps[0])
        assert f"{-steps[0]:.3g}" in {"0.2", "0.3", "0.4", "0.5", "1"}
        assert re.search(r"acked \d\.\d\d ", drawn[0])


async def test_long_addresses_leave_room_for_the_window_and_the_key(clock: Clock) -> None:
    """On a narrow screen they are cut: which time is shown, and how to leave, stays."""

    def far_away(sender: Machine) -> Machine:
        for part in (sender.events, sender.samples):
            for name in ("saddr", "daddr"):
                part[name] = 0x2001_0DB8_1111_2222, 0x3333_4444_5555_6666
        return sender

    async with shown(clock, (80, 24), change=far_away) as desk:
        head = legend(desk)[0]
        assert "…" in head
        assert head.endswith(" · last 60 s")


async def test_without_a_connection_it_says_what_to_do(clock: Clock) -> None:
    """All of it, on a narrow screen, too."""
    async with dashboard(FakeSource(), clock, size=(80, 24)) as desk:
        await desk.press("T")
        assert "Select a connection of this host, or of a recording." in desk.text


async def test_closed_it_costs_nothing(clock: Clock) -> None:
    """No frame reads the timeline once it is closed."""
    async with shown(clock) as desk:
        await desk.press("T")
        timeline = view(desk)._timeline
        assert isinstance(timeline, Lossy)
        before = timeline.asked
        desk.dashboard.tick()
        await desk.idle()
        assert timeline.asked == before


def test_strokes_cover_their_cells() -> None:
    """A range has all cells that it reaches into, and one at least; the more important is shown."""
    made = Strokes(
        np.array([0, 0, 3, 9]),
        np.array([0.0, 15.0, 5.0, 5.0]),
        np.array([30.0, 15.0, 6.0, 6.0]),
        np.array([1, 0, 1, 0]),
        (("A", "a"), ("B", "b")),
    )
    drawn = strokes.lines(made, (0.0, 40.0), 4, 4, 4)
    assert drawn == [[], [(0, "B", "b")], [(0, "A", "a")], [(0, "B", "b"), (3, "B", "b")]]
    over = strokes.over([("10", "label"), ("│", "axis"), ("⠒⠒", "x"), ("⠒⠒", "")], drawn[3])
    assert over == [("10", "label"), ("│", "axis"), ("B", "b"), ("⠒", "x"), ("⠒", ""), ("B", "b")]
