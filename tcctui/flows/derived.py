"""Columns computed on demand (`columns.DERIVED`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import numpy as np

from tcctui.arrays import Array
from tcctui.flows.columns import SAMPLED
from tcctui.flows.diagnosis.bbr import phase
from tcctui.flows.labels import both_endpoints, with_states
from tcctui.flows.snapshot import Flows
from tcctui.wire.many_values import values


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
    wanted = frozenset({*names, "cookie"})
    if "sample" in flows and (told := (wanted | needs(wanted)) & SAMPLED):
        flows = Flows(flows.now_ns, {**values(flows["sample"], told), **flows})
    return Flows(flows.now_ns, {name: follow(flows, name) for name in wanted})


def follow(flows: Flows, name: str) -> Array:
    """One column of `FIELDS`, `SAMPLED` or `DERIVED`."""
    if name in flows:
        return flows[name]
    if name == "text":
        return with_states(both_endpoints(flows), flows["state"])
    if name == "age_ns":
        return _age_ns(flows.now_ns, *(flows[need] for need in _AGE))
    work_out, names = _FOLLOWS[name]
    return work_out(*(follow(flows, need) for need in names))


def _age_ns(now_ns: int, opened: Array, first: Array, closed: Array) -> Array:
    since = np.where(opened > 0, opened, first)
    return np.maximum(np.where(closed > 0, closed, now_ns) - since, 0)


def retrans_percent(again: Array, sent: Array) -> Array:
    """Retransmitted segments per hundred data segments; NaN without any."""
    # Retransmitted SYNs count as well, and are no data segments.
    percent = np.divide(100 * again, sent, out=np.full(len(sent), np.nan), where=sent > 0)
    return np.minimum(percent, 100)


_AGE = ("opened_ns", "first_ns", "closed_ns")

_FOLLOWS: Mapping[str, tuple[Callable[..., Array], tuple[str, ...]]] = {
    "slow_start": (lambda cwnd, ssthresh: (cwnd < ssthresh) & (cwnd > 0), ("snd_cwnd", "ssthresh")),
    "from_sample": (lambda sampled_ns, last_ns: sampled_ns > last_ns, ("sampled_ns", "last_ns")),
    "retrans_percent": (retrans_percent, ("total_retrans", "data_segs_out")),
    "queueing_us": (
        lambda srtt, least: np.where(srtt > 0, np.maximum(srtt - least, 0), np.nan),
        ("srtt_us", "min_rtt"),
    ),
    "bbr_phase": (phase, ("bbr_pacing_gain", "bbr_cwnd_gain")),
}
"""Computation of each derived column, and the columns it needs."""
