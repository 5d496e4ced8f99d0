"""Contrast of two groups of flows: medians of like with like, and how sure they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.arrays import Array, Floats, Mask
from tcctui.flows.columns import missing
from tcctui.flows.groups.groups import GROUPINGS, Grouping, keyed
from tcctui.flows.snapshot import Flows

LEAST = 20
"""Connections of each group below which no median is given."""

DRAWS = 4000
"""Resamples of the bootstrap."""

CONFIDENCE = 0.95

METRICS = ("rate", "srtt_us", "queueing_us", "retrans_percent")
"""Columns whose medians are compared, in their own units."""

NEEDS = frozenset({*METRICS, *GROUPINGS["net"].needs, "sport", "dport"})

_SEED = 20_260
"""The same flows give the same intervals."""


class Estimate(NamedTuple):
    """A median or a difference, and the interval that has it with `CONFIDENCE`."""

    value: float
    low: float
    high: float


class Medians(NamedTuple):
    """Medians of one metric, of both groups, and the first's less the second's.

    `counts` are the flows whose value is known; with fewer than `LEAST` there are no medians.
    """

    metric: str
    counts: tuple[int, int]
    first: Estimate | None = None
    second: Estimate | None = None
    difference: Estimate | None = None


class Contrast(NamedTuple):
    """Two groups' flows that have a like in the other: same remote net, same service.

    `counts` are theirs, `outside` the numbers of flows without a like, which are left out.
    """

    counts: tuple[int, int]
    outside: tuple[int, int]
    medians: tuple[Medians, ...]

    @property
    def refused(self) -> bool:
        """True where a group has too few flows for any median."""
        return min(self.counts) < LEAST


def contrast(first: Flows, second: Flows, by: Grouping) -> Contrast:
    """Compare groups made `by` a criterion; both have the columns `NEEDS`.

    Likes are of one remote net and one service (the lower port), but for what `by` tells apart.
    """
    strata = [_strata(flows, by) for flows in (first, second)]
    alike = np.isin(strata[0], strata[1]), np.isin(strata[1], strata[0])
    counts = int(alike[0].sum()), int(alike[1].sum())
    outside = len(alike[0]) - counts[0], len(alike[1]) - counts[1]
    medians = tuple(_medians(name, (first, second), alike) for name in METRICS)
    return Contrast(counts, outside, medians)


def _strata(flows: Flows, by: Grouping) -> Array:
    """Number of each flow's remote net and service."""
    keys: list[Array] = []
    if by.name not in ("net", "remote"):
        keys += GROUPINGS["net"].keys(flows)
    if by.name != "port":
        keys.append(np.minimum(flows["sport"], flows["dport"]))
    return keyed(tuple(keys))


def _medians(name: str, both: tuple[Flows, Flows], alike: tuple[Mask, Mask]) -> Medians:
    values = [_known(name, flows, mask) for flows, mask in zip(both, alike, strict=True)]
    counts = len(values[0]), len(values[1])
    if min(counts) < LEAST:
        return Medians(name, counts)
    random = np.random.default_rng(_SEED)
    drawn = [medians_of_resamples(one, random) for one in values]
    first, second = (float(np.median(one)) for one in values)
    return Medians(
        name,
        counts,
        _estimate(first, drawn[0]),
        _estimate(second, drawn[1]),
        _estimate(first - second, drawn[0] - drawn[1]),
    )


def _known(name: str, flows: Flows, mask: Mask) -> Floats:
    values = flows[name][mask]
    return np.sort(values[~missing(name, values)].astype("f8"))


def medians_of_resamples(ordered: Floats, random: np.random.Generator) -> Floats:
    """Medians of `DRAWS` bootstrap resamples of ascending values, without making them.

    The middle of n uniform numbers has the distribution Beta((n + 1) / 2, (n + 1) / 2), and a
    resample's median is the value at that part of the values (Efron, Annals of Statistics 1979).
    """
    half = (len(ordered) + 1) / 2
    at = (random.beta(half, half, DRAWS) * len(ordered)).astype(np.intp)
    return ordered[np.minimum(at, len(ordered) - 1)]


def _estimate(value: float, drawn: Floats) -> Estimate:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail)).tolist()
    return Estimate(value, min(low, value), max(high, value))
