"""Two groups compared: like with like, medians with intervals, and a refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tcctui.flows.groups.contrast import (
    DRAWS,
    LEAST,
    METRICS,
    contrast,
    medians_of_resamples,
)
from tcctui.flows.groups.groups import GROUPINGS
from tcctui.flows.snapshot import Flows
from tcctui.ui.compare.groups_text import as_text
from tests.unit.events import halves


def flows(count: int, net: str = "10.1.0", *, dport: int = 443, **values: Any) -> Flows:
    """Flows to hosts of a net; each value is one for all or one for each."""
    remote = [halves(f"{net}.{host % 250 + 1}") for host in range(count)]
    usual = {"rate": 1e6, "srtt_us": 20_000, "queueing_us": 1000.0, "retrans_percent": np.nan}
    columns = {
        name: np.broadcast_to(np.asarray(value, "u4" if name == "srtt_us" else "f8"), count)
        for name, value in {**usual, **values}.items()
    }
    return Flows(
        0,
        {
            **columns,
            "cookie": np.arange(count, dtype="u8"),
            "daddr_hi": np.array([high for high, _ in remote], "u8"),
            "daddr_lo": np.array([low for _, low in remote], "u8"),
            "sport": np.arange(40_000, 40_000 + count, dtype="u2"),
            "dport": np.full(count, dport, "u2"),
        },
    )


def together(*parts: Flows) -> Flows:
    """All of them."""
    return Flows(
        0,
        {name: np.concatenate([part[name] for part in parts]) for name in parts[0].columns},
    )


@pytest.mark.parametrize("count", [21, 60, 501])
def test_resamples_medians_are_those_of_a_bootstrap(count: int) -> None:
    """Without a resample being made, their medians are distributed as if each had been."""
    random = np.random.default_rng(7)
    ordered = np.sort(random.exponential(size=count))
    plain = np.median(random.choice(ordered, (4000, count)), axis=1)
    drawn = medians_of_resamples(ordered, np.random.default_rng(8))
    assert len(drawn) == DRAWS
    for at in (0.025, 0.25, 0.5, 0.75, 0.975):
        place = np.searchsorted(ordered, np.quantile(drawn, at)) / count
        wanted = np.searchsorted(ordered, np.quantile(plain, at)) / count
        assert place == pytest.approx(wanted, abs=0.03 + 1.5 / count)


def test_like_is_compared_with_like() -> None:
    """Flows whose net and service the other group does not have are left out, and counted."""
    first = together(flows(30), flows(9, "10.2.0"), flows(5, dport=80))
    second = together(flows(25), flows(7, "10.3.0"))
    found = contrast(first, second, GROUPINGS["cc"])
    assert (found.counts, found.outside) == ((30, 25), (14, 7))
    by_net = contrast(flows(30), flows(30, "10.3.0"), GROUPINGS["net"])
    assert (by_net.counts, by_net.outside) == ((30, 30), (0, 0))


def test_a_difference_has_its_interval() -> None:
    """The interval of a real difference has no 0 in it, that of none has."""
    random = np.random.default_rng(3)
    first = flows(60, rate=random.normal(4e6, 1e5, 60), srtt_us=random.integers(9000, 11_000, 60))
    second = flows(40, rate=random.normal(2e6, 1e5, 40), srtt_us=random.integers(9000, 11_000, 40))
    found = contrast(first, second, GROUPINGS["cc"])
    rate, srtt, _, retrans = found.medians
    assert [one.metric for one in found.medians] == [*METRICS]
    assert rate.difference is not None
    assert srtt.difference is not None
    assert 1.8e6 < rate.difference.low < rate.difference.value < rate.difference.high < 2.2e6
    assert srtt.difference.low <= 0 <= srtt.difference.high
    assert retrans.counts == (0, 0)
    assert retrans.first is None
    assert found == contrast(first, second, GROUPINGS["cc"])
    text = as_text(found, ("bbr", "cubic"))
    assert "bbr: 60 connections; cubic: 40" in text
    assert "known of 0 and 0 only" in text


def test_too_few_are_refused() -> None:
    """Below `LEAST` of either, no median is given, and the text says what is needed."""
    found = contrast(flows(LEAST - 1), flows(500), GROUPINGS["cc"])
    assert found.refused
    assert all(one.first is None for one in found.medians)
    assert f"{LEAST} connections of each are needed" in as_text(found, ("bbr", "cubic"))
    assert not contrast(flows(LEAST), flows(LEAST), GROUPINGS["cc"]).refused
