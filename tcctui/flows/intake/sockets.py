"""Join of lifecycle events with sockets: those tracepoints carry no cookie."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import I64, U64, Array, among
from tcctui.flows.index import SPREAD, KeyIndex, Keys, Rows
from tcctui.wire.events import Events
from tcctui.wire.samples import SAMPLE, Samples

_REMEMBERED = 8192


def tuple_keys(events: Events | Samples, *more: U64) -> Keys:
    """64-bit key of each event's addresses and ports, for events without skaddr.

    `more` is part of it, too.
    """
    halves = (events[name][:, half] for name in ("saddr", "daddr") for half in (0, 1))
    return keys_of_ends(*halves, events["sport"], events["dport"], *more)


def keys_of_ends(*parts: Array) -> Keys:
    """The same keys from the halves of local and remote addresses, and both ports."""
    key = np.zeros(len(parts[0]), "u8")
    for part in parts:
        key = (key ^ part.astype("u8")) * SPREAD
        key ^= key >> np.uint64(29)
    return key


def socket_keys(events: Events | Samples) -> Keys:
    """Join key of tcp_probe or a sample with a socket's lifecycle: skaddr, else both ends."""
    if events.dtype == SAMPLE:
        return tuple_keys(events)
    keys = events["skaddr"].copy()
    unknown = keys == 0
    if unknown.any():
        keys[unknown] = tuple_keys(events[unknown])
    return keys


class Sockets:
    """Joins lifecycle events with rows; remembers the openings of sockets without a row."""

    def __init__(self) -> None:
        self._index = KeyIndex()
        self._opened_keys: Keys = np.empty(0, "u8")
        self._opened_ns: I64 = np.empty(0, "i8")

    def learn(self, keys: Keys, rows: Rows) -> None:
        """Record the socket of each row."""
        self._index.put(keys, rows)

    @property
    def opened_lately(self) -> Mapping[str, Array]:
        """Sockets without a row: their keys and opening times, for a later restore."""
        return {"keys": self._opened_keys, "ns": self._opened_ns}

    @opened_lately.setter
    def opened_lately(self, opened: Mapping[str, Array]) -> None:
        self._opened_keys, self._opened_ns = opened["keys"], opened["ns"]

    def forget(self, rows: Rows) -> None:
        """Forget the rows' sockets: their kernel addresses will be reused."""
        self._index.remove_rows(rows)

    def rows(self, events: Events) -> Rows:
        """Row of each lifecycle event, -1 for an unknown socket."""
        rows = self._index.lookup(events["skaddr"])
        unknown = rows < 0
        if unknown.any():
            rows[unknown] = self._index.lookup(tuple_keys(events[unknown]))
        return rows

    def opened(self, events: Events) -> None:
        """Remember sockets that became ESTABLISHED: their first tcp_probe event is yet to come."""
        if not len(events):
            return
        # Side by side, so that when the oldest are dropped, both keys of a socket are.
        keys = np.column_stack([events["skaddr"], tuple_keys(events)]).ravel()
        when = np.repeat(events["ts_ns"].astype("i8"), 2)
        self._opened_keys = np.concatenate([self._opened_keys, keys])[-_REMEMBERED:]
        self._opened_ns = np.concatenate([self._opened_ns, when])[-_REMEMBERED:]

    def opened_ns(self, keys: Keys, before_ns: I64) -> I64:
        """Opening time of each socket, 0 if unknown; `before_ns` is its first event."""
        found = last_before(self._opened_keys, self._opened_ns, keys, before_ns)
        return np.where(found >= 0, np.append(self._opened_ns, 0)[found], 0)


def last_before(keys: Keys, when: I64, asked: Keys, before_ns: I64) -> I64:
    """Index of the last entry of each key that is asked for, at or before a time; -1 without one.

    `keys` and `when` have one value for each entry, `asked` and `before_ns` for each question: an
    address may have been several sockets'.
    """
    asked_for = np.flatnonzero(among(keys, asked)) if len(keys) and len(asked) else ()
    if not len(asked_for):
        return np.full(len(asked), -1, "i8")
    keys, when = keys[asked_for], when[asked_for]
    # Keys and times together make one number that can be searched for.
    known, number = np.unique(keys, return_inverse=True)
    places = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    since = int(when.max()) - _LONGEST_NS
    entries = _numbered(number, when - since)
    order = np.argsort(entries, kind="stable")
    place = np.searchsorted(entries[order], _numbered(places, before_ns - since), "right") - 1
    found = order[np.maximum(place, 0)]
    right = (place >= 0) & (keys[found] == asked)
    right &= when[found] <= before_ns
    return np.where(right, np.asarray(asked_for)[found], -1)


_LONGEST_NS = (1 << 48) - 2
"""Openings more than 78 h before the newest one are not distinguished."""


def _numbered(number: I64, nanoseconds: I64) -> I64:
    return number.astype("i8") << 48 | np.clip(nanoseconds, 0, _LONGEST_NS + 1)
