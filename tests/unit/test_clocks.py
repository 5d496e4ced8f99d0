"""The offset of two machines' clocks, worked out of what both recorded of a connection."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.both_ends.clocks import Alignment
from tcctui.both_ends.one_end import SAMPLED_NS
from tests.unit.events import MS, SECOND
from tests.unit.exchange import BEGIN, Exchange, Path, exchange
from tests.unit.samples import NO_SAMPLES

DAY = 86_400 * SECOND


def aligned(made: Exchange, *, turned: bool = False) -> Alignment:
    """Align the clocks; `turned` as the receiver sees it."""
    sides = made.sender.end.side(), made.receiver.end.side()
    return Alignment(*(reversed(sides) if turned else sides))


def moments(seconds: float) -> np.ndarray:
    """Moments of the transfer, and around it."""
    return np.asarray(BEGIN + np.linspace(-1, seconds + 1, 200) * SECOND, "i8")


paths = st.builds(
    Path,
    least_ns=st.integers(10_000, 200 * MS),
    jitter_ns=st.integers(0, 300 * MS),
    loss=st.sampled_from([0.0, 0.01, 0.3]),
)


@given(
    seed=st.integers(0, 1 << 32),
    path=paths,
    offset_ns=st.integers(-30 * DAY, 30 * DAY),
    drift=st.floats(-500e-6, 500e-6),
    segments=st.integers(1, 600),
    seconds=st.floats(0.5, 2000),
    sampled_s=st.floats(0.2, 5),
    events=st.booleans(),
)
def test_the_true_offset_is_within_the_interval(**about: object) -> None:
    """Whatever delays, losses, offset and drift are, at every moment, seen from both ends."""
    made = exchange(**about)  # type: ignore[arg-type]
    alignment = aligned(made)
    assert not alignment.contradictory
    if alignment.known:
        when = moments(float(about["seconds"]))  # type: ignore[arg-type]
        low, high = alignment.along(when.astype("f8"))
        true = made.offset(when)
        # A float has 53 bits: nanoseconds of a month are right within one.
        assert (low - 2 <= true).all()
        assert (true <= high + 2).all()
        other = aligned(made, turned=True)
        low, high = other.along((when + true).astype("f8"))
        assert (low - 2 <= -true).all()
        assert (-true <= high + 2).all()


@pytest.mark.parametrize("rtt_ms", [1, 20, 200])
def test_the_interval_is_hardly_wider_than_a_round_trip(rtt_ms: int) -> None:
    """Of a busy connection: half of the shortest on either side, and what samples' times lack."""
    path = Path(least_ns=rtt_ms * MS // 2, jitter_ns=rtt_ms * MS // 10)
    made = exchange(7, path=path, offset_ns=3 * DAY, drift=1e-6, segments=20_000)
    interval = aligned(made).at(BEGIN + 5 * SECOND)
    assert interval.margin_ns <= 0.7 * rtt_ms * MS + SAMPLED_NS + 5 * MS
    assert abs(interval.middle_ns - 3 * DAY) <= interval.margin_ns


def test_two_connections_contradict_each_other() -> None:
    """Ends of two transfers, of which one got more than the other sent in time, are no pair."""
    one, other = (
        exchange(seed, path=Path(), offset_ns=0, drift=0, segments=count, seconds=60)
        for seed, count in ((1, 4000), (2, 400))
    )
    assert Alignment(one.sender.end.side(), other.receiver.end.side()).contradictory
    assert aligned(one).known


def test_without_samples_of_one_end_nothing_is_known() -> None:
    """There is no count of bytes that both have: no interval is made up."""
    made = exchange(1, path=Path(), offset_ns=5, drift=0)
    bare = made.receiver.end._replace(samples=NO_SAMPLES)
    alignment = Alignment(made.sender.end.side(), bare.side())
    assert not alignment.known
    assert not alignment.contradictory
