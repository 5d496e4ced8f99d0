"""Writing down what comes: all of it, once, in chunks that follow one another."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.chunk_cutter import ChunkCutter
from tcctui.recording.chunks import MOST_EVENTS, Chunk, pieces
from tcctui.wire.batch import Batch
from tests.unit.events import NOTHING, SECOND, probes
from tests.unit.samples import samples
from tests.unit.story import Story
from tests.unit.tape_player import BEGIN_NS, Player


def test_everything_is_in_a_chunk_once() -> None:
    """Chunks follow one another without a gap, and have all events and samples, by flow."""
    story, player, chunks = Story(8), Player(), list[Chunk]()
    player.tape = ChunkCutter(player.store, BEGIN_NS, chunks.append)
    player.play(story.events, story.samples, BEGIN_NS + 8 * SECOND)
    player.tape.flush(BEGIN_NS + 8 * SECOND)
    assert chunks[0].begin_ns == BEGIN_NS
    for one, other in itertools.pairwise(chunks):
        assert one.begin_ns < one.end_ns == other.begin_ns
    for name, all_ in (("events", story.events), ("samples", story.samples)):
        kept = np.concatenate([getattr(chunk, name)["ts_ns"] for chunk in chunks])
        there = all_["ts_ns"][(all_["ts_ns"] > BEGIN_NS) & (all_["ts_ns"] <= chunks[-1].end_ns)]
        assert sorted(kept.tolist()) == there.tolist()
        for chunk in chunks:
            cookies = getattr(chunk, name)["sock_cookie"].tolist()
            assert cookies == sorted(cookies)


def test_a_flood_is_cut_earlier_than_after_a_second() -> None:
    """A chunk of very many events is closed at once, so that nobody has to wait for long."""
    chunks = list[Chunk]()
    tape = ChunkCutter(Store(0), BEGIN_NS, chunks.append, losses=lambda: (3, 4))
    flood = probes(BEGIN_NS + np.arange(MOST_EVENTS), 1)
    tape.take(Batch(flood, [], BEGIN_NS + SECOND // 10))
    (chunk,) = chunks
    assert (len(chunk.events), chunk.lost, chunk.skipped) == (MOST_EVENTS, 3, 4)


def test_keyframes_come_as_often_as_somebody_needs_them() -> None:
    """Not without need, nor twice in 2 s, and they have what the chunk has."""
    wanted, chunks, store = [False], list[Chunk](), Store(0)
    tape = ChunkCutter(store, BEGIN_NS, chunks.append, wants_keyframe=lambda: wanted[0])
    for number in range(1, 41):
        wanted[0] = number >= 20
        now_ns = BEGIN_NS + number * SECOND
        events = probes(now_ns - 1, 1, snd_cwnd=number)
        deliver([Batch(events, [], now_ns)], store, tape)
    with_keyframe = [(chunk.end_ns - BEGIN_NS) // SECOND for chunk in chunks if chunk.keyframe]
    assert with_keyframe[0] == 20
    assert len(with_keyframe) > 3
    assert np.diff(with_keyframe).min() >= 2
    for chunk in chunks:
        if chunk.keyframe:
            keyframe = Keyframe.from_bytes(chunk.keyframe)
            assert keyframe.now_ns == chunk.end_ns
            assert keyframe.arrays["columns.snd_cwnd"][0] == chunk.events["snd_cwnd"][-1]


def test_time_alone_is_a_reason_for_a_keyframe() -> None:
    """In hours in which next to nothing comes, one need not read them all to see how it was."""
    chunks, store = list[Chunk](), Store(0)
    tape = ChunkCutter(store, BEGIN_NS, chunks.append)
    for number in range(1, 601):
        now_ns = BEGIN_NS + number * SECOND
        deliver([Batch(NOTHING, [], now_ns)], store, tape)
    assert 2 <= sum(chunk.keyframe != b"" for chunk in chunks) <= 10


def test_much_that_came_is_a_reason_for_a_keyframe() -> None:
    """Where working it all out again would take long, there is a keyframe to begin with."""
    chunks, store = list[Chunk](), Store(0)
    tape = ChunkCutter(store, BEGIN_NS, chunks.append)
    for number in range(1, 8):
        now_ns = BEGIN_NS + number * SECOND
        tape.take(Batch(probes(now_ns - np.arange(20_000), 1), [], now_ns))
    assert any(chunk.keyframe for chunk in chunks)


@pytest.mark.parametrize("until", [-1, 0, 0.3, 0.5, 1, 5])
def test_pieces_are_what_came_by_then(until: float) -> None:
    """A chunk is cut at quarters of a second; nothing is twice, nothing from later is there."""
    until_ns = BEGIN_NS + int(until * SECOND)
    when = BEGIN_NS + np.array([-5, 3, 250, 251, 400, 999, 3000]) * 1_000_000
    chunk = Chunk(BEGIN_NS, BEGIN_NS + SECOND, probes(when, 1), samples(when, 1))
    came, last_ns = [], 0
    for batch in pieces(chunk, until_ns):
        events, now_ns = batch.events, batch.now_ns
        assert now_ns > last_ns
        assert (np.append(events["ts_ns"], 0) <= now_ns).all() or now_ns == chunk.end_ns
        assert len(events) == sum(map(len, batch.samples))
        came += events["ts_ns"].tolist()
        last_ns = now_ns
    assert came == [at for at in when.tolist() if at <= until_ns]
    assert last_ns <= max(until_ns, BEGIN_NS)


def test_nothing_is_a_chunk_too() -> None:
    """Where nothing comes, time goes on."""
    chunks = list[Chunk]()
    tape = ChunkCutter(Store(0), BEGIN_NS, chunks.append)
    for number in range(1, 50):
        tape.take(Batch(NOTHING, [], BEGIN_NS + number * SECOND // 10))
    assert [(chunk.end_ns - BEGIN_NS) // SECOND for chunk in chunks] == [1, 2, 3, 4]
