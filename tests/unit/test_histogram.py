"""Bins of round-trip times."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.flows.groups.histogram import LEAST_BINS, SHARES, histogram
from tests.unit.test_groups import quantile

SRTTS = st.lists(st.one_of(st.integers(0, 50), st.integers(0, (1 << 32) - 1)), max_size=40)


@given(srtts=SRTTS, bins=st.integers(LEAST_BINS, 60))
def test_every_flow_is_in_the_bin_that_its_edges_say(srtts: list[int], bins: int) -> None:
    """The bins together have all flows with an srtt, each those between its edges, and fit."""
    made = histogram(np.array(srtts, "u4"), bins)
    there = [srtt for srtt in srtts if srtt]
    assert (made.known, made.unknown) == (len(there), len(srtts) - len(there))
    assert len(made.counts) <= bins
    wanted = [
        sum(low <= srtt < high for srtt in there)
        for low, high in zip(made.edges[:-1], made.edges[1:], strict=True)
    ]
    assert made.counts.tolist() == wanted
    if there:
        assert made.counts[0]
        assert made.counts[-1]
        assert (made.low, made.high) == (min(there), max(there))
        assert list(made.at) == [quantile(there, str(share)) for share in SHARES]
        assert made.counts[made.bin_of(there[0])]


def test_bins_are_equally_wide_on_a_logarithmic_scale() -> None:
    """From 1 ms to 1 s there are as many bins for a decade as fit, at round numbers."""
    srtts = np.array([1_000, 30_000, 999_000], "u4")
    assert histogram(srtts, 10).edges.tolist() == pytest.approx(
        [1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6]
    )
    fine = histogram(srtts, 60).edges
    assert len(fine) == 61
    widths = fine[1:] / fine[:-1]
    assert widths.max() < 1.16
    assert widths.min() > 1.09


def test_times_that_are_close_are_told_apart() -> None:
    """Where all flows are within a tenth, the bins are narrower still."""
    made = histogram(np.array([20_000, 20_600, 21_900], "u4"), 14)
    assert np.count_nonzero(made.counts) == 3


def test_nothing_is_in_no_bin() -> None:
    """Where no flow has an srtt, there is no bin, and that is no error."""
    made = histogram(np.zeros(3, "u4"), 14)
    assert (len(made.counts), made.known, made.unknown) == (0, 0, 3)
    assert math.isnan(made.low)
    assert made.bin_of(5) == -1
