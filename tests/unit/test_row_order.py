"""The order by several columns, each its own way round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.ui.table import sorting
from tcctui.ui.table.sorting import Ranking, SortKey, order_by

RATE, CC, SRTT = SortKey("rate", True), SortKey("cc", False), SortKey("srtt", True)

VALUES = {
    "u8": st.sampled_from([0, 1, 65_535, 65_536, 2**63, 2**64 - 1]),
    "f8": st.sampled_from([0.0, 1.5, 1e-300, 1e300, np.inf]),
    "u1": st.integers(0, 3),
    "S5": st.sampled_from([b"", b"bbr", b"cubic", b"cubi", b"reno"]),
}


@given(
    kinds=st.lists(st.tuples(st.sampled_from(sorted(VALUES)), st.booleans()), max_size=4),
    count=st.integers(0, 12),
    data=st.data(),
)
def test_rows_are_sorted_as_one_column_after_the_other(
    kinds: list[tuple[str, bool]], count: int, data: st.DataObject
) -> None:
    """As if sorted by the last key first: each way round, unknown ones last, equals in place."""
    rankings, expected = [], list(range(count))
    for kind, descending in kinds:
        values = data.draw(st.lists(VALUES[kind], min_size=count, max_size=count))
        unknown = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
        column, missing = np.array(values, kind), np.array(unknown, bool)
        rankings.append(Ranking([column], descending, missing))
    for ranking in reversed(rankings):
        column, descending, missing = ranking.parts[0], ranking.descending, ranking.missing
        assert missing is not None
        known = [row for row in expected if not missing[row]]
        known.sort(key=lambda row: column[row].item(), reverse=descending)
        expected = known + [row for row in expected if missing[row]]
    got = order_by(rankings).tolist()
    assert got == (expected if rankings else [])


@pytest.mark.parametrize(
    ("name", "further", "expected"),
    [
        ("rate", False, (SortKey("rate", False), CC)),
        ("rate", True, (SortKey("rate", False), CC)),
        ("cc", True, (RATE, SortKey("cc", True))),
        ("cc", False, (CC,)),
        ("srtt", True, (RATE, CC, SRTT)),
        ("srtt", False, (SRTT,)),
    ],
)
def test_what_a_click_makes_of_the_keys(
    name: str, further: bool, expected: tuple[SortKey, ...]
) -> None:
    """The first key's title turns it, another one replaces all, or becomes a further key."""
    assert sorting.clicked((RATE, CC), name, further=further) == expected


def test_the_first_key_moves_along_and_takes_no_other_ones_column_twice() -> None:
    """`>` leaves further keys; one whose column is now the first is not there twice."""
    names = ["cc", "srtt", "rate"]
    assert sorting.beside((RATE, CC), names, -1) == (SRTT, CC)
    assert sorting.beside((RATE, CC), names, 1) == (CC,)
    assert sorting.beside((SortKey("age", True), CC), names, 1)[0] == SRTT


def test_what_can_not_be_sorted_by_is_left_out() -> None:
    """Names that no column has, sparklines and repetitions are; of nothing it is the rate."""
    wrong = SortKey.read(["nonsense", "-cwnd_spark", "cc", "-cc"])
    assert sorting.usable(wrong) == (CC,)
    assert sorting.usable(wrong[:2]) == (RATE,)
