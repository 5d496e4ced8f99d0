"""Groups of all connections of a window: the busiest, and one of all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, U64, Array, Floats, Indexes
from tcctui.fleet.agent.growth import Lately
from tcctui.flows.history.buckets import run_starts
from tcctui.flows.intake.sockets import keys_of_ends
from tcctui.wire.addresses import are_link_local

TEXTS = ("comm", "cgroup", "cc", "netns_name")
"""Columns of names that connections are grouped by."""

_V4_HIGH = np.uint64(0xFFFF)
_LAST_8, _LAST_16 = np.uint64(0xFF), np.uint64(0xFFFF)
_ZONE = np.uint64(0xFFFF_FFFF)


class Groups(NamedTuple):
    """Groups of connections: `number` is the group of each, all else has an entry for each group.

    `keys` are columns by name: halves of the remote net (`prefix_hi`, `prefix_lo`), `service_port`,
    `incoming`, and `TEXTS`. The last group is of all others where `other` says so.
    """

    number: Indexes
    keys: Mapping[str, Array]
    other: Array

    def __len__(self) -> int:
        return len(self.other)

    def sums(self, values: Array) -> Floats:
        """Sum of each connection's values over each group; NaN counts as nothing."""
        weights = np.nan_to_num(values).astype("f8")
        return np.bincount(self.number, weights, len(self)).astype("f8")


def grouped(lately: Lately, most: int) -> Groups:
    """Group the connections of a window; `most` of the groups stay, by traffic, then by key."""
    keys = _keys(lately)
    texts = [words for name in TEXTS for words in _words(keys[name])]
    ids = keys_of_ends(*(keys[name] for name in _NUMBERS), *texts)
    order = np.argsort(ids, kind="stable")
    starts = run_starts(ids[order]) if len(ids) else np.empty(0, "i8")
    first = order[starts]
    number = np.empty(len(ids), np.intp)
    number[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(ids))))
    keys = {name: column[first] for name, column in keys.items()}
    if len(first) <= most:
        return Groups(number, keys, np.zeros(len(first), bool))
    traffic = np.nan_to_num(lately.growth["bytes_acked"])
    traffic += np.nan_to_num(lately.growth["bytes_received"])
    busiest = np.argsort(-np.bincount(number, traffic, len(first)), kind="stable")[:most]
    place: I64 = np.full(len(first), most)
    place[busiest] = np.arange(most)
    named = {name: np.append(column[busiest], column.dtype.type()) for name, column in keys.items()}
    return Groups(place[number], named, np.arange(most + 1) == most)


_NUMBERS = ("prefix_hi", "prefix_lo", "service_port", "incoming")


def _keys(lately: Lately) -> dict[str, Array]:
    flows = lately.flows
    high, low = prefixes(flows["daddr_hi"], flows["daddr_lo"])
    keys = {"prefix_hi": high, "prefix_lo": low, **services(lately)}
    return keys | {name: flows[name] for name in TEXTS}


def services(lately: Lately) -> dict[str, Array]:
    """Service of each connection: the port of the end that listens, and if that is this host's."""
    port = np.where(lately.incoming, lately.flows["sport"], lately.flows["dport"])
    return {"service_port": port, "incoming": lately.incoming}


def prefixes(high: U64, low: U64) -> tuple[U64, U64]:
    """Nets of addresses, in halves: the /24 of IPv4, the /48 of IPv6."""
    is_v4 = (high == 0) & (low >> np.uint64(32) == _V4_HIGH)
    of_v6 = np.where(are_link_local(high), high & ~_ZONE, high) & ~_LAST_16
    return np.where(is_v4, high, of_v6), np.where(is_v4, low & ~_LAST_8, np.uint64(0))


def _words(texts: Array) -> list[Array]:
    """Parts of 64 bits of texts, shape (n,) each."""
    size = -(-texts.dtype.itemsize // 8) * 8
    whole = np.ascontiguousarray(texts.astype(f"S{size}"))
    words = whole.view("u8").reshape(len(texts), size // 8)
    return list(words.T)
