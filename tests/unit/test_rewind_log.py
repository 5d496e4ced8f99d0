"""The last minutes in memory: within a budget, and from a keyframe on."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tcctui.recording.timeline import Origin, Span
from tcctui.rewind.moment import Moment
from tcctui.rewind.rewind_log import RewindLog
from tests.unit.events import SECOND, probes
from tests.unit.samples import NO_SAMPLES, samples
from tests.unit.story import Story
from tests.unit.tape_player import BATCH_NS, BEGIN_NS, EVERYTHING, Player, differences

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
    story = Story(30)
    player = Player()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    log = RewindLog(64 << 20, Origin("here"))
    player.tape._keepers = (log.keep,)
    player.play(story.events, story.samples, BEGIN_NS + 30 * SECOND)
    with_store = tracemalloc.get_traced_memory()[0] - before
    nbytes = log.nbytes
    del log
    player.tape._keepers = ()
    taken = with_store - (tracemalloc.get_traced_memory()[0] - before)
    tracemalloc.stop()
    assert taken == pytest.approx(nbytes, rel=0.1)


def test_only_what_is_asked_for_comes() -> None:
    """Chunks of some flows have theirs, and what says of none whose it is."""
    player = Player()
    now_ns = BEGIN_NS + SECOND
    player.batch(probes(now_ns, [1, 2, 0, 3]), samples(now_ns, [1, 2]), now_ns)
    player.tape.flush(now_ns + 1)
    player.batch(probes(now_ns + 5, 2), NO_SAMPLES, now_ns + 5)
    player.tape.flush(now_ns + 6)
    first, second, *_ = player.log.chunks(0, 1 << 62, np.array([1], "u8"))
    assert first.events["sock_cookie"].tolist() == [0, 1]
    assert not len(second.events) or second.events["sock_cookie"].tolist() == [0]


def test_idle_sockets_take_little() -> None:
    """Of sockets whose clocks alone go on, one sample in 10 s is kept, and two after a change."""
    log = RewindLog(64 << 20, Origin("here"))
    player = Player(log=log)
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
        player.batch(probes(now_ns, 7777, snd_una=number), sampled, now_ns)
    player.tape.flush(now_ns + 1)
    times = sorted(
        {
            (int(at) - BEGIN_NS + 1) // SECOND
            for chunk in log.chunks(0, 1 << 62)
            for at in chunk.samples["ts_ns"]
        }
    )
    assert times == [2, 4, 14, 24, 32, 34, 44, 54]
    moment = Moment(log)
    moment.go(now_ns)
    names = ("limit", "limit_shares", "rate", "bytes_acked", "from_sample", "state")
    keys = cookies.astype("u8")
    live, past = (known.some_flows(keys, names) for known in (player.store, moment))
    assert not differences(live, past)


def test_watched_sockets_are_kept_as_they_are() -> None:
    """What is sampled ten times a second is drawn: nothing of it is left out."""
    player = Player()
    for number in range(1, 40):
        now_ns = BEGIN_NS + number * SECOND // 10
        player.batch(probes(now_ns, 7777), samples(now_ns - 1, 1), now_ns)
    player.tape.flush(now_ns + 1)
    assert sum(len(chunk.samples) for chunk in player.log.chunks(0, 1 << 62)) == 39
