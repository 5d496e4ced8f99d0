"""Attribution of events to flows: retransmits, states and resets carry no cookie.

`flows/intake/sockets.py` does the same live; here the whole recording is available, so that events
from before a flow's first ACK are attributed too.
"""

from __future__ import annotations

import numpy as np

from tcctui.arrays import I64, U64, Records
from tcctui.flows.history.buckets import run_starts
from tcctui.flows.index import Keys
from tcctui.flows.intake.sockets import tuple_keys
from tcctui.wire.events import EventKind, Events
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import End, Samples

_GONE = int(End.GONE)
_DESTROY = int(EventKind.DESTROY)

LIFE = np.dtype(
    [
        ("cookie", "u8"),
        ("skaddr", "u8"),  # 0 if unknown
        ("saddr", ">u8", (2,)),
        ("daddr", ">u8", (2,)),
        ("sport", "u2"),
        ("dport", "u2"),
        ("first_ns", "u8"),
        ("last_ns", "u8"),
        ("closed_ns", "u8"),  # 0 if unseen
    ]
)
"""A connection of a socket: a reconnected socket has several."""

_ENDS = ("saddr", "daddr", "sport", "dport")

_MOST = 1 << 18  # entries collected before they are merged


class Attribution:
    """Learns sockets from events with a cookie, and from samples; then attributes the others."""

    def __init__(self) -> None:
        self._gathered: list[Records] = []
        self._count = 0
        self._index: list[_Index] | None = None

    def learn(self, events: Events, samples: Samples) -> None:
        """Record the sockets of events and samples, both sorted by flow."""
        self._index = None
        self._add(pick(events, events["sock_cookie"] > 0))
        self._add(pick(samples, (samples["sock_cookie"] > 0) & (samples["end"] != _GONE)))
        if self._count > _MOST:
            self._gathered = [self.all()]
            self._count = len(self._gathered[0]) // 2  # so that it is not done twice

    def _add(self, records: Records) -> None:
        if not len(records):
            return
        names = records.dtype.names or ()
        skaddr = records["skaddr"] if "skaddr" in names else np.zeros(len(records), "u8")
        starts = run_starts(records["sock_cookie"], tuple_keys(records, skaddr))
        lives = np.zeros(len(starts), LIFE)
        lives["cookie"] = records["sock_cookie"][starts]
        lives["skaddr"] = skaddr[starts]
        for name in _ENDS:
            lives[name] = records[name][starts]
        when = records["ts_ns"]
        lives["first_ns"] = np.minimum.reduceat(when, starts)
        lives["last_ns"] = np.maximum.reduceat(when, starts)
        ended = records["kind"] == _DESTROY if "kind" in names else records["end"] > 0
        lives["closed_ns"] = np.maximum.reduceat(np.where(ended, when, 0), starts)
        self._gathered.append(lives)
        self._count += len(lives)

    def all(self) -> Records:
        """All connections, in the order of their cookies (`LIFE`)."""
        if not self._gathered:
            return np.zeros(0, LIFE)
        lives = joined(self._gathered)
        keys = tuple_keys(lives, lives["skaddr"])
        order = np.lexsort((lives["first_ns"], keys, lives["cookie"]))
        lives, keys = pick(lives, order), keys[order]
        starts = run_starts(lives["cookie"], keys)
        brought = pick(lives, starts)
        brought["last_ns"] = np.maximum.reduceat(lives["last_ns"], starts)
        brought["closed_ns"] = np.maximum.reduceat(lives["closed_ns"], starts)
        return brought

    def cookies(self, events: Events) -> Keys:
        """Flow of each event: its own cookie, or its socket's; 0 if unknown."""
        cookies: Keys = events["sock_cookie"].copy()
        unknown = np.flatnonzero(cookies == 0)
        if not len(unknown):
            return cookies
        if self._index is None:
            self._index = self._indexes()
        by_address, by_ends_alone, by_ends = self._index
        asked = pick(events, unknown)
        when, skaddr = asked["ts_ns"], asked["skaddr"]
        ends = tuple_keys(asked, np.zeros(len(asked), "u8"))
        found = by_address.find(tuple_keys(asked, skaddr), when)
        # Two sockets in different namespaces may have the same ends: where the event says which
        # socket it is of, it can only be one of which that is not known.
        found = np.where(found > 0, found, by_ends_alone.find(ends, when))
        found = np.where((found > 0) | (skaddr > 0), found, by_ends.find(ends, when))
        cookies[unknown] = found
        return cookies

    def _indexes(self) -> list[_Index]:
        lives = self.all()
        told = lives["skaddr"] > 0
        never = ~np.isin(lives["cookie"], lives["cookie"][told])
        ends = tuple_keys(lives, np.zeros(len(lives), "u8"))
        return [
            _Index(tuple_keys(lives, lives["skaddr"])[told], pick(lives, told)),
            _Index(ends[never], pick(lives, never)),
            _Index(ends, lives),
        ]


class _Index:
    """Connections by a key, and those of one key by their begin."""

    def __init__(self, keys: Keys, lives: Records) -> None:
        order = np.lexsort((lives["first_ns"], keys))
        self._keys = keys[order]
        self._lives = pick(lives, order)

    def find(self, keys: Keys, when: U64) -> Keys:
        """Cookie of the connection that each event belongs to, 0 if there is none."""
        found = np.zeros(len(keys), "u8")
        begin = np.searchsorted(self._keys, keys)
        end = np.searchsorted(self._keys, keys, "right")
        asked = np.flatnonzero(end > begin)
        if not len(asked):
            return found
        lives = self._lives
        before = np.maximum(self._begun(keys[asked], when[asked]), begin[asked] - 1)
        # The last one begun by then, if it had not ended; else the one about to begin.
        closed = lives["closed_ns"][before]
        mine = (before >= begin[asked]) & ((closed == 0) | (when[asked] <= closed))
        place = np.where(mine, before, before + 1)
        known = place < end[asked]
        found[asked[known]] = lives["cookie"][place[known]]
        return found

    def _begun(self, keys: Keys, when: U64) -> I64:
        """Index of the last connection at or before each key and time; -1 before all."""
        there = np.flatnonzero(np.isin(self._keys, keys))
        count = len(there)
        every = np.concatenate([self._keys[there], keys])
        moments = np.concatenate([self._lives["first_ns"][there], when])
        order = np.lexsort((np.arange(len(every)) >= count, moments, every))
        lives_until = np.cumsum(order < count)
        until = np.empty(len(every), "i8")
        until[order] = lives_until
        return np.append(there, -1)[until[count:] - 1]
