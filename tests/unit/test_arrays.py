"""Integers among others."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tcctui.arrays import U64, among
from tests.unit.test_package import loaded

SMALL = arrays("u8", st.integers(0, 8), elements=st.integers(0, 5))


@given(SMALL, SMALL)
def test_it_is_numpys(values: U64, others: U64) -> None:
    """It gives what numpy's `isin` gives."""
    assert np.array_equal(among(values, others), np.isin(values, others))


def test_it_imports_nothing() -> None:
    """It does not import numpy.ma, as numpy's does."""
    code = "import numpy as np; from tcctui import arrays; many = np.arange(99) << 50"
    assert "numpy.ma" not in loaded(f"{code}; arrays.among(many, many)")
    assert "numpy.ma" in loaded(f"{code}; np.isin(many, many)")
