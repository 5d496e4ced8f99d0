"""Sets of integers in arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tcctui.arrays import U64, among, distinct
from tests.unit.test_package import loaded

SMALL = arrays("u8", st.integers(0, 8), elements=st.integers(0, 5))


@given(SMALL, SMALL)
def test_they_are_numpys(values: U64, others: U64) -> None:
    """They give what numpy's `isin` and `unique` give."""
    assert np.array_equal(among(values, others), np.isin(values, others))
    assert np.array_equal(distinct(values), np.unique(values))


def test_they_import_nothing() -> None:
    """Neither imports numpy.ma, as numpy's do."""
    code = "import numpy as np; from tcctui import arrays; many = np.arange(99) << 50"
    assert "numpy.ma" not in loaded(f"{code}; arrays.among(many, many); arrays.distinct(many)")
    assert "numpy.ma" in loaded(f"{code}; np.isin(many, many)")


def test_a_key_imports_nothing_of_numpy() -> None:
    """Other rows in sight, as after a key, need no part of numpy that is not there already."""
    code = (
        "import numpy as np; from tcctui.ui.table.cell_texts import CellTexts; texts = CellTexts();"
        "many = np.arange(99, dtype='u8') << np.uint64(50);"
        "[texts.of({'cookie': many[at:]}, {}, ()) for at in (0, 1)]"
    )
    assert "numpy.ma" not in loaded(code)
