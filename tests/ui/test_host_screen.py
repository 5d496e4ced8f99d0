"""A host's dashboard above another: its last minutes, the moment wanted, both hosts' ends."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tcctui.errors import TcctuiError
from tcctui.recording.arrow import Encoder
from tcctui.recording.stream import RecordingStream
from tcctui.recording.timeline import Timeline
from tcctui.ui.app.host_screen import HostScreen
from tcctui.ui.compare.both_ends import BothEnds
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time.rewinder import Wish
from tests.ui.fake_source import FakeSource
from tests.ui.screen import Clock, Desk, lines, replay
from tests.unit.events import SECOND
from tests.unit.exchange import BEGIN, Exchange, Machine, Path, exchange

KEPT_S = 8
"""Seconds that the host had kept; a live one follows."""


@dataclass
class Host:
    """A host over a pipe, in place of ssh."""

    file: int
    stream: RecordingStream | None = None

    def open(self) -> RecordingStream:
        """Wait for its first second."""
        self.stream = RecordingStream(os.fdopen(self.file, "rb"))
        return self.stream

    def caught_up(self) -> bool:
        """True once its past is there."""
        return self.stream is not None and not self.stream.catching_up


@contextmanager
def host(machine: Machine, kept_s: int) -> Iterator[Host]:
    """Send a machine's chunks into a pipe, those of the first seconds as the past."""
    until_ns = BEGIN + kept_s * SECOND
    chunks = [chunk for chunk in machine.chunks(0, 1 << 62) if chunk.begin_ns >= BEGIN - SECOND]
    past = [chunk for chunk in chunks if chunk.end_ns <= until_ns]
    live = next(chunk for chunk in chunks if chunk.end_ns > until_ns)
    until_ns = max(until_ns, live.begin_ns) if past else live.begin_ns
    encoder = Encoder(replace(machine.origin, live_from_ns=until_ns))
    data = encoder.head + b"".join(encoder.batch(chunk) for chunk in [*past, live])
    out, into = os.pipe()
    writing = threading.Thread(target=os.write, args=(into, data), daemon=True)
    writing.start()
    yield Host(out)
    os.close(into)


class Other:
    """The other end's host."""

    def __init__(self, machine: Machine | None, failure: str = "") -> None:
        self._machine = machine
        self.failure = TcctuiError(failure) if failure else None
        self.running = False

    @property
    def timeline(self) -> Timeline | None:
        """Its records."""
        return self._machine

    def begin(self) -> None:
        """Start."""
        self.running = True

    def end(self) -> None:
        """Stop."""
        self.running = False


MADE = exchange(1, path=Path(), offset_ns=0, drift=0, segments=2000)


@asynccontextmanager
async def visited(
    clock: Clock, made: Exchange = MADE, kept_s: int = KEPT_S, **options: Any
) -> AsyncIterator[Desk]:
    """Show a host above a replay."""
    with host(made.sender, kept_s) as there:
        async with replay(made.receiver, FakeSource(), clock, (160, 50)) as below:
            screen = HostScreen(
                *(below.pilot.app, there.open, lambda: None),
                waiting="web-1: connecting …",
                live_origin=lambda source: source.origin,  # type: ignore[attr-defined]
                caught_up=there.caught_up,
                **options,
            )
            below.pilot.app.push_screen(screen)
            desk = Desk(below.pilot, screen, below.source, below.store, clock)
            await desk.until(lambda: screen.query(BothEnds) or desk.table.known)
            yield desk


def since_1970(moment_ns: int) -> int:
    """Time of day of a moment on the host."""
    return moment_ns + MADE.sender.origin.wall_offset_ns


async def test_the_wanted_moment_is_gone_to_once_the_past_is_there(clock: Clock) -> None:
    """It is paused there; End is live."""
    async with visited(clock, at_ns=since_1970(BEGIN + 5 * SECOND)) as desk:
        await desk.until(lambda: desk.player.settled and "❚❚" in desk.status)
        assert desk.dashboard.moment_ns == since_1970(BEGIN + 5 * SECOND)


async def test_a_screen_that_was_left_asks_for_nothing_more(clock: Clock) -> None:
    """What comes too late, a tick or a moment, finds its parts gone, and leaves it at that."""
    async with visited(clock, at_ns=since_1970(BEGIN + 5 * SECOND)) as desk:
        await desk.until(lambda: desk.player.settled and "❚❚" in desk.status)
        left, player = desk.dashboard, desk.player
        await desk.press("escape")
        assert desk.pilot.app.screen is not left
        assert not left.query(FlowTable)
        left._on_time()
        player._arrived(Wish(BEGIN, (), None), True)
        player._failed("The recording was cut short.")
        await desk.idle()
        assert desk.pilot.app.return_code is None


async def test_a_moment_before_the_oldest(clock: Clock) -> None:
    """The oldest is shown, and said how much there is."""
    async with visited(clock, at_ns=since_1970(BEGIN - 3600 * SECOND)) as desk:
        told = await desk.noticed("That moment is not kept any more")
        assert "web-1 has the last" in told
        await desk.until(lambda: desk.player.settled and "❚❚" in desk.status)


async def test_a_host_that_keeps_nothing(clock: Clock) -> None:
    """It stays live, and is said what would keep the last minutes."""
    async with visited(clock, kept_s=-1, at_ns=since_1970(BEGIN - 3600 * SECOND)) as desk:
        told = await desk.noticed("That moment is not there")
        assert "tcctui agent --rewind" in told
        assert "❚❚" not in desk.status


async def test_both_hosts_ends_are_shown_live(clock: Clock) -> None:
    """Up to the newest moment of both, with their values; Esc leaves them, then the host."""
    other = Other(MADE.receiver)
    async with visited(clock, both=True, other=other) as desk:
        assert other.running
        await desk.until(lambda: desk.screen.query(BothEnds))
        both = desk.screen.query_one(BothEnds)
        await desk.until(lambda: both.found)
        heading, sender, receiver = lines(both.query_one("#ends"))
        assert "clocks aligned to ±" in heading
        assert "sends     web-1" in sender
        assert "receives  db-2" in receiver
        titles = [lines(chart)[0] for chart in both.pair.charts]
        assert "receiver's bytes" in titles[1]
        assert "∞" not in "".join(titles)
        assert "in flight" in titles[0]
        await desk.press("escape")
        assert not both.display
        await desk.press("escape")
        assert desk.pilot.app.screen is not desk.screen
        await desk.idle()
        assert not other.running


async def test_another_host_that_is_not_there(clock: Clock) -> None:
    """One end is shown, and why it is one alone."""
    other = Other(None, "db-2: ssh: Connection refused.")
    async with visited(clock, both=True, other=other) as desk:
        told = await desk.noticed("The other end is not there")
        assert "Connection refused" in told
        assert desk.screen.query_one("#lower").display
