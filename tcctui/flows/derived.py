"""Columns computed on demand (`columns.DERIVED`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import numpy as np

from tcctui.arrays import Array
from tcctui.flows.columns import SAMPLED
from tcctui.flows.diagnosis.bbr import phase
from tcctui.flows.intake.latest import sampled
from tcctui.flows.labels import both_endpoints, with_states
from tcctui.flows.snapshot import Flows


@lru_cache(maxsize=256)
def needs(names: frozenset[str]) -> frozenset[str]:
    """Columns that these are computed from, of `DERIVED`; any others need themselves."""
    return frozenset[str]().union(*map(_needs, names))


def _needs(name: str) -> tuple[str, ...]:
    if name == "age_ns":
        return _AGE
    return _FOLLOWS[name][1] if name in _FOLLOWS else (name,)


def complete(flows: Flows, names: Iterable[str]) -> Flows:
    """Compute columns of `FIELDS`, `SAMPLED` or `DERIVED`, and `cookie`, from `flows`.

    `flows` must have everything that they need: see `needs`.
    """
    return Flows(flows.now_ns, {name: follow(flows, name) for name in {*names, "cookie"}})


def follow(flows: Flows, name: str) -> Array:
    """One column of `FIELDS`, `SAMPLED` or `DERIVED`."""
    if name in flows:
        return flows[name]
    if name in SAMPLED:
        return sampled(flows["sample"], name)
    if name == "text":
        return with_states(both_endpoints(flows), flows["state"])
    if name == "age_ns":
        return _age_ns(flows.now_ns, *(flows[need] for need in _AGE))
    work_out, names = _FOLLOWS[name]
    return work_out(*(follow(flows, need) for need in names))


def _age_ns(now_ns: int, opened: Array, first: Array, closed: Array) -> Array:
    since = np.where(opened > 0, opened, first)
    return np.maximum(np.where(closed > 0, closed, now_ns) - since, 0)


def _slow_start(cwnd: Array, ssthresh: Array) -> Array:
    return (cwnd < ssthresh) & (cwnd > 0)


def _from_sample(sampled_ns: Array, last_ns: Array) -> Array:
    return sampled_ns > last_ns


def retrans_percent(again: Array, sent: Array) -> Array:
    """Retransmitted segments per hundred data segments; NaN without any."""
    # Retransmitted SYNs count as well, and are no data segments.
    percent = np.divide(100 * again, sent, out=np.full(len(sent), np.nan), where=sent > 0)
    return np.minimum(percent, 100)


def _queueing_us(srtt: Array, least: Array) -> Array:
    return np.where(srtt > 0, np.maximum(srtt - least, 0), np.nan)


_AGE = ("opened_ns", "first_ns", "closed_ns")

_FOLLOWS: Mapping[str, tuple[Callable[..., Array], tuple[str, ...]]] = {
    "slow_start": (_slow_start, ("snd_cwnd", "ssthresh")),
    "from_sample": (_from_sample, ("sampled_ns", "last_ns")),
    "retrans_percent": (retrans_percent, ("total_retrans", "data_segs_out")),
    "queueing_us": (_queueing_us, ("srtt_us", "min_rtt")),
    "bbr_phase": (phase, ("bbr_pacing_gain", "bbr_cwnd_gain")),
}
"""Computation of each derived column, and the columns it needs."""
