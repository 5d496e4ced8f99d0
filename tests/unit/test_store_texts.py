"""Columns of texts: the same array while nothing in them changes, and never an old one."""

from __future__ import annotations

import numpy as np
import pytest

from tcctui.arrays import Array
from tcctui.flows.store import Store
from tcctui.wire.events import TcpState
from tcctui.wire.samples import Samples
from tests.unit.events import SECOND, destroy
from tests.unit.samples import samples

NAMES = ("text", "comm", "cc")
COOKIES = np.arange(1, 501)
"""Of so many flows, columns are copied one by one."""


def filled() -> Store:
    """Store that has been asked for its texts."""
    store = Store(0)
    store.ingest_samples(samples(1, COOKIES, comm=b"nginx", cc=b"bbr"), 1)
    return store


def given(store: Store) -> dict[str, Array]:
    """Columns of texts, as a frame has them."""
    flows = store.flows(NAMES)
    return {name: flows[name] for name in NAMES}


@pytest.mark.parametrize(
    ("then", "changed"),
    [
        (samples(2, COOKIES, comm=b"nginx", cc=b"bbr", rtt=90), set()),
        (samples(2, [7, 8], comm=[b"nginx", b"curl"], cc=b"bbr"), {"comm"}),
        (samples(2, 8, comm=b"nginx", cc=b"cubic"), {"cc"}),
        (samples(2, 8, comm=b"nginx", cc=b"bbr", state=TcpState.CLOSE_WAIT), {"text"}),
        (samples(2, 999, comm=b"nginx", cc=b"bbr"), {*NAMES}),
    ],
)
def test_a_column_is_another_array_where_it_changes(then: Samples, changed: set[str]) -> None:
    """It tells the newest sample, and is the same array where that says the same."""
    store = filled()
    before = given(store)
    told = {name: column.copy() for name, column in before.items()}
    store.ingest_samples(then, 2)
    after = given(store)
    assert {name for name in NAMES if after[name] is not before[name]} == changed
    twin = filled()
    twin.ingest_samples(then, 2)
    expected = given(twin)
    for name in NAMES:
        assert np.array_equal(before[name], told[name])
        assert np.array_equal(after[name], expected[name])
        assert not after[name].flags.writeable


def test_a_row_that_is_used_again_has_none_of_its_old_names() -> None:
    """Names of a connection that is forgotten are not those of the next one in its row."""
    store = filled()
    given(store)
    store.ingest(destroy(2, 8, 0), 2)
    store.ingest(destroy(2, 8, 0)[:0], 60 * SECOND)
    assert len(store.flows([])["cookie"]) == len(COOKIES) - 1
    store.ingest_samples(samples(61 * SECOND, 999, remote=("192.0.2.9", 1)), 61 * SECOND)
    texts = given(store)
    assert texts["comm"][-1] == texts["cc"][-1] == b""
    assert b"192.0.2.9:1" in texts["text"][-1]
