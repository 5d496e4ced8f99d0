"""Columns computed on demand (`columns.DERIVED`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import numpy as np

from tcctui.arrays import Array
from tcctui.fields.algorithm_state import PREFIX
from tcctui.fields.fleet import FLEET
from tcctui.flows.columns import BBR_MODE, SAMPLED
from tcctui.flows.diagnosis.bbr import phase
from tcctui.flows.diagnosis.health import NEEDS as HEALTH_NEEDS
from tcctui.flows.diagnosis.health import health
from tcctui.flows.labels import both_endpoints, with_states
from tcctui.flows.snapshot import Flows
from tcctui.wire.many_values import values


@lru_cache(maxsize=256)
def needs(names: frozenset[str]) -> frozenset[str]:
    """Columns that these are computed from, of `DERIVED`; any others need themselves."""
    return frozenset[str]().union(*map(_needs, names))


def _needs(name: str) -> tuple[str, ...]:
    if name in _BY_CLOCK:
        return _BY_CLOCK[name][1]
    if name.startswith(PREFIX):
        return _OF_STATE
    return _FOLLOWS[name][1] if name in _FOLLOWS else (name,)


def complete(flows: Flows, names: Iterable[str]) -> Flows:
    """Compute columns of `FIELDS`, `SAMPLED` or `DERIVED`, and `cookie`, from `flows`.

    `flows` must have everything that they need: see `needs`.
    """
    wanted = frozenset({*names, "cookie"})
    told = ((wanted | needs(wanted)) & SAMPLED).difference(flows.columns)
    if told and "sample" in flows:
        flows = Flows(flows.now_ns, {**values(flows["sample"], told), **flows})
    columns = flows.columns
    return Flows(
        flows.now_ns,
        {name: columns[name] if name in columns else follow(flows, name) for name in wanted},
    )


def follow(flows: Flows, name: str) -> Array:
    """One column of `FIELDS`, `SAMPLED` or `DERIVED`."""
    if name in flows.columns:
        return flows.columns[name]
    if name == "text":
        return with_states(both_endpoints(flows), flows["state"])
    if name in _BY_CLOCK:
        at, names = _BY_CLOCK[name]
        return at(flows.now_ns, *(follow(flows, need) for need in names))
    if name.startswith(PREFIX):
        from tcctui.flows.algorithms.columns import column  # noqa: PLC0415 - where it is asked for

        return column(name, *(follow(flows, need) for need in _OF_STATE))
    work_out, names = _FOLLOWS[name]
    return work_out(*(follow(flows, need) for need in names))


_OF_STATE = ("algorithm", "mss")
"""Columns that those of an algorithm's own state are made of."""


def _age_ns(now_ns: int, opened: Array, first: Array, closed: Array) -> Array:
    since = np.where(opened > 0, opened, first)
    return np.maximum(np.where(closed > 0, closed, now_ns) - since, 0)


def retrans_percent(again: Array, sent: Array) -> Array:
    """Retransmitted segments per hundred data segments; NaN without any."""
    # Retransmitted SYNs count as well, and are no data segments.
    percent = np.divide(100 * again, sent, out=np.full(len(sent), np.nan), where=sent > 0)
    return np.minimum(percent, 100)


_BY_CLOCK: Mapping[str, tuple[Callable[..., Array], tuple[str, ...]]] = {
    "age_ns": (_age_ns, ("opened_ns", "first_ns", "closed_ns")),
    "health": (health, HEALTH_NEEDS),
}
"""Computation of each derived column by the time and the columns it needs."""


def _kinds(flags: Array, connection: Array) -> Array:
    from tcctui.flows.subflows import kinds  # noqa: PLC0415 - where it is asked for

    return kinds(flags, connection)


def _share(own: Array, connection: Array) -> Array:
    from tcctui.flows.subflows import share  # noqa: PLC0415 - where it is asked for

    return share(own, connection)


def _of_one_machine(dtype: str) -> Callable[[Array], Array]:
    """Values of a fleet's field here: unknown."""
    unknown = b"" if dtype.startswith("S") else np.nan
    return lambda cookies: np.full(len(cookies), unknown, "S1" if unknown == b"" else dtype)


_FOLLOWS: Mapping[str, tuple[Callable[..., Array], tuple[str, ...]]] = {
    "slow_start": (lambda cwnd, ssthresh: (cwnd < ssthresh) & (cwnd > 0), ("snd_cwnd", "ssthresh")),
    "from_sample": (lambda sampled_ns, last_ns: sampled_ns > last_ns, ("sampled_ns", "last_ns")),
    "bytes_acked_seen": (
        lambda acked, before: acked - np.minimum(before, acked),
        ("bytes_acked", "acked_before"),
    ),
    "retrans_percent": (retrans_percent, ("total_retrans", "data_segs_out")),
    "queueing_us": (
        lambda srtt, least: np.where(srtt > 0, np.maximum(srtt - least, 0), np.nan),
        ("srtt_us", "min_rtt"),
    ),
    "in_flight_packets": (
        lambda out, sacked, lost, again: out - (sacked + lost) + again,
        ("unacked", "sacked", "lost", "retrans"),
    ),
    "bbr_phase": (
        lambda mode, pacing, cwnd: np.where(mode > 0, mode, phase(pacing, cwnd)),
        (BBR_MODE, "bbr_pacing_gain", "bbr_cwnd_gain"),
    ),
    "subflow": (_kinds, ("subflow_flags", "mptcp_flags")),
    "mptcp_acked_share": (_share, ("bytes_acked", "mptcp_bytes_acked")),
    "mptcp_received_share": (_share, ("bytes_received", "mptcp_bytes_received")),
    **{field.name: (_of_one_machine(field.dtype), ("cookie",)) for field in FLEET},
}
"""Computation of each derived column, and the columns it needs."""
