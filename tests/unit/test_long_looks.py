"""Two looks at a flow that are far apart: the seconds between them are alike."""

from __future__ import annotations

import numpy as np
import pytest

from tcctui.arrays import Array
from tcctui.flows.diagnosis import recent_limits
from tcctui.flows.store import Store
from tests.unit.events import MS, SECOND
from tests.unit.samples import look, samples

FLOWS = 20


def looked_at(seed: int) -> dict[str, Array]:
    """State of the limits of some flows, after looks at random moments, up to 100 s apart."""
    random = np.random.default_rng(seed)
    store = Store(0)
    now, busy, rwnd = 10 * SECOND, np.zeros(FLOWS), np.zeros(FLOWS)
    for _ in range(20):
        apart = int(random.choice([400, 2_300, 3_000, 4_001, 7_000, 10_050, 70_000, 99_999])) * MS
        now += apart
        busy += apart / 1000 * random.random(FLOWS)
        rwnd = np.minimum(rwnd + apart / 2000 * random.random(FLOWS), busy)
        look(
            store,
            samples(
                now - random.integers(0, 300, FLOWS) * MS,
                np.arange(1, FLOWS + 1),
                busy_time=busy.astype("u8"),
                rwnd_limited=rwnd.astype("u8"),
                total_retrans=(busy / 1e5).astype("u4"),
            ),
        )
    kept = store._known.limits.kept
    return {name: kept[name].copy() for name in ("_recent", "_counted", "_mains", "_main")}


@pytest.mark.parametrize("seed", range(5))
def test_a_long_time_is_as_if_each_second_was_worked_out(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verdicts, shares and strip are the same, to the last bit."""
    found = looked_at(seed)
    monkeypatch.setattr(recent_limits, "_PIECES", recent_limits._SECONDS)
    for name, each in looked_at(seed).items():
        assert np.array_equal(found[name], each), name


def test_of_a_long_time_three_seconds_are_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look a minute later costs as one 3 s later does: all that is not watched has such ones."""
    worked_out: list[int] = []
    main = recent_limits._main

    def counted(sums: Array, verdict: Array) -> Array:
        worked_out.append(len(sums))
        return main(sums, verdict)

    monkeypatch.setattr(recent_limits, "_main", counted)
    store = Store(0)
    for seconds in (10, 70):
        look(store, samples(seconds * SECOND, np.arange(1, FLOWS + 1), busy_time=seconds * 10**5))
    assert worked_out == [3 * FLOWS, FLOWS]
