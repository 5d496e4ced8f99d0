"""Copies of one packet in a capture: seen on several devices of the machine that forwarded it."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import Mask, Records
from tcctui.importing.packet_headers import FIN, SYN
from tcctui.wire.records import pick

_NUMBERED_NS = 100_000_000
"""Nanoseconds within which packets of one IP identification, which is 16 bits, are one."""

_ALIKE_NS = 100_000
"""The same without one: sooner than any retransmission over a path that is worth a capture."""

_ODD = np.uint64(0x9E3779B97F4A7C15)

_HEADER = (
    *("sport", "dport", "seq", "ack", "payload", "window", "flags"),
    *("ts_value", "ts_echo", "ip_id"),
)


def without_copies(packets: Records, sacks: Records) -> tuple[Records, Records]:
    """Leave out copies of segments, and their blocks of SACK.

    What is sent anew has another IP identification (RFC 6864; __ip_queue_xmit, net/ipv4/
    ip_output.c), or comes later. ACKs alone may be alike without one: they are left.
    """
    keeps = ~_copies(packets)
    if np.count_nonzero(keeps) == len(packets):
        return packets, sacks
    place = np.cumsum(keeps) - 1
    sacks = pick(sacks, keeps[sacks["packet"]])
    sacks["packet"] = place[sacks["packet"]]
    return pick(packets, keeps), sacks


def _copies(packets: Records) -> Mask:
    """Mask of the packets that are like one shortly before."""
    found = np.zeros(len(packets), bool)
    numbered = packets["payload"] | packets["ip_id"] | packets["flags"] & (SYN | FIN)
    places = np.flatnonzero(numbered)
    some = pick(packets, places)
    key = np.zeros(len(some), "u8")
    parts = [some[name] for name in _HEADER]
    parts += [some[end][:, half] for end in ("src", "dst") for half in (0, 1)]
    for part in parts:
        key = (key ^ part.astype("u8")) * _ODD
        key ^= key >> np.uint64(29)
    order = np.lexsort((some["ts_ns"], key))
    key, when = key[order], some["ts_ns"][order]
    within = np.where(some["ip_id"][order] > 0, _NUMBERED_NS, _ALIKE_NS)
    again = np.zeros(len(some), bool)
    again[1:] = (key[1:] == key[:-1]) & (when[1:] - when[:-1] < within[1:])
    found[places[order[again]]] = True
    return found
