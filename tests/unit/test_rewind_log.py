"""The last minutes in memory: a budget, keyframes, what is read again, and saving."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tcctui.flows.index import Keys
from tcctui.recording.chunk_cutter import ChunkCutter
from tcctui.recording.chunks import Chunk, of_flows
from tcctui.recording.file import Recording
from tcctui.recording.timeline import Origin, Span
from tcctui.recording.writer import RecordingWriter
from tcctui.rewind.chunk_cache import ChunkCache
from tcctui.rewind.moment import Moment
from tcctui.rewind.rewind_log import RewindLog
from tests.unit.events import SECOND, probes
from tests.unit.samples import samples
from tests.unit.story import BATCH_NS, BEGIN_NS, EVERYTHING, WATCHED, Player, Story, differences
from tests.unit.test_moment import KEYS, unlike

BUDGET = 120_000


def test_every_moment_that_is_kept_can_be_gone_to() -> None:
    """Where the oldest had to go, all that is left is as it was, from its first moment on."""
    story, player = Story(40), Player(log=RewindLog(BUDGET, Origin("here")))
    said = {}
    for now_ns in range(BEGIN_NS + BATCH_NS, BEGIN_NS + 40 * SECOND, BATCH_NS):
        player.play(story.events, story.samples, now_ns, now_ns - BATCH_NS)
        said[now_ns] = player.store.flows(EVERYTHING)
        assert player.log.nbytes <= BUDGET
    player.tape.flush(now_ns)
    span = player.log.span
    assert BEGIN_NS + 5 * SECOND < span.first_ns < now_ns - 5 * SECOND
    assert span.last_ns == now_ns
    moment = Moment(player.log)
    kept = [at_ns for at_ns in said if at_ns >= span.first_ns]
    for at_ns in [kept[0], kept[-1], kept[3], *kept[::7]]:
        moment.go(at_ns)
        assert not differences(said[at_ns], moment.flows(EVERYTHING)), at_ns
    moment.go(0)
    assert moment.at_ns == span.first_ns

    # Whoever saves what is there has all of it, too.
    saved = RewindLog(1 << 30, Origin("saved"))
    for chunk in player.log.chunks(0, now_ns):
        saved.keep(chunk)
    assert saved.span == span
    moment = Moment(saved)
    for at_ns in (kept[0], kept[3], kept[-1]):
        moment.go(at_ns)
        assert not differences(said[at_ns], moment.flows(EVERYTHING)), at_ns


def test_a_damaged_keyframe_is_done_without() -> None:
    """One goes back to the keyframe before, or to the beginning, and on from there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tcctui.recording.chunk_cutter.COST", 0)
        story, player = Story(10), Player()
        player.play(story.events, story.samples, BEGIN_NS + 10 * SECOND)
    whole = Moment(player.log)
    whole.go(BEGIN_NS + 9 * SECOND)
    asked = []

    class Damaged(RewindLog):
        def keyframe(self, at_ns: int) -> tuple[int, bytes] | None:
            found = player.log.keyframe(at_ns)
            asked.append(at_ns)
            return found and (found[0], found[1][:-1])

        chunks = player.log.chunks
        span = Span(*player.log.span)

    other = Moment(Damaged(0, Origin("")))
    other.go(BEGIN_NS + 9 * SECOND)
    assert len(asked) > 3
    assert not differences(whole.flows(EVERYTHING), other.flows(EVERYTHING))


def test_it_takes_as_much_memory_as_it_says() -> None:
    """The budget is one of memory: what is counted is what is allocated."""
    story, player, logs = Story(30), Player(), list[RewindLog]()

    def keep(chunk: Chunk) -> None:
        logs[0].keep(chunk)

    player.tape = ChunkCutter(player.store, BEGIN_NS, keep)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    logs.append(RewindLog(64 << 20, Origin("here")))
    player.play(story.events, story.samples, BEGIN_NS + 30 * SECOND)
    with_store = tracemalloc.get_traced_memory()[0] - before
    nbytes = logs[0].nbytes
    logs.clear()
    taken = with_store - (tracemalloc.get_traced_memory()[0] - before)
    tracemalloc.stop()
    assert taken == pytest.approx(nbytes, rel=0.1)


def test_idle_sockets_take_little() -> None:
    """Of sockets whose clocks alone go on, one sample in 10 s is kept, and two after a change.

    What is sampled ten times a second is drawn: nothing of it is left out. Chunks of some flows
    have theirs, and what says of none whose it is.
    """
    player = Player()
    cookies = np.arange(1, 501)
    for number in range(1, 31):
        now_ns = BEGIN_NS + 2 * number * SECOND
        sampled = samples(
            now_ns - 1,
            cookies,
            last_data_sent=2000 * number,
            last_ack_recv=2000 * number + 7,
            bytes_acked=cookies + (1000 if number >= 16 else 0),
        )
        player.batch(probes(now_ns, [7777, 0], snd_una=number), sampled, now_ns)
    player.tape.flush(now_ns + 1)
    moments = np.concatenate([chunk.samples["ts_ns"] for chunk in player.log.chunks(0, 1 << 62)])
    times = sorted({(int(at) - BEGIN_NS + 1) // SECOND for at in moments})
    assert times[:8] == [2, 4, 14, 24, 32, 34, 44, 54]
    assert {*times[8:]} <= {56, 58, 60}  # the newest chunks are as they came
    few = [*player.log.chunks(0, 1 << 62, np.array([3], "u8"))]
    for part, its in (("events", {0}), ("samples", {3})):
        assert {*np.concatenate([getattr(chunk, part)["sock_cookie"] for chunk in few])} == its
    moment = Moment(player.log)
    moment.go(now_ns)
    names = ("limit", "limit_shares", "rate", "bytes_acked", "from_sample", "state")
    live, past = (known.some_flows(cookies.astype("u8"), names) for known in (player.store, moment))
    assert not differences(live, past)
    player = Player()
    for number in range(1, 40):
        now_ns = BEGIN_NS + number * SECOND // 10
        player.batch(probes(now_ns, 7777), samples(now_ns - 1, 1), now_ns)
    player.tape.flush(now_ns + 1)
    assert sum(len(chunk.samples) for chunk in player.log.chunks(0, 1 << 62)) == 39


def test_chunks_are_as_they_were_kept() -> None:
    """Those that are packed together come apart again: each as it was, whoever's flows it has."""
    story, player, given = Story(21), Player(), list[Chunk]()
    player.tape = ChunkCutter(player.store, BEGIN_NS, given.append, player.log.keep)
    player.play(story.events, story.samples, BEGIN_NS + 21 * SECOND)
    for cookies in (np.array(WATCHED, "u8"), np.array([2, 5], "u8")):
        there = [*player.log.chunks(0, 1 << 62, cookies)]
        assert [(one.begin_ns, one.end_ns) for one in there] == [
            (one.begin_ns, one.end_ns) for one in given
        ]
        for one, other in zip(there, given, strict=True):
            assert one.events.tobytes() == of_flows(other.events, cookies).tobytes()
            own = [of_flows(part.samples, cookies[:1]).tobytes() for part in (one, other)]
            assert own[0] == own[1]
            assert one.keyframe == other.keyframe
    some = [*player.log.chunks(BEGIN_NS + 2 * SECOND, BEGIN_NS + 3 * SECOND)]
    assert [one.events.tobytes() for one in some] == [
        one.events.tobytes()
        for one in given
        if one.end_ns > BEGIN_NS + 2 * SECOND and one.begin_ns <= BEGIN_NS + 3 * SECOND
    ]
    assert 0 < len(some) < 4


# What was read of a few flows


FEW = np.array([2, 5], "u8")


class Counting(RewindLog):
    """Counts the chunks that are read."""

    read = 0

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        for chunk in super().chunks(after_ns, until_ns, cookies):
            self.read += 1
            yield chunk


@pytest.fixture(scope="module")
def log() -> Counting:
    """Half a minute of a story."""
    log = Counting(64 << 20, Origin("here"))
    story = Story(30)
    Player(log=log).play(story.events, story.samples, BEGIN_NS + 30 * SECOND)
    return log


@pytest.mark.parametrize("most", [0, 30_000, 32 << 20])
def test_whatever_is_asked_for_is_as_in_the_timeline(log: Counting, most: int) -> None:
    """In any order of going, and however little may be kept, the same chunks come."""
    few = ChunkCache(log, FEW, most)
    random = np.random.default_rng(1)
    for _ in range(60):
        after, until = BEGIN_NS + np.sort(random.integers(-2, 33, 2)) * SECOND + 7
        wanted = log.chunks(int(after), int(until), FEW)
        found = few.chunks(int(after), int(until))
        for one, other in zip(wanted, found, strict=True):
            assert one.end_ns == other.end_ns
            assert one.events.tobytes() == other.events.tobytes()
            assert one.samples.tobytes() == other.samples.tobytes()


def test_going_back_a_little_reads_only_that(log: Counting) -> None:
    """What was just there is not read again, be it from before or from after."""
    few, at = ChunkCache(log, FEW), BEGIN_NS + 20 * SECOND
    list(few.chunks(at - 9 * SECOND, at))
    for after, until, read in ((-9, 0, 0), (-11, -1, 2), (-8, 3, 3)):
        log.read = 0
        list(few.chunks(at + after * SECOND, at + until * SECOND))
        assert log.read == read


# Saved into a file


def test_it_begins_with_the_keyframe_that_the_log_begins_with(tmp_path: Path) -> None:
    """Where the oldest was dropped, the file's first moment is the log's, with all flows of it."""
    story, player = Story(40), Player(log=RewindLog(120_000, Origin("here")))
    player.play(story.events, story.samples, BEGIN_NS + 40 * SECOND)
    player.tape.flush(BEGIN_NS + 40 * SECOND)
    log = player.log
    path = tmp_path / "saved.arrows"
    writer = RecordingWriter(path, log.origin)
    for chunk in log.chunks(0, 1 << 62):
        writer.write(chunk)
    writer.close()
    recording = Recording(path)
    first_ns, last_ns = log.span
    assert first_ns > BEGIN_NS + 5 * SECOND
    assert recording.span == log.span
    assert recording.keyframe(first_ns) == log.keyframe(first_ns) != None  # noqa: E711
    moments = Moment(log), Moment(recording)
    for at_ns in (first_ns, first_ns + 1, first_ns + SECOND // 2, last_ns, first_ns):
        for moment in moments:
            moment.go(at_ns)
            moment.look_at(KEYS, 60)
        one, other = moments
        assert one.flows([]).count
        assert not differences(one.flows(EVERYTHING), other.flows(EVERYTHING))
        assert not any(unlike(one.history(key, 9, 60), other.history(key, 9, 60)) for key in KEYS)
    recording.close()
    assert np.isin(KEYS, player.store.flows([])["cookie"]).any()
