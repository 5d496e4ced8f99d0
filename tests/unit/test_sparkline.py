"""Sparklines: the height of every block, what holds, and what is blank."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.ui.table.cells import sparklines

NAN = math.nan
HEIGHTS = " ▁▂▃▄▅▆▇█"


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"),
        ([8, 7, 6, 5, 4, 3, 2, 1], "█▇▆▅▄▃▂▁"),
        ([10, 10, 10], "▄▄▄"),
        ([900, 1000], "▄▅"),
        ([500, 1000], "▁█"),
        ([1, 1000], "▁█"),
        ([0, 1000], "▁█"),
        ([0, 501, 1000], "▁▅█"),
        ([0, 500, 1000], "▁▄█"),
        ([0, 0], "▁▁"),
        ([NAN, NAN, 5], "  ▄"),
        ([NAN, 2, NAN, NAN, 8], " ▁▁▁█"),
        ([0, NAN, 8, NAN], "▁▁██"),
        ([NAN, NAN], "  "),
        ([0, NAN], "▁▁"),
        ([4294967295, 1], "█▁"),
        ([], ""),
    ],
)
def test_a_line(values: list[float], line: str) -> None:
    """From minimum to maximum in eighths; a value holds, before the first one it is blank."""
    assert sparklines(np.array([values], "f8")) == [line]
    for shape in ((0, 10), (0, 0), (3, 0)):
        assert sparklines(np.zeros(shape)) == [""] * shape[0]


def expected(row: list[float]) -> str:
    """Draw a row by the book: the range is from the minimum to the maximum, or half the maximum."""
    seen = [Fraction(int(value)) for value in row if not math.isnan(value)]
    top, bottom = max(seen, default=Fraction(0)), min(seen, default=Fraction(0))
    span = max(top - bottom, top / 2)
    low = (top + bottom - span) / 2
    line, held = "", NAN
    for value in row:
        held = held if math.isnan(value) else value
        if math.isnan(held):
            line += " "
        else:
            eighths = math.ceil((int(held) - low) / span * 8) if span else 1
            line += HEIGHTS[min(max(eighths, 1), 8)]
    return line


@given(
    rows=st.lists(
        st.lists(
            st.just(NAN) | st.integers(0, 100) | st.integers(0, 2**32 - 1), min_size=10, max_size=10
        ),
        max_size=5,
    )
)
def test_every_block(rows: list[list[float]]) -> None:
    """Each block is as high as its value, rounded up to an eighth of the row's own range."""
    values = np.array(rows, "f8").reshape(len(rows), 10)
    before = values.copy()
    assert sparklines(values) == [expected(row) for row in rows]
    np.testing.assert_array_equal(values, before)
