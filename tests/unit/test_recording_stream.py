"""Recordings that come through pipes: as live as a source, and an end with a sentence."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import pytest

from tcctui.errors import TcctuiError
from tcctui.recording.arrow import Encoder
from tcctui.recording.ipc_frames import END
from tcctui.recording.pacing import Pace
from tcctui.recording.stream import RecordingStream
from tcctui.wire.events import Events
from tcctui.wire.records import joined
from tests.unit.events import MS, SECOND
from tests.unit.recordings import ORIGIN, chunk

STEP = 100 * MS
NOW = ORIGIN.wall_offset_ns


def play(pace: Pace, from_ns: int, to_ns: int) -> list[tuple[int, Events]]:
    """Step ten times a second; gives what came and when, on this machine's clock."""
    return [(at, pace.step(at)[0]) for at in range(from_ns, to_ns, STEP)]


def test_plays_smoothly_a_second_late() -> None:
    """Chunks that come once a second are played in even steps, each event at the same delay."""
    pace, delays, came = Pace(NOW), [], 0
    for number in range(1, 11):
        arrival = (number + 1) * SECOND
        assert pace.add(chunk(number), arrival, NOW + arrival)
        for at, events in play(pace, arrival, arrival + SECOND):
            delays += [at - int(ns) for ns in events["ts_ns"]]
            came += len(np.unique(events["ts_ns"])) > 0
    assert came > 80  # of 100 steps
    assert 1.2 * SECOND <= min(delays) <= max(delays) <= 1.45 * SECOND
    assert pace.behind_s(12 * SECOND) == 0


def test_everything_is_played_once() -> None:
    """All events and samples of all chunks come, each once, with the chunks' losses."""
    pace, given = Pace(NOW), [chunk(number) for number in range(5)]
    events, looks = [], []
    for number, part in enumerate(given):
        pace.add(part, number * SECOND, NOW + number * SECOND)
    for at in range(4 * SECOND, 40 * SECOND, STEP):
        found = pace.step(at)
        events.append(found[0])
        looks.append(found[1])
    assert pace.over
    assert pace.losses == (4, 8)
    for records, name in ((joined(events), "events"), (joined(looks), "samples")):
        whole = joined([getattr(part, name) for part in given])
        assert len(records) == len(whole)
        assert {one.tobytes() for one in records} == {one.tobytes() for one in whole}


def test_catches_up_after_a_halt() -> None:
    """What was held up for ten seconds says that it is behind, and is caught up with."""
    pace = Pace(NOW)
    pace.add(chunk(0), SECOND, NOW + SECOND)
    play(pace, SECOND, 11 * SECOND)
    assert 7 < pace.behind_s(11 * SECOND) < 10
    for number in range(1, 11):
        pace.add(chunk(number), 11 * SECOND, NOW + 11 * SECOND)
    for number in range(11, 16):
        arrival = (number + 1) * SECOND
        pace.add(chunk(number), arrival, NOW + arrival)
        play(pace, arrival, arrival + SECOND)
    assert pace.behind_s(17 * SECOND) == 0
    assert pace.moment_ns >= 15 * SECOND


def test_a_file_is_played_as_fast_as_it_happened() -> None:
    """What is of long ago and comes at once is no live stream that is behind."""
    pace = Pace(NOW)
    for number in range(20):
        pace.add(chunk(number), 0, NOW + 3600 * SECOND)
    play(pace, 0, 10 * SECOND)
    assert pace.is_file
    assert abs(pace.moment_ns - 9.75 * SECOND) < SECOND / 5
    assert pace.behind_s(10 * SECOND) == 0


def test_what_does_not_follow_is_left_out() -> None:
    """A chunk from before, or from hours later, is not taken; a gap of seconds is."""
    pace = Pace(NOW)
    assert pace.add(chunk(5), 0, NOW)
    assert not pace.add(chunk(2), 0, NOW)
    assert not pace.add(chunk(10_000), 0, NOW)
    assert pace.add(chunk(8), 0, NOW)
    play(pace, 0, 10 * SECOND)
    assert pace.over


@contextmanager
def pipe(data: bytes, *, close: bool = True) -> Iterator[tuple[BinaryIO, int]]:
    """Make a pipe with something in it; gives its two ends."""
    out, into = os.pipe()
    os.write(into, data)
    if close:
        os.close(into)
    with os.fdopen(out, "rb") as file:
        yield file, into
    if not close:
        os.close(into)


def stream_bytes(*numbers: int) -> list[bytes]:
    """Make a recording of short chunks, in messages."""
    encoder = Encoder(ORIGIN)
    return [encoder.head, *(encoder.batch(chunk(number)) for number in numbers)]


def until_the_end(source: RecordingStream) -> tuple[int, TcctuiError]:
    """Read on until it says that it has ended; gives how many events came."""
    count, deadline = 0, time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            count += len(source.read(0.05))
        except TcctuiError as error:
            return count, error
    raise AssertionError("it did not end")


def test_is_a_source() -> None:
    """It says of itself what the recorder did, and delivers events, samples and losses."""
    with pipe(b"".join(stream_bytes(1, 2)) + END) as (file, _):
        source = RecordingStream(file)
        assert source.origin == ORIGIN
        assert (source.description, source.kernel_filter) == (ORIGIN.description, "port 443")
        assert source.interval_ns == ORIGIN.interval_ns
        source.focus([1])
        count, error = until_the_end(source)
        assert count == 62
        assert "ended" in error.reason
        assert len(source.sampled()) == 6
        assert len(source.sampled()) == 0
        assert (source.lost(), source.skipped()) == (2, 4)
        assert source.now_ns() == 3 * SECOND
        assert source.shortfall is None
        source.close()
        source.close()


def test_it_begins_with_its_first_chunk() -> None:
    """Opening waits for the clock: the recorder's machine was booted long before it recorded."""
    head, first = stream_bytes(36_000)
    with pipe(head, close=False) as (file, into):
        later = threading.Timer(0.3, os.write, (into, first))
        later.start()
        source = RecordingStream(file)
        later.join()
        begin_ns = source.now_ns()
        assert begin_ns == 36_000 * SECOND
        moments: list[int] = []
        while not moments or moments[-1] < begin_ns + SECOND // 2:
            source.read(0.1)
            moments.append(source.now_ns())
        assert moments == sorted(moments)
        source.close()


@pytest.mark.parametrize("cut", [-1, -3000, 10])
def test_the_other_end_goes(cut: int) -> None:
    """Where the pipe breaks off, what came whole is delivered before that is said."""
    head, first, second = stream_bytes(1, 2)
    with pipe(head + first + second[:cut]) as (file, _):
        source = RecordingStream(file)
        count, error = until_the_end(source)
        assert count == 31
        assert "broke off" in error.reason
        source.close()


def test_garbage_in_the_middle() -> None:
    """Where what comes is no recording any more, it ends there; a damaged batch is left out."""
    head, first, second = stream_bytes(1, 2)
    damaged = bytearray(first)
    damaged[-2500:] = b"\xee" * 2500
    with pipe(head + bytes(damaged) + second + b"No such file or directory") as (file, _):
        source = RecordingStream(file)
        _, error = until_the_end(source)
        assert "damaged" in error.reason
        source.close()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"ssh: connect to host x port 22: Connection refused", "not a recording"),
        (stream_bytes()[0][:-1], "breaks off"),
        (END, "not a recording"),
        (stream_bytes()[0] + END, "ended"),
        (stream_bytes()[0], "broke off"),
    ],
    ids=["nothing", "text", "half", "end", "no chunk", "head"],
)
def test_no_recording_comes(data: bytes, said: str) -> None:
    """Whatever else comes first is told in a sentence, instead of waiting; so is a terminal."""
    with pipe(data) as (file, _), pytest.raises(TcctuiError, match=said):
        RecordingStream(file)
    main, sub = os.openpty()
    with os.fdopen(sub, "rb", buffering=0) as file, pytest.raises(TcctuiError, match="terminal"):
        RecordingStream(file)
    os.close(main)


def test_nothing_is_kept_in_the_pipe() -> None:
    """As the recorder writes a chunk it is there to be played; the rest of the stream may wait.

    It can be closed while the other end is silent; until then there is nothing to read.
    """
    head, first, second = stream_bytes(1, 2)
    with pipe(head + first, close=False) as (file, into):
        source = RecordingStream(file)
        deadline, count = time.monotonic() + 60, 0
        for all_of_it in (31, 62):
            while count < all_of_it and time.monotonic() < deadline:
                count += len(source.read(0.1))
            assert count == all_of_it
            if count == 31:
                os.write(into, second)
        assert len(source.read(0.2)) == 0
        source.close()


def test_what_the_host_had_kept_comes_at_once() -> None:
    """Its past is delivered without a pause, read by read; what is live is played by the clock."""
    origin = replace(ORIGIN, live_from_ns=300 * SECOND)
    encoder = Encoder(origin)
    messages = [encoder.head, *(encoder.batch(chunk(number)) for number in range(299))]
    live = encoder.batch(chunk(303))
    out, into = os.pipe()
    writing = threading.Thread(
        target=lambda: [os.write(into, part) for part in messages], daemon=True
    )
    writing.start()
    with os.fdopen(out, "rb") as file:
        stream = RecordingStream(file)
        assert stream.catching_up
        found, reads = [], 0
        while stream.now_ns() < 299 * SECOND:
            events = stream.read(60)  # one that waited would take hours
            reads += 1
            found.append(len(events))
        assert reads <= 299
        assert sum(found) == 299 * len(chunk(0).events)
        assert stream.catching_up
        assert stream.behind_s == 0
        os.write(into, live)
        while stream.catching_up:
            stream.read(0.01)
        assert not len(stream.read(0.0)), "it is a second's, and is played in a second"
        os.close(into)
        stream.close()
    writing.join()
