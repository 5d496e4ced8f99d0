"""The past, worked out anew: it is what the screen showed then."""

from __future__ import annotations

import math
import threading
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import fields

import numpy as np
import numpy.typing as npt
import pytest

from tcctui.errors import TcctuiError
from tcctui.flows.frame import CloseRequest, FrameRequest, Past, Sparkline
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import FlowHistory, Flows
from tcctui.flows.store import Store
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin, Span
from tcctui.rewind import histories
from tcctui.rewind.moment import Moment
from tcctui.rewind.rebuilt import Rebuilt
from tcctui.rewind.rewind_log import RewindLog
from tcctui.wire.batch import Batch
from tests.unit.events import NOTHING, SECOND, probes
from tests.unit.samples import NO_SAMPLES, samples
from tests.unit.story import BATCH_NS, BEGIN_NS, EVERYTHING, WATCHED, Player, Story, differences

SECONDS = 30

KEYS = np.arange(1, 14, dtype="u8")


class Then:
    """A story that was played, and what the live store said at the end of each batch."""

    def __init__(self) -> None:
        story = Story(SECONDS)
        self.player = Player()
        self.said: dict[int, Flows] = {}
        self.events: dict[int, int] = {}
        self.pasts: dict[int, dict[int, FlowHistory | None]] = {}
        self.lines: dict[int, npt.NDArray[np.float64]] = {}
        for now_ns in range(BEGIN_NS + BATCH_NS, BEGIN_NS + SECONDS * SECOND + 1, BATCH_NS):
            store = self.player.store
            self.player.play(story.events, story.samples, now_ns, now_ns - BATCH_NS)
            self.said[now_ns] = store.flows(EVERYTHING)
            self.events[now_ns] = store.totals().events
            self.pasts[now_ns] = {key: store.history(key, 5, 60) for key in KEYS.tolist()}
            self.lines[now_ns] = store.sparklines(KEYS, [Sparkline("srtt_us", "max", 5, 10)])[0]
        self.player.tape.flush(now_ns)

    @property
    def moments(self) -> list[int]:
        """Ends of all batches, in no order."""
        return np.random.default_rng(1).permutation(list(self.said)).tolist()


@pytest.fixture(scope="module")
def then() -> Iterable[Then]:
    """A story of half a minute, with a keyframe every two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tcctui.recording.chunk_cutter.COST", 0)
        yield Then()


def unlike(one: FlowHistory | None, other: FlowHistory | None) -> list[str]:
    """What differs between two pasts."""
    if one is None or other is None:
        return [] if one is other else ["one is not there"]
    differ = [name for name in ("seconds", "mss") if getattr(one, name) != getattr(other, name)]
    for name, series in one.series.items():
        for part in fields(series):
            values = getattr(series, part.name), getattr(other.series[name], part.name)
            if not np.array_equal(values[0], values[1], equal_nan=True):
                differ.append(f"{name}.{part.name}")
    if [mark.tolist() for mark in _marks(one)] != [mark.tolist() for mark in _marks(other)]:
        differ.append("marks")
    if one.limits.tolist() != other.limits.tolist():
        differ.append("limits")
    return differ


def _marks(past: FlowHistory) -> list[npt.NDArray[np.generic]]:
    return [past.marks.column, past.marks.kind, past.marks.count]


def test_the_story_has_everything(then: Then) -> None:
    """What is compared below are closed flows, cookies used again, verdicts, marks, and rates."""
    last = then.said[max(then.said)]
    assert (last["closed_ns"] > 0).any()
    assert any((said["limit"] > 0).sum() > 3 for said in then.said.values())
    assert len({int(born) for said in then.said.values() for born in said["first_ns"]}) > 20
    pasts = [past for pasts in then.pasts.values() for past in pasts.values() if past]
    assert {kind for past in pasts for kind in past.marks.kind.tolist()} == {0, 1, 2, 3, 4}
    assert sum(kept.keyframe != b"" for kept in then.player.log.chunks(0, 1 << 62)) > 5


def test_losses_are_those_until_then() -> None:
    """They are told at any moment, also where a keyframe alone says what was known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tcctui.recording.chunk_cutter.COST", 0)
        player = Player()
        for second in range(1, 9):
            player.losses = (10 * second, second)
            player.batch(NOTHING, NO_SAMPLES, BEGIN_NS + second * SECOND)
    moment = Moment(player.log)
    for second in (8, 2, 4, 5):
        moment.go(BEGIN_NS + second * SECOND)
        assert moment.losses == (10 * second, second)


@pytest.mark.parametrize("forward", [False, True])
def test_the_table_is_what_it_was(then: Then, forward: bool) -> None:
    """At any moment, in any order, all columns are what the live store had, to the last bit."""
    moment = Moment(then.player.log)
    for at_ns in sorted(then.said) if forward else then.moments:
        moment.go(at_ns)
        assert not differences(then.said[at_ns], moment.flows(EVERYTHING)), at_ns
        assert moment.totals().events == then.events[at_ns]
        assert moment.at_ns == at_ns


def test_a_step_with_many_events_holds_no_lock(then: Then, monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen's thread waits for no more than a few: of more, a copy takes them in."""
    moment, free = Moment(then.player.log), []
    take = Rebuilt.take

    def look() -> None:
        free.append(moment._lock.acquire(blocking=False))
        if free[-1]:
            moment._lock.release()

    def taken(self: Rebuilt, batch: Batch) -> None:
        if len(batch.events):
            other = threading.Thread(target=look)
            other.start()
            other.join()
        take(self, batch)

    monkeypatch.setattr("tcctui.rewind.moment._AT_ONCE", 0)
    monkeypatch.setattr(Rebuilt, "take", taken)
    for at_ns in sorted(then.said):
        moment.go(at_ns)
        assert not differences(then.said[at_ns], moment.flows(EVERYTHING)), at_ns
    assert len(free) > 10
    assert all(free)


def test_the_past_is_what_it_was(then: Then, monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts, sparklines, marks and limits of what is looked at are what the live store drew."""
    monkeypatch.setattr("tcctui.rewind.moment._SHORTEST", 6)
    moment = Moment(then.player.log)
    moment.look_at(KEYS, 6)
    for at_ns in [*then.moments[:30], *sorted(then.said)[40:50]]:
        moment.go(at_ns)
        moment.look_at(KEYS, 6)
        for key in KEYS.tolist():
            if then.pasts[at_ns][key] is not None:  # others stay here, since they are looked at
                past = moment.history(key, 5, 60)
                assert not unlike(then.pasts[at_ns][key], past), (key, at_ns)
        lines = moment.sparklines(KEYS, [Sparkline("srtt_us", "max", 5, 10)])[0]
        assert np.array_equal(lines, then.lines[at_ns], equal_nan=True)


def test_a_whole_life_is_what_the_live_store_knows_and_no_more(then: Then) -> None:
    """With the live store, a life goes back to its beginning, and ends at the moment."""
    moment = Moment(then.player.log, then.player.store)
    at_ns = max(then.said) - 3 * SECOND // 4
    moment.go(at_ns)
    moment.look_at(KEYS, None)
    compared = 0
    for key in WATCHED:
        now, past = then.player.store.history(key, None, 60), moment.history(key, None, 60)
        row = then.said[at_ns]["cookie"].tolist().index(key)
        born = then.said[at_ns]["first_ns"][row]
        if (
            now is None
            or past is None
            or born != moment.some_flows(KEYS[key - 1 : key], ["first_ns"])["first_ns"][0]
        ):
            continue
        compared += 1
        assert past.seconds == pytest.approx((at_ns - born) / SECOND, abs=1)
    assert compared


def test_going_back_a_little_takes_in_little(then: Then) -> None:
    """Once one is somewhere, a second back is worked out from a copy, and is what it was."""
    moment = Moment(then.player.log)
    at_ns = BEGIN_NS + 25 * SECOND
    moment.go(at_ns)
    assert not moment.pending
    keys = KEYS[np.isin(KEYS, then.said[at_ns]["cookie"])][:3]
    lines = moment.sparklines(keys, [Sparkline("srtt_us", "max", 5, 10)])[0]
    assert np.isnan(lines).all(), "before it is looked at, there is what is known without"
    moment.look_at(KEYS, 60)
    for key in keys.tolist():
        assert not unlike(then.pasts[at_ns][key], moment.history(key, 5, 60))
    taken: list[Batch] = []
    with pytest.MonkeyPatch.context() as patch:
        take = Rebuilt.take

        def counted(run: Rebuilt, batch: Batch) -> None:
            taken.append(batch)
            take(run, batch)

        patch.setattr(Rebuilt, "take", counted)
        for back in (1, 1, 1, 10, 1):
            at_ns -= back * SECOND
            taken.clear()
            moment.go(at_ns)
            assert not moment.pending
            assert len(taken) <= 2 * 4 * 9  # of the table and the past, of some seconds
            assert not differences(then.said[at_ns], moment.flows(EVERYTHING))
            for key, past in then.pasts[at_ns].items():
                if past is not None:
                    assert not unlike(past, moment.history(key, 5, 60))


def test_there_is_no_chart_of_another_moment(then: Then) -> None:
    """Far away, the table is there first; whoever looks is told that there is no past yet."""
    for life in (None, then.player.store):
        moment = Moment(then.player.log, life)
        moment.go(max(then.said))
        moment.look_at(KEYS, 60)
        assert moment.history(3, 5, 60) is not None
        at_ns = BEGIN_NS + 8 * SECOND
        moment.go(at_ns)
        assert moment.pending
        assert not differences(then.said[at_ns], moment.flows(EVERYTHING))
        assert moment.history(3, 5, 60) is None
        moment.look_at(KEYS, 60)
        assert not moment.pending
        assert not unlike(then.pasts[at_ns][3], moment.history(3, 5, 60))


def test_what_somebody_sees_is_of_one_moment(then: Then) -> None:
    """While another thread goes back and forth, table and chart never are of different moments."""
    moment = Moment(then.player.log)
    moment.go(BEGIN_NS + 20 * SECOND)
    moment.look_at(KEYS, 60)
    over = threading.Event()

    def wander() -> None:
        for back in (1, 2, 1, -1, 3, -2, 10, -9, 1):
            moment.go(moment.at_ns - back * SECOND)
            moment.look_at(KEYS, 60)
        over.set()

    thread = threading.Thread(target=wander)
    thread.start()
    asked = Past(3, 5, 60)
    close = CloseRequest(lambda: KEYS[2:3], frozenset({"last_ns"}), lambda _: [asked])
    seen = 0
    while not over.is_set():
        frame = moment.frame(FrameRequest(close={"chart": close}))
        past = frame.close["chart"].pasts.get(asked)
        if past is not None:
            seen += 1
            assert not unlike(then.pasts[frame.now_ns][3], past)
    thread.join()
    assert seen


def test_how_many_events_there_are_a_second(then: Then) -> None:
    """It is what the live store said, wherever one comes from; not told before there is any."""
    moment = Moment(then.player.log)
    assert math.isnan(moment.rate_of_events)
    for at_ns in then.moments[:20]:
        moment.go(at_ns)
        if at_ns > BEGIN_NS + SECOND:
            counted = then.events[at_ns] - then.events[at_ns - SECOND]
            assert moment.rate_of_events == pytest.approx(counted)


def test_what_came_late_is_where_it_belongs() -> None:
    """An event that is delivered in a later chunk is there at its own time, and once."""
    player = Player()
    late = probes([BEGIN_NS + 900_000_000], 5, snd_cwnd=33)
    for number in range(1, 17):
        now_ns = BEGIN_NS + number * BATCH_NS
        events = probes([now_ns - 1], 1, snd_cwnd=number)
        player.batch(events, NO_SAMPLES, now_ns)
        if number == 5:
            player.batch(late, NO_SAMPLES, now_ns)
    player.tape.flush(now_ns)
    moment = Moment(player.log)
    for seconds, count in ((0.8, 3), (0.95, 4), (1, 5), (2, 9), (4, 17), (0.95, 4), (0.8, 3)):
        moment.go(BEGIN_NS + int(seconds * SECOND))
        assert moment.totals().events == count


def test_nothing_is_known_before_one_goes() -> None:
    """Before the first moment, and where nothing was recorded, all is empty.

    Where nothing happens, time goes on: closed flows leave.
    """
    moment = Moment(Player().log)
    assert not moment.flows(EVERYTHING).count
    moment.go(5)
    moment.look_at(KEYS, 60)
    assert not moment.totals().flows
    assert moment.history(1, 60, 60) is None
    assert np.isnan(moment.sparklines(KEYS, [Sparkline("srtt_us", "max", 5, 10)])[0]).all()
    player = Player()
    for number in range(1, 60):
        now_ns = BEGIN_NS + number * BATCH_NS
        player.batch(probes([now_ns - 1], 1) if number < 3 else NOTHING, NO_SAMPLES, now_ns)
    moment = Moment(player.log)
    moment.go(BEGIN_NS + 14 * SECOND)
    assert moment.flows(["rate"])["rate"].tolist() == [0.0]
    assert moment.flows([]).now_ns == BEGIN_NS + 14 * SECOND


def test_a_timeline_that_breaks_off_is_begun_anew(then: Then) -> None:
    """After an error on the way, the next moment is complete, and not half of it twice."""

    class Breaking(RewindLog):
        broken = False
        keyframe = then.player.log.keyframe
        span = Span(*then.player.log.span)

        def chunks(
            self, after_ns: int, until_ns: int, cookies: Keys | None = None
        ) -> Iterator[Chunk]:
            for number, chunk in enumerate(then.player.log.chunks(after_ns, until_ns, cookies)):
                if self.broken and number == 1:
                    raise TcctuiError("The file has gone.", "mount it again")
                yield chunk

    log = Breaking(0, Origin(""))
    moment = Moment(log)
    at_ns = BEGIN_NS + 5 * SECOND
    moment.go(at_ns)
    log.broken = True
    with pytest.raises(TcctuiError):
        moment.go(at_ns + 2 * SECOND)
    assert not differences(then.said[at_ns], moment.flows(EVERYTHING))
    log.broken = False
    moment.go(at_ns + SECOND)
    assert not differences(then.said[at_ns + SECOND], moment.flows(EVERYTHING))


# Copies of stores


def test_what_comes_to_one_does_not_come_to_the_other() -> None:
    """A copy knows all that the store knew, and both go on to the same, each by itself."""
    story, half, whole = Story(20), Player(), Player()
    middle, end = BEGIN_NS + 10 * SECOND, BEGIN_NS + 20 * SECOND
    half.play(story.events, story.samples, middle)
    whole.play(story.events, story.samples, end)
    before = half.store.flows(EVERYTHING)
    copy = Player(half.store.copy())
    copy.play(story.events, story.samples, end, middle)
    assert not differences(half.store.flows(EVERYTHING), before)
    assert not differences(copy.store.flows(EVERYTHING), whole.store.flows(EVERYTHING))
    for key in KEYS.tolist():
        assert not unlike(copy.store.history(key, 15, 60), whole.store.history(key, 15, 60))
        assert not unlike(copy.store.history(key, None, 60), whole.store.history(key, None, 60))


def test_a_copy_takes_as_much_memory_as_it_says() -> None:
    """What was never written to is not copied, though a store has room for much."""
    store = Store(32 << 20)
    for number in range(1, 200):
        now_ns = BEGIN_NS + number * SECOND // 4
        store.ingest(probes(now_ns, np.arange(1, 30), snd_cwnd=number), now_ns)
        store.ingest_samples(samples(now_ns, np.arange(1, 30)), now_ns)
    assert store.nbytes < 4 << 20
    tracemalloc.start()
    kept = [store.copy() for _ in range(5)]
    taken = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    assert taken == pytest.approx(store.nbytes, rel=0.3)


def test_copies_are_within_their_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever one goes, copies take no more than they may, and there are some nearby."""
    story, player = Story(40), Player()
    player.play(story.events, story.samples, BEGIN_NS + 40 * SECOND)
    player.tape.flush(BEGIN_NS + 40 * SECOND)
    most = 9 * player.store.nbytes
    monkeypatch.setattr(histories, "MOST", most)
    moment = Moment(player.log)
    for seconds in (39, 38, 20, *range(20, 40), 3, 39, 38):
        moment.go(BEGIN_NS + seconds * SECOND)
        moment.look_at(KEYS, 60)
        assert moment._pasts is not None
        assert 0 < moment._pasts.copies.nbytes <= most
    assert moment._pasts is not None
    assert moment._pasts.near(moment.at_ns - SECOND)
