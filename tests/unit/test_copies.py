"""Copies of stores: each goes on by itself, and there are never too many."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tcctui.flows.store import Store
from tcctui.rewind import histories
from tcctui.rewind.moment import Moment
from tests.unit.events import SECOND, probes
from tests.unit.samples import samples
from tests.unit.story import Story
from tests.unit.tape_player import BEGIN_NS, EVERYTHING, Player, differences
from tests.unit.test_moment import KEYS, unlike


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
