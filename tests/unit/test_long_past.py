"""Charts that go back for longer than there is detail: coarser, and nothing is missing."""

from __future__ import annotations

import numpy as np
import pytest

from tcctui.flows.history.buckets import ACKED, LAST, MAX, MIN, STAMP, Buckets
from tcctui.flows.store import Store
from tests.unit.events import MS, SECOND, probes
from tests.unit.past import Bucket, Past, widened
from tests.unit.stores import MEMORY

BEGIN_NS = 1000 * SECOND


@pytest.fixture(scope="module")
def store() -> Store:
    """A flow that acknowledges 1000 bytes a second for 20 minutes, with a dip in each minute."""
    store = Store(MEMORY)
    for second in range(1200):
        fed(store, second)
    return store


def fed(store: Store, second: int) -> None:
    """Let one second pass."""
    when = BEGIN_NS + second * SECOND + np.arange(10) * 100 * MS
    cwnd = np.where(np.arange(10) + 10 * (second % 60) == 35, 2, 50 + second // 60)
    una = second * 1000 + np.arange(10) * 100
    store.ingest(probes(when, snd_cwnd=cwnd, snd_una=una), BEGIN_NS + (second + 1) * SECOND)


@pytest.mark.parametrize("seconds", [61, 300, 900])
def test_no_dip_is_lost_in_five_minutes(store: Store, seconds: float) -> None:
    """All columns are filled, dips are there, and what was acknowledged sums up."""
    past = store.history(1, seconds, 100)
    assert past is not None
    assert seconds <= past.seconds <= seconds * 1.3 + 1
    cwnd, rate = past.series["snd_cwnd"], past.series["acked_rate"].last
    assert len(cwnd.low) <= 100
    assert not np.isnan(cwnd.low).any()
    assert (cwnd.low == 2).sum() == pytest.approx(seconds // 60, abs=1)
    assert cwnd.high.max() == 69
    assert 69 - cwnd.high[1] == pytest.approx(seconds / 60, abs=1.1)
    assert rate[1:-1].mean() == pytest.approx(1000, rel=0.02)


def plain(buckets: Buckets) -> Past:
    """Buckets as the model has them."""
    return {
        row[STAMP]: Bucket(tuple(row[MIN]), tuple(row[MAX]), tuple(row[LAST]), row[ACKED])
        for row in buckets.tolist()
    }


@pytest.mark.parametrize("at", [100, 755])
def test_a_life_until_then_has_nothing_of_later(store: Store, at: int) -> None:
    """A life that went on, and what is known of then, make the life as it was then."""
    then = Store(MEMORY)
    for second in range(max(0, at - 64), at):
        fed(then, second)
    all_: Past = {}
    for first in range(0, at, 50):
        part = Store(MEMORY)
        for second in range(first, min(first + 50, at)):
            fed(part, second)
        # Of a part alone, nothing is acknowledged by its first event.
        all_ |= plain(part._known.history.recent(0))
    lived = store.lived(1)
    assert lived is not None
    recent = then._known.history.recent(0)
    buckets, step = lived.until(
        *then._known.history.life(0), recent, (BEGIN_NS // SECOND + at) * 10
    )
    assert step == lived.step
    model = widened(all_, step)
    found = plain(buckets)
    assert list(found) == list(model)
    for stamp, bucket in model.items():
        assert found[stamp].low == bucket.low
        assert found[stamp].high == bucket.high
        assert found[stamp].last == bucket.last
