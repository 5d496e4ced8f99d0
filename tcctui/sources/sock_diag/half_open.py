"""Half-open connections of each listener: requests by the listener that the kernel finds for them.

A request socket does not say which listener it is of. It is that of its port on the most specific
address and device, as compute_score (net/ipv4/inet_hashtables.c, net/ipv6/inet6_hashtables.c)
ranks them: the address itself before a wildcard, then the device before none, then IPv4's wildcard
before IPv6's. Listeners that are equal in this, by SO_REUSEPORT, can't be told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, U32, U64, Indexes, Mask, Records
from tcctui.wire.addresses import V4_MAPPED
from tcctui.wire.events import TcpState
from tcctui.wire.samples import NOT_COUNTED, Samples


class HalfOpen(NamedTuple):
    """Numbers of half-open connections, of listeners by their ascending cookies."""

    cookies: U64
    counts: U32

    @classmethod
    def of(cls, listeners: Records, requests: Records) -> HalfOpen:
        """Count requests, each once, for listeners of one namespace; both are of `SOCKET`."""
        order = np.argsort(listeners["sock_cookie"], kind="stable")
        listeners = listeners[order]
        found = listeners["sock_cookie"].astype("u8")
        return cls(found, counted(listeners, _each_once(requests)).astype("u4"))

    def fill(self, samples: Samples) -> None:
        """Write the numbers into samples of the listeners; others are left as they are."""
        rows = np.flatnonzero(samples["state"] == TcpState.LISTEN)
        if not len(rows) or not len(self.cookies):
            return  # a watched one may be newer than the dump
        wanted = samples["sock_cookie"][rows]
        at = np.minimum(np.searchsorted(self.cookies, wanted), len(self.cookies) - 1)
        known = self.cookies[at] == wanted
        samples["half_open"][rows] = np.where(known, self.counts[at], NOT_COUNTED)


def counted(listeners: Records, requests: Records) -> I64:
    """Number of requests of each listener, shape (n,); both are of `SOCKET`."""
    own = _keys(listeners)
    found = np.zeros(len(listeners), "i8")
    left = _keys(requests)
    for wanted, possible in _candidates(left):
        ids, groups = _numbered(own, wanted)
        listening, asking = ids[: len(own)], ids[len(own) :]
        there = np.bincount(listening, minlength=groups)[asking] > 0
        there &= possible & (left[:, _LEFT] > 0)
        found += np.bincount(asking[there], minlength=groups)[listening]
        left[there, _LEFT] = 0
    return found


_LEFT = 3
"""Column of keys: 1 for a request whose listener has not been found."""

_PORT = np.uint64(0xFFFF)


def _keys(sockets: Records) -> U64:
    """Local address, device and port of sockets, and that they are left; shape (n, 4)."""
    keys = np.ones((len(sockets), 4), "u8")
    keys[:, :2] = sockets["saddr"]
    keys[:, 2] = sockets["ifindex"].astype("u8") << np.uint64(16) | sockets["sport"]
    return keys


def _candidates(requests: U64) -> Iterator[tuple[U64, Mask]]:
    """Keys of the listeners that requests may be of, the one that is preferred first.

    Each comes with the mask of the requests for which there can be such a listener.
    """
    four = (requests[:, 0] == 0) & (requests[:, 1] >> np.uint64(32) == V4_MAPPED >> 32)
    every = np.ones(len(requests), np.bool_)
    wildcards = ((V4_MAPPED, four), (0, every))
    for device in (True, False):
        yield _on(requests, requests[:, 1], device, itself=True), every
    for device in (True, False):
        for low, possible in wildcards:
            yield _on(requests, np.full(len(requests), low, "u8"), device, itself=False), possible


def _on(requests: U64, low: U64, device: bool, *, itself: bool) -> U64:
    keys = requests.copy()
    keys[:, 1] = low
    if not itself:
        keys[:, 0] = 0
    if not device:
        keys[:, 2] &= _PORT
    return keys


def _numbered(listeners: U64, requests: U64) -> tuple[Indexes, int]:
    """Numbers of the keys of both, equal ones alike, and how many different ones there are."""
    keys = np.concatenate([listeners[:, :_LEFT], requests[:, :_LEFT]])
    order = np.lexsort(keys.T)
    ordered = keys[order]
    begins = np.ones(len(keys), bool)
    begins[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    ids = np.empty(len(keys), np.intp)
    ids[order] = np.cumsum(begins) - 1
    return ids, int(np.count_nonzero(begins))


def _each_once(sockets: Records) -> Records:
    """Leave out what a repeated dump has told before."""
    order = np.argsort(sockets["sock_cookie"], kind="stable")
    first = np.ones(len(order), bool)
    cookies = sockets["sock_cookie"][order]
    first[1:] = cookies[1:] != cookies[:-1]
    return sockets[order[first]]
