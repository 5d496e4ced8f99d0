"""Events that were put together: histories can't tell them from the many that there were."""

from __future__ import annotations

import numpy as np

from tcctui.flows.history.buckets import BUCKET_NS
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.chunks import NO_EVENTS, Chunk, by_flow, pieces
from tcctui.rewind.downsample import condensed
from tcctui.wire.events import EventKind
from tcctui.wire.records import pick
from tests.unit.events import MS, SECOND, probes, together
from tests.unit.samples import NO_SAMPLES, samples
from tests.unit.story import Story
from tests.unit.tape_player import BEGIN_NS, EVERYTHING, differences
from tests.unit.test_moment import unlike


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
    counted = {"events", "acks"}
    assert not {*differences(whole.flows(EVERYTHING), short.flows(EVERYTHING))} - counted
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
    """Those that would be taken in with a newer one of the same flow need not be kept."""
    when = BEGIN_NS + np.arange(1, 11) * 100 * MS
    sampled = pick(samples(when, 1), np.argsort(-when))
    short = condensed(Chunk(BEGIN_NS, BEGIN_NS + SECOND, NO_EVENTS, sampled)).samples
    assert sorted(((short["ts_ns"] - BEGIN_NS) // MS).tolist()) == [200, 500, 700, 1000]


def test_flows_stay_apart() -> None:
    """Nothing of one flow is put together with another one's."""
    when = BEGIN_NS + np.arange(1, 9) * MS
    events = together(probes(when, 1, snd_cwnd=9), probes(when, 2, snd_cwnd=30))
    made = condensed(Chunk(BEGIN_NS, BEGIN_NS + SECOND, events, NO_SAMPLES)).events
    assert made["sock_cookie"].tolist() == [1, 1, 2, 2]
    assert made["snd_cwnd_min"].tolist() == made["snd_cwnd_max"].tolist() == [9, 9, 30, 30]
