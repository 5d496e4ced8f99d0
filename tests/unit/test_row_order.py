"""The order by several columns, and the flow that counts as selected in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.ui.table import flow_order, sorting
from tcctui.ui.table.flow_order import HOLD, FlowOrder
from tcctui.ui.table.row_places import Pins, pinned_on_top, toggled
from tcctui.ui.table.sorting import Ranking, SortKey, order_by
from tests.ui.screen import Clock

RATE, CC, SRTT = SortKey("rate", True), SortKey("cc", False), SortKey("srtt", True)

VALUES = {
    "u8": st.sampled_from([0, 1, 65_535, 65_536, 2**63, 2**64 - 1]),
    "f8": st.sampled_from([0.0, 1.5, -1.5, -1e300, -1e-300, 1e-300, 1e300, np.inf, -np.inf]),
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


# Which flow counts as selected


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still."""
    clock = Clock()
    monkeypatch.setattr(flow_order, "time", clock)
    monkeypatch.setattr(flow_order, "RESORT", 0.0)
    return clock


def keys(*cookies: int) -> Any:
    """Make cookies of numbers."""
    return np.array(cookies, "u8")


def test_a_stand_in_stays_while_it_is_shown(clock: Clock) -> None:
    """The row that stands in is the same one though others overtake it, or the wanted one comes."""
    order = FlowOrder()
    order.update(keys(1, 2, 3, 4))
    order.select(1)
    clock.now += HOLD + 1
    order.update(keys(3, 4), anew=True)
    assert order.selected == 3
    order.update(keys(4, 3), anew=False)
    assert (order.selected, order.selected_at) == (3, 1)
    order.update(keys(2, 4, 3), anew=False)
    assert order.selected == 3
    order.update(keys(2, 4), anew=False)  # it has left: the one that somebody selected is there
    assert order.selected == 2
    order.update(keys(4, 3), anew=True)
    order.update(keys(3, 2, 4), anew=True)
    assert order.selected == 2
    clock.now += HOLD + 1
    order.update(keys(1, 3), anew=True)
    order.keep()  # what is acted on is what stays selected
    stand_in = order.selected
    order.update(keys(3, 2, 1), anew=True)
    assert order.selected == stand_in != 2


def test_pins_go_first_in_their_own_order_as_far_as_they_are_there() -> None:
    """The others keep their order; what is not there is not made up."""
    cookies = keys(5, 4, 3, 2, 1)
    assert pinned_on_top((2, 9, 4), cookies).tolist() == [2, 4, 5, 3, 1]
    assert pinned_on_top((), cookies).tolist() == [5, 4, 3, 2, 1]


def test_a_hundred_flows_can_be_pinned() -> None:
    """Another one is refused until one is let go of."""
    pinned: Pins | None = ()
    for cookie in range(1, 101):
        assert pinned is not None
        pinned = toggled(pinned, cookie)
    assert pinned is not None
    assert len(pinned) == 100
    assert toggled(pinned, 101) is None
    assert toggled(pinned, 50) == (*range(1, 50), *range(51, 101))
