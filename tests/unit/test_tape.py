"""Writing down what comes: all of it, once, in chunks, and the pieces that they are played in."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tcctui.flows.history.buckets import BUCKET_NS
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.chunk_cutter import ChunkCutter
from tcctui.recording.chunks import MOST_EVENTS, MOST_PIECES, PIECE_NS, Chunk, by_flow, pieces
from tcctui.rewind.downsample import condensed
from tcctui.wire.batch import Batch
from tcctui.wire.events import EventKind
from tcctui.wire.records import pick
from tests.unit.events import MS, NOTHING, SECOND, probes, together
from tests.unit.samples import NO_SAMPLES, samples
from tests.unit.story import BEGIN_NS, EVERYTHING, Player, Story, differences
from tests.unit.test_moment import unlike


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
    """A chunk of very many events is closed at once, so that nobody has to wait for long.

    Where nothing comes, time goes on.
    """
    chunks = list[Chunk]()
    tape = ChunkCutter(Store(0), BEGIN_NS, chunks.append, losses=lambda: (3, 4))
    flood = probes(BEGIN_NS + np.arange(MOST_EVENTS), 1)
    tape.take(Batch(flood, [], BEGIN_NS + SECOND // 10))
    (chunk,) = chunks
    assert (len(chunk.events), chunk.lost, chunk.skipped) == (MOST_EVENTS, 3, 4)
    chunks.clear()
    tape = ChunkCutter(Store(0), BEGIN_NS, chunks.append)
    for number in range(1, 50):
        tape.take(Batch(NOTHING, [], BEGIN_NS + number * SECOND // 10))
    assert [(chunk.end_ns - BEGIN_NS) // SECOND for chunk in chunks] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("seconds", "events", "least", "most"), [(600, 0, 2, 10), (7, 20_000, 1, 7)]
)
def test_reasons_for_a_keyframe(seconds: int, events: int, least: int, most: int) -> None:
    """Time alone is one: in hours of next to nothing, one need not read them all.

    So is much that came: working it all out again would take long.
    """
    chunks, store = list[Chunk](), Store(0)
    tape = ChunkCutter(store, BEGIN_NS, chunks.append)
    for number in range(1, seconds + 1):
        now_ns = BEGIN_NS + number * SECOND
        came = probes(now_ns - np.arange(events), 1) if events else NOTHING
        deliver([Batch(came, [], now_ns)], store, tape)
    assert least <= sum(chunk.keyframe != b"" for chunk in chunks) <= most


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


@pytest.mark.parametrize("seconds", [1, 19, 86_400, 1 << 31])
def test_a_chunk_of_any_length_is_played_in_few_pieces(seconds: int) -> None:
    """All of it comes, in order; and the last seconds as they came, however long it is."""
    begin, end = 5 * SECOND, (5 + seconds) * SECOND
    moments = [begin + 100 * MS, end - 600 * MS, end - 100 * MS]
    events = together(*(probes(moment, [1]) for moment in moments))
    played = list(pieces(Chunk(begin, end, events, NO_SAMPLES), 1 << 62))
    assert len(played) <= MOST_PIECES + 1
    assert [when for part in played for when in part.events["ts_ns"].tolist()] == moments
    ends = [part.now_ns for part in played]
    assert ends[-1] == end
    assert np.all(np.diff(ends) > 0)
    assert np.all(np.diff(ends)[-4:] <= PIECE_NS)
    for part in played:
        assert np.all(part.events["ts_ns"] <= part.now_ns)


# Condensed: histories can't tell them from the many events that there were


def _played(chunk: Chunk) -> Store:
    store = Store(16 << 20)
    deliver(pieces(chunk, chunk.end_ns), store)
    return store


def _chunk(seconds: int) -> Chunk:
    story = Story(seconds, seed=3)
    end_ns = BEGIN_NS + seconds * SECOND
    return Chunk(BEGIN_NS, end_ns, by_flow(story.events), by_flow(story.samples), keyframe=b"x")


def _busy(count: int) -> Chunk:
    """Make a second of one flow, which goes back and forth and begins and ends where buckets do."""
    random = np.random.default_rng(0)
    when = np.sort(random.integers(1, SECOND + 1, count) // (5 * MS) * (5 * MS)) + BEGIN_NS
    una = (2**32 - 9000 + np.cumsum(random.integers(-40, 3000, count))) % 2**32
    cwnd = random.integers(1, 90, count)
    events = probes(
        when,
        5,
        snd_una=una,
        snd_nxt=(una + cwnd * 1000) % 2**32,
        snd_cwnd=cwnd,
        ssthresh=random.choice([20, 30], count, p=(0.01, 0.99)),
        srtt=random.integers(100, 9000, count),
    )
    return Chunk(BEGIN_NS, BEGIN_NS + SECOND, events, NO_SAMPLES)


def test_histories_are_the_same() -> None:
    """Of all that happens to a dozen flows, charts, marks, limits and newest values stay."""
    chunk = _chunk(6)
    whole, short = _played(chunk), _played(condensed(chunk))
    counted = {"events", "acks", "limit_evidence"}
    flows, others = whole.flows(EVERYTHING), short.flows(EVERYTHING)
    assert not {*differences(flows, others)} - counted
    evidence, other = flows["limit_evidence"], others["limit_evidence"]
    for name in evidence.dtype.names or ():  # rates are worked out of the events that are left
        np.testing.assert_allclose(evidence[name], other[name], rtol=0.01, err_msg=name)
    for cookie in whole.flows([])["cookie"].tolist():
        for seconds in (6, None):
            assert not unlike(
                whole.history(cookie, seconds, 60), short.history(cookie, seconds, 60)
            )


def test_a_fast_flow_takes_little() -> None:
    """Of thousands of ACKs a second some are left, from which the same buckets come."""
    chunk = _busy(5000)
    short = condensed(chunk)
    assert len(short.events) < len(chunk.events) / 5
    whole = _played(chunk).history(5, 1, SECOND // BUCKET_NS)
    assert whole is not None
    assert not unlike(whole, _played(short).history(5, 1, SECOND // BUCKET_NS))
    assert np.nansum(whole.series["acked_rate"].last) > 0


def test_what_is_no_ack_stays_as_it_is() -> None:
    """Other events are all there, in their places, and part what is before from what is after."""
    acks = probes(BEGIN_NS + np.arange(1, 40) * MS // 4, 1)
    acks["kind"][20] = EventKind.RETRANSMIT
    made = condensed(Chunk(BEGIN_NS, BEGIN_NS + SECOND, acks, NO_SAMPLES)).events
    assert made["kind"].tolist().count(EventKind.RETRANSMIT) == 1
    assert made["ts_ns"].tolist() == acks["ts_ns"][[0, 19, 20, 38]].tolist()


def test_counts_that_begin_anew_are_not_lost() -> None:
    """Where the kernel's program began to count anew, what it had counted stands for itself."""
    acks = probes(BEGIN_NS + np.arange(1, 9) * MS, 1)
    acks["acks"] = [1, 2, 5, 9, 2, 3, 4, 8]
    acks["begun"] = [1, 0, 0, 0, 1, 0, 0, 0]
    chunk = Chunk(BEGIN_NS, BEGIN_NS + SECOND, acks, NO_SAMPLES)
    assert _played(condensed(chunk)).totals().events == _played(chunk).totals().events == 17


def test_of_samples_the_newest_in_a_piece_stays() -> None:
    """Those that would be taken in with a newer one of the same flow need not be kept.

    Nothing of one flow is put together with another one's.
    """
    when = BEGIN_NS + np.arange(1, 11) * 100 * MS
    sampled = pick(samples(when, 1), np.argsort(-when))
    when = BEGIN_NS + np.arange(1, 9) * MS
    events = together(probes(when, 1, snd_cwnd=9), probes(when, 2, snd_cwnd=30))
    short = condensed(Chunk(BEGIN_NS, BEGIN_NS + SECOND, events, sampled))
    kept = (short.samples["ts_ns"] - BEGIN_NS) // MS
    assert sorted(kept.tolist()) == [200, 500, 700, 1000]
    made = short.events
    assert made["sock_cookie"].tolist() == [1, 1, 2, 2]
    assert made["snd_cwnd_min"].tolist() == made["snd_cwnd_max"].tolist() == [9, 9, 30, 30]
