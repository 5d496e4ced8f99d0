"""Pasts of several flows on one axis."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tcctui.flows.snapshot import Extremes
from tcctui.ui.chart.axes import elapsed_ticks, tick_labels
from tcctui.ui.chart.legend import FLOWS, lined, sample
from tcctui.ui.compare.aligned import aligned, by_age, by_time, value_at

NAN = math.nan


def past(*values: float) -> Extremes:
    """One value in each column."""
    array = np.array(values)
    return Extremes(array, array, array)


def test_two_lives_begin_at_the_same_place_by_age() -> None:
    """What each of two flows was at an age is in the same column, whenever that was."""
    older, younger = past(1, 2, 3, 4, 5, 6), past(7, 8)
    axis = by_age(6, 6)
    assert aligned(older, 6, 6, axis, 6).last.tolist() == [1, 2, 3, 4, 5, 6]
    assert aligned(younger, 2, 2, axis, 2).last.tolist() == [7, 8, *[math.inf] * 4]


def test_the_same_moment_is_in_the_same_column_by_time() -> None:
    """A flow that is half as old as the window has the right half of it."""
    axis = by_time(4, 4)
    young = aligned(past(7, 8), 2, 0, axis, math.inf)
    np.testing.assert_array_equal(young.last, [NAN, NAN, 7, 8])
    np.testing.assert_array_equal(aligned(past(*range(8)), 8, 0, axis, 99).last, [4, 5, 6, 7])


def test_no_dip_is_lost_in_fewer_columns() -> None:
    """Several columns in one keep the least, the greatest and the last of their values."""
    found = aligned(past(5, 1, 4, 9, 3, 3), 6, 0, by_time(6, 2), math.inf)
    assert found.low.tolist() == [1, 3]
    assert found.high.tolist() == [5, 9]
    assert found.last.tolist() == [4, 3]


def test_coarse_values_hold_and_a_closed_flow_ends() -> None:
    """Between the columns of a coarse past nothing is made up, and behind the end is nothing."""
    found = aligned(past(5, 6), 8, 0, by_time(8, 8), -2)
    np.testing.assert_array_equal(found.last, [NAN, NAN, 5, NAN, NAN, NAN, math.inf, math.inf])


def test_what_was_before_the_window_is_at_its_left() -> None:
    """A value that has not changed since is known in the whole window."""
    found = aligned(past(5, NAN, NAN, NAN), 4, 0, by_time(2, 2), math.inf)
    np.testing.assert_array_equal(found.last, [5, NAN])
    assert value_at(found, 1, 1) == (5, 5)


def test_a_value_is_read_where_there_is_one() -> None:
    """Under the crosshair are both ends of what was there; nothing before a flow or behind it."""
    curve = aligned(past(5, 1, 4), 3, 3, by_age(5, 5), 3)
    assert value_at(curve, 0, 2) == (1, 5)
    assert value_at(curve, 4, 4) is None
    assert value_at(aligned(past(7), 1, 0, by_time(3, 3), 9), 0, 1) is None


def test_an_axis_of_age_counts_up() -> None:
    """From 0 on the left, as far as there is room for labels."""
    labels = tick_labels(elapsed_ticks(60, 66), 5, 66).split()
    assert labels[:4] == ["0", "s", "10", "s"]
    assert "-" not in "".join(labels)


@pytest.mark.parametrize("text", ["⠒⠒⠒⠒⠒⠒⠒⠒", "⡇⣿⠚⠉⣀⣀⡇⣿"])
def test_flows_are_told_apart_by_their_lines(text: str) -> None:
    """Without colours all four lines differ, and so do the samples of them in the legend."""
    assert len({lined(text, style, 0) for style in FLOWS}) == len(FLOWS)
    assert len({sample(style) for style in FLOWS}) == len(FLOWS)
