"""Connections of one socket, one after the other: each gets a flow of its own.

A socket that is disconnected, by connect(2) with AF_UNSPEC or as its attempt failed, keeps its
cookie and may be connected again (tcp_disconnect, net/ipv4/tcp.c). Its first connection has the
cookie for its flow's key, later ones have their number in the key's upper 16 bits, which the kernel
does not count up to.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tcctui.arrays import I64, U64, Records, among, distinct
from tcctui.flows.index import Keys
from tcctui.flows.intake.sockets import keys_of_ends
from tcctui.sources import kernel_clock
from tcctui.wire.events import EventKind, Events, TcpState
from tcctui.wire.inside import Insides
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import NO_SAMPLES, SAMPLE, End, Samples

_LIVES = int(End.LIVES)
_STATE = int(EventKind.STATE)
_CLOSE, _SYN_SENT = map(int, (TcpState.CLOSE, TcpState.SYN_SENT))

_NUMBER = np.uint64(48)
"""Bits of a cookie."""

_MOST = 1 << 15
"""Connections of a socket that have different keys."""

_CLOSING = 1 << 14
"""Sockets closed last that are remembered: most of them are destroyed soon."""

_FORGOTTEN_NS = 60_000_000_000
"""Nanoseconds without a sample from which on a socket is forgotten."""

_SEEN = np.dtype([("cookie", "u8"), ("ends", "u8"), ("bytes", "u8"), ("ts_ns", "i8")])
"""Newest sample of a socket: its ends as a key, bytes sent and received."""


def cookies_of(keys: Keys) -> Keys:
    """Cookies of the sockets of flows."""
    # The few that the kernel counts down from 2^64 (gen_cookie_next, linux/cookie.h) have ones
    # there.
    bits = keys.astype("u8").view("i8")
    return (bits << 16 >> 16).view("u8")


@dataclass
class _Socket:
    """Moments at which a socket was connected again, and how many came before those."""

    starts: list[int] = field(default_factory=list)
    before: int = 0

    def begin(self, at_ns: int) -> None:
        self.starts.append(at_ns)
        if len(self.starts) > 64:
            self.before += len(self.starts) - 32
            del self.starts[:-32]

    def keys(self, cookie: int, when: U64 | I64) -> Keys:
        """Key of the connection at each of some moments."""
        starts = np.array(self.starts, "i8")
        numbers = np.searchsorted(starts, when.astype("i8"), "right") + self.before
        return (numbers % _MOST).astype("u8") << _NUMBER ^ np.uint64(cookie)


class Reconnections:
    """Finds sockets that are connected again, and names flows in events and samples.

    Events of kind STATE tell it, by the socket's cookie; without those, a sample whose addresses or
    ports are others, or whose bytes are fewer, than the one before. Used by one thread at a time.
    """

    def __init__(self) -> None:
        self._sockets: dict[int, _Socket] = {}
        self._cookies: Keys = np.empty(0, "u8")  # of those
        self._closing: Keys = np.empty(0, "u8")
        self._seen = np.empty(0, _SEEN)  # sorted by cookie
        self._pruned = 0
        self._ends: list[Samples] = []

    def of_events(self, events: Events) -> Events:
        """Events with the keys of their flows for cookies; those of kind STATE have none."""
        kinds = events["kind"]
        if np.count_nonzero(kinds):
            states = kinds == _STATE
            if np.count_nonzero(states):
                self._follow(pick(events, states))
                events["sock_cookie"][states] = 0
        return self._named(events)

    def of_insides(self, insides: Insides) -> Insides:
        """The same of what was read of sockets, behind its events."""
        return insides.each(self._named)

    def of_samples(self, samples: Samples) -> Samples:
        """The same of samples."""
        if len(samples):
            self._compare(samples)
        return self._named(samples)

    def ended(self) -> Samples:
        """Ends of connections whose sockets are connected again, since the last call."""
        ends, self._ends = self._ends, []
        return joined([NO_SAMPLES, *ends]) if ends else NO_SAMPLES

    def _named(self, records: Records) -> Records:
        if not len(self._cookies) or not len(records):
            return records
        again = among(records["sock_cookie"], self._cookies).nonzero()[0]
        if not len(again):
            return records
        records = records.copy()
        cookies, when = records["sock_cookie"][again], records["ts_ns"][again]
        for cookie in distinct(cookies).tolist():
            own = cookies == cookie
            records["sock_cookie"][again[own]] = self._sockets[cookie].keys(cookie, when[own])
        return records

    def _follow(self, states: Events) -> None:
        """Follow STATE events, oldest first."""
        cookies = states["sock_cookie"]
        closing = cookies[states["newstate"] == _CLOSE]
        self._closing = np.concatenate([self._closing, closing[closing > 0]])[-_CLOSING:]
        opened = (states["oldstate"] == _CLOSE) & (states["newstate"] == _SYN_SENT)
        # A first connection hardly ever has a cookie yet.
        opened &= cookies > 0
        if not np.count_nonzero(opened):
            return
        opened &= among(cookies, self._closing)
        moments = states["ts_ns"][opened].tolist()
        for cookie, at_ns in zip(cookies[opened].tolist(), moments, strict=True):
            starts = self._sockets[cookie].starts if cookie in self._sockets else []
            if starts and starts[-1] >= at_ns:
                starts[-1] = at_ns  # a sample told it before
            else:
                self._begin(cookie, at_ns, at_ns)

    def _begin(self, cookie: int, at_ns: int, ended_ns: int) -> None:
        """Begin the next connection of a socket; the one before ends."""
        if cookie not in self._sockets:
            self._sockets[cookie] = _Socket()
            self._cookies = np.append(self._cookies, np.uint64(cookie))
        socket = self._sockets[cookie]
        end = np.zeros(1, SAMPLE)
        end["sock_cookie"] = socket.keys(cookie, np.array([at_ns], "i8"))
        end["ts_ns"], end["end"] = ended_ns, End.GONE
        self._ends.append(end)
        socket.begin(at_ns)

    def _compare(self, samples: Samples) -> None:
        """Compare samples with those before."""
        samples = pick(samples, samples["end"] == _LIVES)
        new = np.empty(len(samples), _SEEN)
        new["cookie"], new["ts_ns"] = samples["sock_cookie"], samples["ts_ns"]
        # Without prefixes: that of a link-local address may be with or without its interface.
        low = (samples[name][:, 1] for name in ("saddr", "daddr"))
        new["ends"] = keys_of_ends(*low, samples["sport"], samples["dport"])
        new["bytes"] = samples["bytes_acked"] + samples["bytes_received"]
        new = new[np.lexsort((new["ts_ns"], new["cookie"]))]
        last = np.append(new["cookie"][1:] != new["cookie"][:-1], True)[: len(new)]
        new, seen = new[last], self._seen
        place = np.searchsorted(seen["cookie"], new["cookie"])
        place[place == len(seen)] = 0
        known = seen["cookie"][place] == new["cookie"] if len(seen) else np.zeros(len(new), bool)
        before, now = seen[place[known]], new[known]
        differ = (before["ends"] != now["ends"]) | (before["bytes"] > now["bytes"])
        differ &= before["ts_ns"] < now["ts_ns"]
        if np.count_nonzero(differ):
            ended_ns = kernel_clock.now_ns()  # later than all that was given of it so far
            for cookie, at_ns, since_ns in zip(
                now["cookie"][differ].tolist(),
                now["ts_ns"][differ].tolist(),
                before["ts_ns"][differ].tolist(),
                strict=True,
            ):
                starts = self._sockets[cookie].starts if cookie in self._sockets else []
                if not starts or starts[-1] <= since_ns:  # no event told it
                    self._begin(cookie, at_ns, ended_ns)
        seen[place[known]] = now
        if not known.all():
            added = new[~known]
            where = np.searchsorted(seen["cookie"], added["cookie"])
            self._seen = np.insert(seen, where, added)
            self._prune(int(new["ts_ns"].max()))

    def _prune(self, now_ns: int) -> None:
        if len(self._seen) > 2 * self._pruned + 4096:
            self._seen = self._seen[self._seen["ts_ns"] > now_ns - _FORGOTTEN_NS]
            self._pruned = len(self._seen)
