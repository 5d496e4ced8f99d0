"""Playing a recording: its pace, its keys, its end, and that it shows what live did."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tcctui.errors import TcctuiError
from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk
from tcctui.recording.file import Recording
from tcctui.recording.timeline import Span
from tcctui.recording.writer import RecordingWriter
from tcctui.rewind.rewind_log import RewindLog
from tcctui.ui.app.app import TcctuiApp
from tcctui.ui.time.playhead import Playhead, played
from tests.ui.fake_source import START_NS, FakeSource, server
from tests.ui.sampled import sampled_server
from tests.ui.screen import (
    Clock,
    Desk,
    dashboard,
    notices,
    origin,
    painted,
    recorded,
    replay,
    screen,
)

SHOWING = ("#table", "#caption", "#cwnd-chart", "#srtt-chart", "#details")


def looks(desk: Desk) -> dict[str, list[object]]:
    """Every line of what shows a moment, with its colours."""
    return {part: [[*strip] for strip in painted(desk.screen.query_one(part))] for part in SHOWING}


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_a_replay_looks_as_live_did(
    clock: Clock, size: tuple[int, int], tmp_path: Path
) -> None:
    """At one moment a paused live screen and a recording's are the same, but for status and keys.

    What was saved is read from its file, which knows nothing of the live store.
    """
    source = sampled_server()
    source.run(10)
    async with dashboard(source, clock, size) as desk:
        await desk.travel("p", "down", *["left"] * 8)
        await desk.press("comma", "comma", "comma")
        live, status = looks(desk), desk.status
        app = desk.pilot.app
        assert isinstance(app, TcctuiApp)
        assert app.reading.feed is not None
        writer = RecordingWriter(tmp_path / "it.arrows", app.reading.feed.log.origin)
        for chunk in app.reading.feed.chunks():
            writer.write(chunk)
        writer.close()
    at_ns = START_NS + (30 + 10 + 10 - 8) * 10**9
    with closing(Recording(tmp_path / "it.arrows")) as recording:
        async with replay(recording, source, clock, size, at_ns=at_ns) as desk:
            await desk.travel("space", "down")
            await desk.press("comma", "comma", "comma")
            assert looks(desk) == live
            assert "−8 s" in status
            assert "0:42 of 0:50" in desk.status


async def test_a_recording_plays(clock: Clock) -> None:
    """It begins at its beginning, goes on with the clock, and stands still at its end."""
    source = server()
    async with replay(recorded(source), source, clock, (160, 50)) as desk:
        assert "▶ 1× 14:29:59 UTC · 0:00 of 0:30" in desk.status
        assert "web-3" in desk.status
        assert "tcp_probe · 6.12.0" in desk.status
        assert desk.order == []
        clock.now += 10
        await desk.until(lambda: "▶ 1× 14:30:09 UTC · 0:10 of 0:30" in desk.status)
        await desk.arrived()
        assert "12/12 flows" in desk.status
        await desk.press("space")
        clock.now += 10
        await desk.idle()
        assert "❚❚ 14:30:09.9 UTC · 0:10 of 0:30" in desk.status
        await desk.press("space")
        clock.now += 10
        await desk.until(lambda: "0:20 of 0:30" in desk.status)
        clock.now += 100
        await desk.until(lambda: "■ end of the recording" in desk.status)
        await desk.arrived()
        assert "0:30 of 0:30" in desk.status
        assert desk.order[:3] == [1, 2, 3]
        assert desk.charted == 1
        await desk.press("space")
        await desk.until(lambda: "▶ 1× 14:29:59 UTC · 0:00 of 0:30" in desk.status)


async def test_the_keys_of_a_replay(clock: Clock) -> None:
    """Arrows, Home, End and the brackets do as they say; nothing of what is live is offered."""
    source = server()
    async with replay(recorded(source), source, clock, (160, 50), speed=2.0) as desk:
        assert "▶ 2×" in desk.status
        await desk.travel("right_square_bracket")
        assert "▶ 5×" in desk.status
        await desk.travel(*["left_square_bracket"] * 3)
        assert "▶ 0.5×" in desk.status
        assert "p Pause" in screen(desk.pilot)[-1]
        await desk.travel("space", "shift+right", "right", "right")
        assert "❚❚ 0.5× 14:30:11.9 UTC · 0:12 of 0:30" in desk.status
        await desk.travel("left", "shift+left")
        assert "0:01 of 0:30" in desk.status
        await desk.travel("end")
        assert "■ end of the recording" in desk.status
        await desk.travel("home")
        assert "0:00 of 0:30" in desk.status
        await desk.travel("S")
        assert notices(desk) == []
        keys = screen(desk.pilot)[-1]
        for key in ("p Play", "[] Speed", "←→ 1 s"):
            assert key in keys
        for key in ("Save", "Live"):
            assert key not in keys


async def test_as_fast_as_it_goes(clock: Clock) -> None:
    """At no speed in particular it comes to its end, though no clock goes on."""
    source = server()
    log = recorded(source)
    async with replay(log, source, clock, (160, 50), speed=math.inf) as desk:
        await desk.until(lambda: "■ end of the recording" in desk.status)


async def test_a_loop_begins_again(clock: Clock) -> None:
    """With `loop` the end is followed by the beginning."""
    source = server()
    async with replay(recorded(source), source, clock, (160, 50), loop=True) as desk:
        clock.now += 29
        await desk.until(lambda: "0:29 of 0:30" in desk.status)
        clock.now += 2
        await desk.until(lambda: "▶ 1× 14:29:59 UTC · 0:00 of 0:30" in desk.status)


async def test_what_was_left_out_is_said_once(clock: Clock) -> None:
    """The remark on a recording that was cut off is a notice."""
    source = server()
    async with replay(recorded(source), source, clock, remark="The end is [cut] off.") as desk:
        await desk.noticed("The end is [cut] off.")


async def test_losses_are_those_until_the_moment(clock: Clock) -> None:
    """The status line has what had been lost by then."""
    source = FakeSource(server().flows.values())
    source.run(5)
    log = RewindLog(1 << 20, origin(source))
    from tcctui.flows.store import Store  # noqa: PLC0415
    from tcctui.pump import poll  # noqa: PLC0415
    from tcctui.rewind.live_sink import LiveSink  # noqa: PLC0415

    feed = LiveSink(source, Store(), log)
    while not source.taken_in:
        feed.take(poll(source, 0))
    source.dropped = 42
    source.run(5)
    while not source.taken_in:
        feed.take(poll(source, 0))
    feed.finish()
    async with replay(log, source, clock) as desk:
        await desk.travel("space", "end")
        assert "42 lost" in desk.status
        await desk.travel("left", "left", "left", "left", "left", "left", "left")
        assert "0 lost" in desk.status


class Vanishing(RewindLog):
    """A timeline that can't be read after a while."""

    gone: Exception | None = None

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        if self.gone is not None:
            raise self.gone
        return super().chunks(after_ns, until_ns, cookies)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (TcctuiError("The file has vanished."), "The file has vanished."),
        (MemoryError(), "more memory than it may"),
    ],
)
async def test_a_recording_that_vanishes(clock: Clock, reason: Exception, text: str) -> None:
    """What is on the screen stays, and a banner says why there is no more."""
    source = server()
    log = recorded(source)
    log.__class__ = Vanishing
    async with replay(log, source, clock) as desk:
        await desk.travel("space", "shift+right")
        before = desk.order
        assert before
        log.gone = reason  # type: ignore[attr-defined]
        await desk.press("shift+left")
        await desk.noticed(text)
        await desk.press("down")
        assert desk.order == before


async def test_an_empty_recording(clock: Clock) -> None:
    """One without a single chunk is an empty screen that stands at its end."""
    source = FakeSource()
    async with replay(RewindLog(0, origin(source)), source, clock, (80, 24)) as desk:
        await desk.until(lambda: "■ end of the recording" in desk.status)
        assert "No TCP traffic at this moment" in desk.text
        await desk.travel("space", "left", "right", "home", "end", "comma", "plus")


def test_speeds() -> None:
    """Speeds go by 1, 2, 5 from a tenth to a thousand, and so meet 1; above there is no limit."""
    head = Playhead(lambda: Span(0, 10**12), 0)
    seen = []
    for _ in range(11):
        head.faster(1)
        seen.append(head.speed)
    assert seen == [2, 5, 10, 20, 50, 100, 200, 500, 1000, math.inf, math.inf]
    for _ in range(10):
        head.faster(-1)
    assert head.speed == 1
    for _ in range(5):
        head.faster(-1)
    assert head.speed == 0.1
    head.speed = 3
    head.faster(1)
    assert head.speed == 5


@pytest.mark.parametrize("worked", [0.01, 0.2, 3.0])
def test_as_fast_as_it_goes_is_fastest(worked: float) -> None:
    """However long a moment takes, "max" goes on by more than a thousand times that."""
    head = Playhead(lambda: Span(0, 10**18), 0, speed=math.inf)
    head.play()
    for _ in range(5):
        before = head.at_ns
        head.advance(0, worked)
        assert head.at_ns - before >= 1000 * worked * 1e9


def test_the_speed_is_told() -> None:
    """However fast it is, that is in the status line."""
    for speed, text in (
        (0.1, "▶ 0.1×"),
        (0.125, "▶ 0.125×"),
        (1000, "▶ 1000×"),
        (math.inf, "▶ max"),
    ):
        head = Playhead(lambda: Span(0, 10**12), 0, speed=speed)
        head.play()
        assert played(head, 0, 0)["state"] == text
        head.playing = False
        assert played(head, 0, 0)["state"] == text.replace("▶", "❚❚")


def test_a_span_that_moves() -> None:
    """A moment stays within what there is, and knows when it is no longer there."""
    span = [Span(100, 200)]
    head = Playhead(lambda: span[0], 500)
    assert head.at_ns == 200
    head.step(-1)
    assert head.at_ns == 100
    assert not head.dropped
    span[0] = Span(150, 250)
    assert head.dropped
    head.play()
    head.advance(1, 0)
    assert (head.at_ns, head.playing, head.ended) == (250, False, True)
