"""Groups of flows: number, rate, round-trip times, retransmits and limits.

Everything is computed from columns, for all groups at once; labels and queries are made for the
requested groups only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tcctui.arrays import U8, U64, Array, Floats, Indexes, Mask
from tcctui.flows.derived import retrans_percent
from tcctui.flows.diagnosis.health import UNKNOWN as UNKNOWN_HEALTH
from tcctui.flows.diagnosis.health import worst
from tcctui.flows.diagnosis.verdicts import WORST_FIRST, Limit
from tcctui.flows.index import SPREAD, Keys
from tcctui.flows.intake.recent_counters import WEIGHTS, WINDOWS
from tcctui.flows.snapshot import Flows
from tcctui.wire.addresses import Prefix, format_address

UNKNOWN = "–"
"""Label of flows whose key is unknown."""

IDS_FROM = np.uint64(1 << 63)
"""Ids of groups are this plus 62 bits.

Cookies count up from 1, and in rare interrupts down from 2^64 (include/linux/cookie.h): none of
either comes near.
"""

NEEDS = ("rate", "srtt_us", "total_retrans", "data_segs_out", "limit")
"""Columns aggregated for every grouping."""


OF_LATE: Mapping[str, tuple[str, ...]] = {
    name: (name, *((WEIGHTS[name],) if name in WEIGHTS else ())) for name in WINDOWS
}
"""Columns that are aggregated where they are there, and the columns that this needs."""


class Grouping(NamedTuple):
    """Criterion for grouping flows.

    `needs` are its columns, `keys` computes the key of each flow, `label` formats the key of one
    group, and `query` writes a query for its flows, None if there is none.
    """

    name: str
    title: str
    meaning: str
    needs: tuple[str, ...]
    keys: Callable[[Flows], tuple[Array, ...]]
    label: Callable[..., str]
    query: Callable[..., str | None]


@dataclass(frozen=True, eq=False)
class Groups:
    """n flows in m groups, in arbitrary order.

    `number`, shape (n,): each flow's group. All others have the shape (m,). `ids` are stable: the
    same key always has the same id (see `IDS_FROM`). `count`: flows. `rate`: the sum of their
    rates, bytes per second. `p50` and `p95` of the srtt, in microseconds, of those that have one.
    `retrans_percent`: retransmitted segments per hundred data segments, over all of them. These
    four are NaN if unknown. `limit` is the worst limit of any of them (`WORST_FIRST`), and
    `limited` the number of flows that have it; `limits`, shape (m, len(WORST_FIRST)), are the
    numbers of flows with each limit. `health` is the worst health of any of them, and
    `suffering` the number of flows with its worst sign; both are None where the flows' health was
    not asked for. `late` are windows of counters that were asked for, over all of the flows (see
    `OF_LATE`). `keys` are the groups' keys.
    """

    by: Grouping
    number: Indexes
    ids: Keys
    keys: tuple[Array, ...]
    count: Indexes
    rate: Floats
    p50: Floats
    p95: Floats
    retrans_percent: Floats
    limit: U8
    limited: Indexes
    limits: Indexes
    health: U8 | None = None
    suffering: Indexes | None = None
    late: Mapping[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def label(self, group: int) -> str:
        """Label of a group."""
        return self.by.label(*(key[group].item() for key in self.keys))

    def query(self, group: int) -> str | None:
        """Query for a group's flows; None if no query selects them."""
        return self.by.query(*(key[group].item() for key in self.keys))


def membership(flows: Flows, by: Grouping) -> tuple[Keys, Indexes, Indexes]:
    """Ids of the groups of flows, ascending, one flow of each, and each flow's place among them.

    The flows have the columns `by.needs`.
    """
    return _numbered(keyed(by.keys(flows)))


def grouped(flows: Flows, by: Grouping) -> Groups:
    """Group flows, which have the columns `by.needs` and `NEEDS`; 100,000 of them take 20 ms.

    Where they have the column `health`, the groups have it too.
    """
    from tcctui.flows.groups.quantiles import quantiles  # noqa: PLC0415 - not at the start

    keys = by.keys(flows)
    ids, first, number = _numbered(keyed(keys))
    groups = len(ids)
    rate = flows["rate"]
    p50, p95 = quantiles(
        flows["srtt_us"], (0.5, 0.95), flows["srtt_us"] > 0, number=number, groups=groups
    )
    again, sent = flows["total_retrans"], flows["data_segs_out"]
    told = ~(np.isnan(again) | np.isnan(sent))
    limits = _counts(number * len(Limit) + flows["limit"], groups * len(Limit))
    limits = limits.reshape(groups, len(Limit))[:, WORST_FIRST]
    # Without even an unknown limit there is no flow, and no group.
    severest = (limits > 0).argmax(axis=1)
    return Groups(
        by=by,
        number=number,
        ids=ids,
        keys=tuple(key[first] for key in keys),
        count=_counts(number, groups),
        rate=_sums(number, rate, ~np.isnan(rate), groups),
        p50=p50,
        p95=p95,
        retrans_percent=retrans_percent(
            _sums(number, again, told, groups), _sums(number, sent, told, groups)
        ),
        limit=np.array(WORST_FIRST, "u1")[severest],
        limited=np.take_along_axis(limits, severest[:, None], axis=1)[:, 0],
        late={name: _late(number, flows, name, groups) for name in OF_LATE if name in flows},
        limits=limits,
        **(_healths(number, flows["health"], groups) if "health" in flows else {}),
    )


def _late(number: Indexes, flows: Flows, name: str, groups: int) -> Floats:
    """Sum of rates of late, or percents of what all flows sent in their windows."""
    values = flows[name]
    if name not in WEIGHTS:
        return _sums(number, values, ~np.isnan(values), groups)
    weights = flows[WEIGHTS[name]]
    known = ~np.isnan(values)
    of = _sums(number, weights, known, groups)
    return _sums(number, values * weights, known, groups) / np.where(of > 0, of, np.nan)


def _healths(number: Indexes, signs: U8, groups: int) -> dict[str, Any]:
    """Worst health of each group, and how many flows have its worst sign."""
    rank = np.where(signs == UNKNOWN_HEALTH, -1, signs.astype("i2"))
    order = np.lexsort((rank, number))
    last = np.append(np.flatnonzero(np.diff(number[order])), len(order) - 1)[:groups]
    found = signs[order[last]]
    same = worst(signs) == worst(found)[number]
    return {"health": found, "suffering": _counts(number[same], groups)}


def _counts(number: Indexes, groups: int) -> Indexes:
    return np.bincount(number, minlength=groups)


def _sums(number: Indexes, values: Array, known: Mask, groups: int) -> Floats:
    """Sum of the known values in each group; NaN if none is known."""
    sums: Floats = np.bincount(number, np.where(known, values, 0), groups).astype("f8")
    sums[np.bincount(number[known], minlength=groups) == 0] = np.nan
    return sums


def _numbered(ids: Keys) -> tuple[Keys, Indexes, Indexes]:
    """Distinct ids, the index of each one's first flow, and each flow's index among them."""
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    begins = np.ones(len(ids), bool)
    begins[1:] = ordered[1:] != ordered[:-1]
    number = np.empty(len(ids), np.intp)
    number[order] = np.cumsum(begins) - 1
    return ordered[begins], order[begins], number


_SHIFT = np.uint64(32)


def keyed(keys: tuple[Array, ...]) -> Keys:
    """Hash the keys of each flow into one number.

    Two keys collide once in 2^62, and never if they are single numbers smaller than that, as ports
    and IPv4 addresses are.
    """
    ids = np.zeros(len(keys[0]), "u8")
    for key in keys:
        for word in _words(key):
            ids = (ids ^ (ids >> _SHIFT)) * SPREAD + word
    return ids & np.uint64((1 << 62) - 1) | IDS_FROM


def _words(key: Array) -> list[U64]:
    """A key as 64-bit numbers; a text from its end, where zeros change nothing yet."""
    if key.dtype.kind != "S":
        return [key.astype("u8")]
    whole = np.ascontiguousarray(key, f"S{-(-key.itemsize // 8) * 8}")
    words = whole.view("u8").reshape(len(key), whole.itemsize // 8).T[::-1]
    return [np.ascontiguousarray(word) for word in words if word.any()]


# Groupings


def _of_names(name: str, title: str, meaning: str, column: str, field: str) -> Grouping:
    return Grouping(
        name, title, meaning, (column,), lambda flows: (flows[column],), _name, asked(field)
    )


def _name(name: bytes) -> str:
    return name.decode(errors="replace") or UNKNOWN


_WORD = re.compile(r"\w[\w.-]*", re.ASCII)


def asked(field: str) -> Callable[[bytes], str | None]:
    """Make the function that writes a query for a name in a field; None where none can be typed."""

    def query(name: bytes) -> str | None:
        try:
            text = name.decode()
        except UnicodeDecodeError:
            return None
        if not text or not text.isprintable():
            return None  # unreadable, and untypable
        quoted = text.replace('"', '""')
        return f"{field}:{text}" if _WORD.fullmatch(text) else f'{field}:"{quoted}"'

    return query


def _host(flows: Flows) -> tuple[Array, ...]:
    return flows["daddr_hi"], flows["daddr_lo"]


_MAPPED = np.uint64(0xFFFF)
_LAST_OCTET, _BEHIND_48 = np.uint64(0xFF), np.uint64(0xFFFF)


def _net(flows: Flows) -> tuple[Array, ...]:
    high, low = _host(flows)
    four = (high == 0) & (low >> np.uint64(32) == _MAPPED)
    return np.where(four, 0, high & ~_BEHIND_48), np.where(four, low & ~_LAST_OCTET, 0)


def _net_label(high: int, low: int) -> str:
    ones = (1 << 128) - (1 << 8 if low else 1 << 80)
    return str(Prefix(high << 64 | low, ones))


def _mptcp(flows: Flows) -> tuple[Array, ...]:
    """Token of each subflow's connection and its network namespace; 0 of plain TCP."""
    token = np.nan_to_num(flows["mptcp_token"]).astype("u8")
    return token, np.where(token > 0, np.nan_to_num(flows["netns"]), 0).astype("u8")


def _mptcp_query(token: int, netns: int) -> str:
    return f"mptcp_token={token:#x} netns_id={netns}" if token else "not mptcp_token>0"


GROUPINGS: Mapping[str, Grouping] = {
    grouping.name: grouping
    for grouping in (
        _of_names("process", "process", "name of the process that has the socket", "comm", "proc"),
        Grouping(
            "remote",
            "remote host",
            "remote address",
            needs=("daddr_hi", "daddr_lo"),
            keys=_host,
            label=format_address,
            query=lambda high, low: f"dst:{format_address(high, low)}",
        ),
        Grouping(
            "net",
            "remote net",
            "remote /24 of IPv4, /48 of IPv6",
            needs=("daddr_hi", "daddr_lo"),
            keys=_net,
            label=_net_label,
            query=lambda high, low: f"dst:{_net_label(high, low)}",
        ),
        Grouping(
            "port",
            "local port",
            "port at this end",
            needs=("sport",),
            keys=lambda flows: (flows["sport"],),
            label=lambda port: f"port {port}",
            query=lambda port: f"sport:{port}",
        ),
        _of_names("cc", "algorithm", "congestion control algorithm", "cc", "cc"),
        _of_names("netns", "namespace", "network namespace", "netns_name", "netns"),
        Grouping(
            "mptcp",
            "MPTCP connection",
            "MPTCP connection that a subflow is of, by its token",
            needs=("mptcp_token", "netns"),
            keys=_mptcp,
            label=lambda token, _: f"MPTCP {token:#x}" if token else "plain TCP",
            query=_mptcp_query,
        ),
    )
}
"""Groupings by name."""
