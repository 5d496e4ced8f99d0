"""Pasts of several flows on one axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tcctui.flows.snapshot import Extremes
from tcctui.ui.chart.axes import elapsed_ticks
from tcctui.ui.chart.axis_lines import axis_lines
from tcctui.ui.chart.legend import FLOWS, lined, sample
from tcctui.ui.compare.aligned import aligned, by_age, by_time, value_at

NAN = math.nan


def past(*values: float) -> Extremes:
    """One value in each column."""
    array = np.array(values)
    return Extremes(array, array, array)


END = math.inf


@pytest.mark.parametrize(
    ("values", "ages", "axis", "until", "last"),
    [
        # by age: what each of two flows was at an age is in the same column
        ([1, 2, 3, 4, 5, 6], (6, 6), by_age(6, 6), 6, [1, 2, 3, 4, 5, 6]),
        ([7, 8], (2, 2), by_age(6, 6), 2, [7, 8, END, END, END, END]),
        # by time: a flow that is half as old as the window has the right half of it
        ([7, 8], (2, 0), by_time(4, 4), END, [NAN, NAN, 7, 8]),
        ([*range(8)], (8, 0), by_time(4, 4), 99, [4, 5, 6, 7]),
        # between the columns of a coarse past nothing is made up, behind the end is nothing
        ([5, 6], (8, 0), by_time(8, 8), -2, [NAN, NAN, 5, NAN, NAN, NAN, END, END]),
        # what was before the window is at its left
        ([5, NAN, NAN, NAN], (4, 0), by_time(2, 2), END, [5, NAN]),
    ],
)
def test_columns(
    values: list[float], ages: tuple[float, float], axis: Any, until: float, last: list[float]
) -> None:
    """Values of several flows are where the axis says."""
    found = aligned(past(*values), *ages, axis, until)
    np.testing.assert_array_equal(found.last, last)
    if axis == by_time(2, 2):
        assert value_at(found, 1, 1) == (5, 5), "it has not changed since"


def test_no_dip_is_lost_in_fewer_columns() -> None:
    """Several columns in one keep the least, the greatest and the last of their values."""
    found = aligned(past(5, 1, 4, 9, 3, 3), 6, 0, by_time(6, 2), math.inf)
    assert [part.tolist() for part in (found.low, found.high, found.last)] == [
        [1, 3],
        [5, 9],
        [4, 3],
    ]


def test_a_value_is_read_where_there_is_one() -> None:
    """Under the crosshair are both ends of what was there; nothing before a flow or behind it."""
    curve = aligned(past(5, 1, 4), 3, 3, by_age(5, 5), 3)
    assert value_at(curve, 0, 2) == (1, 5)
    assert value_at(curve, 4, 4) is None
    assert value_at(aligned(past(7), 1, 0, by_time(3, 3), 9), 0, 1) is None


def test_an_axis_of_age_counts_up() -> None:
    """From 0 on the left, as far as there is room for labels."""
    labels = axis_lines(66, 5, 4, (), elapsed_ticks(60, 66)).labels.split()
    assert labels[:4] == ["0", "s", "10", "s"]
    assert "-" not in "".join(labels)


@pytest.mark.parametrize("text", ["⠒⠒⠒⠒⠒⠒⠒⠒", "⡇⣿⠚⠉⣀⣀⡇⣿"])
def test_flows_are_told_apart_by_their_lines(text: str) -> None:
    """Without colours all four lines differ, and so do the samples of them in the legend."""
    assert len({lined(text, style, 0) for style in FLOWS}) == len(FLOWS)
    assert len({sample(style) for style in FLOWS}) == len(FLOWS)
