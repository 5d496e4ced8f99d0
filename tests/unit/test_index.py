"""Keys and their rows, many at a time, beside a dict that does the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.flows.index import KeyIndex

keys = st.integers(0, 12) | st.sampled_from([2**64 - 1, 2**63])
puts = st.lists(st.tuples(keys, st.integers(0, 9)), max_size=8, unique_by=lambda pair: pair[1])
steps = st.lists(st.tuples(puts, st.lists(st.integers(0, 20), unique=True)), max_size=12)


@settings(max_examples=200)
@given(steps=steps)
def test_an_index_is_like_a_dict(steps: list[tuple[list[tuple[int, int]], list[int]]]) -> None:
    """The last row put for a key counts; a row that is removed takes no other row's key along."""
    index, model = KeyIndex(), dict[int, int]()
    every = np.array([*range(14), 2**63, 2**64 - 1], "u8")
    for put, removed in steps:
        rows = np.array([row for _, row in put], "i8")
        index.remove_rows(rows)  # a row has one key at a time
        model = {key: row for key, row in model.items() if row not in rows}
        index.put(np.array([key for key, _ in put], "u8"), rows)
        model |= dict(put)
        index.remove_rows(np.array(removed, "i8"))
        model = {key: row for key, row in model.items() if row not in removed}
        assert len(index) == len(model)
        assert index.lookup(every).tolist() == [model.get(key, -1) for key in every.tolist()]
