"""Choice of connections for single rows: certain ones, and a sample that stands for the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.arrays import Floats
from tcctui.fleet.agent.strata import chosen, extremes, fractions, lowest, salt


def population(seed: int, count: int) -> tuple[Floats, Floats]:
    """Bytes and retransmits of connections, most of them small: few have most of all."""
    random = np.random.default_rng(seed)
    return random.pareto(1.1, count) * 1e4, random.poisson(0.3, count).astype("f8")


@pytest.mark.parametrize("count", [65, 200, 3000])
def test_weighted_sums_are_unbiased(count: int) -> None:
    """Over many hours the mean of estimated totals is the true total, of counts and of sums."""
    traffic, again = population(count, count)
    # Something that no measure prefers, and is not evenly spread over the cookies, either.
    other = np.arange(count) % 7 + traffic**0.25
    cookies = np.arange(1, count + 1, dtype="u8")
    draws = 2000
    estimates = np.empty((draws, 2))
    for hour in range(draws):
        places, weights = chosen(
            cookies, [traffic, again], np.ones(count, bool), 64, salt("a boot", hour * 3600)
        )
        assert len(places) == 64
        assert len(set(places.tolist())) == 64, "the strata share none"
        estimates[hour] = weights.sum(), (weights * other[places]).sum()
    truth = np.array([count, other.sum()])
    errors = np.abs(estimates.mean(axis=0) - truth) / (estimates.std(axis=0) / np.sqrt(draws))
    assert (errors < 4).all(), (estimates.mean(axis=0), truth)
    unweighted = count / 64 * np.mean(other[places])
    assert abs(unweighted - truth[1]) > abs(estimates.mean(axis=0) - truth)[1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.integers(1, 80), st.integers(0, 2**32))
def test_what_is_chosen_stands_for_all(count: int, rows: int, seed: int) -> None:
    """No more rows than asked for, all of few; certain ones have weight 1, others 1 or more."""
    traffic, again = population(seed, count)
    counts = np.random.default_rng(seed).random(count) < 0.8
    cookies = np.arange(count, dtype="u8")
    places, weights = chosen(cookies, [traffic, again], counts, rows, seed)
    assert len(places) == min(rows, counts.sum())
    assert len(set(places.tolist())) == len(places)
    assert counts[places].all()
    assert (weights >= 1).all()
    if counts.sum() <= rows:
        assert (weights == 1).all()
    elif len(places):
        busiest = np.flatnonzero(counts)[np.argmax(traffic[counts])]
        assert rows < 2 or weights[places.tolist().index(busiest)] == 1


def test_measures_take_turns() -> None:
    """The worst by each measure is there before the second worst by any; nothing is no worst."""
    first, second = np.array([5.0, 4, 3, 0, 0]), np.array([0.0, 0, np.nan, 2, 0])
    assert extremes([first, second], 2).tolist() == [0, 3]
    assert extremes([first, second], 5).tolist() == [0, 3, 1, 2]


def test_an_hour_has_one_choice() -> None:
    """Within an hour the same are chosen; the next hour and another boot have others."""
    cookies = np.arange(1, 1001, dtype="u8")

    def drawn(boot: str, time_s: int) -> set[int]:
        return set(lowest(fractions(cookies, salt(boot, time_s)), 16).places.tolist())

    assert drawn("one", 7200) == drawn("one", 7200 + 3590)
    assert drawn("one", 7200) != drawn("one", 10800)
    assert drawn("one", 7200) != drawn("two", 7200)
