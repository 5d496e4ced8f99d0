"""The soak's identities of counts, each broken on purpose."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.soak.counts import Figures, wrong

HOUR = Figures(
    seconds=3600,
    seen=1_000_000,
    kept=999_990,
    lost=8,
    skipped=2,
    status=0,
    left=0,
    memory=[200 << 20] * 3600,
    descriptors=[40] * 3600,
    keys=[0.05] * 500,
    acts=Counter(keys=500),
)


def test_what_reconciles() -> None:
    """An hour of which everything is kept, or counted as lost or skipped, has nothing wrong."""
    assert wrong(HOUR) == []
    assert wrong(replace(HOUR, lost=500, skipped=90)) == [], "other connections' are counted, too"
    assert "1,000,000 events seen" in HOUR.told()
    assert "slowest 50 ms" in HOUR.told()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kept": 999_989}, "11 events are missing, of which 10 are counted."),
        ({"kept": 1_000_001}, "1 events were kept that never were."),
        ({"lost": 0}, "10 events are missing, of which 2 are counted."),
        ({"skipped": 0}, "10 events are missing, of which 8 are counted."),
        ({"status": 129}, "The dashboard ended with 129."),
        ({"left": 8}, "8 BPF objects are left in the kernel."),
        ({"memory": [each << 16 for each in range(3600)]}, "Memory grows: 75 MiB"),
        ({"descriptors": [*range(3600)]}, "Descriptors grow."),
        ({"keys": [0.05, 0.21]}, "A key took 0.21 s."),
    ],
)
def test_what_does_not(change: dict[str, Any], sentence: str) -> None:
    """One count that does not reconcile is one sentence, and only that."""
    (found,) = wrong(replace(HOUR, **change))
    assert sentence in found


def test_a_short_run_is_judged_by_its_counts() -> None:
    """Seconds say nothing about what grows, nor does a busy machine about keys."""
    grows = replace(HOUR, memory=[each << 16 for each in range(3600)], keys=[3.0])
    assert wrong(replace(grows, seconds=5)) == []
    assert len(wrong(grows)) == 2
