"""Which flow counts as selected, whatever is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tcctui.ui.table import flow_order
from tcctui.ui.table.flow_order import HOLD, FlowOrder
from tcctui.ui.table.row_places import Pins, pinned_on_top, toggled
from tests.ui.screen import Clock


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


def test_keeping_makes_the_stand_in_the_selected_one(clock: Clock) -> None:
    """What is acted on is what stays selected."""
    order = FlowOrder()
    order.update(keys(1, 2, 3))
    order.select(2)
    clock.now += HOLD + 1
    order.update(keys(1, 2), anew=True)
    order.keep()
    order.update(keys(3, 2, 1), anew=True)
    assert order.selected == 1


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
