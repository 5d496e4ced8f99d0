"""Connections among captured segments: which is of which, and in which direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcctui.arrays import I64, U64, Indexes, Mask, Records
from tcctui.importing.packet_headers import ACK, RST, SYN
from tcctui.wire.records import pick


@dataclass(frozen=True, eq=False)
class Connections:
    """Segments sorted by connection, and by time within each.

    `first` are the indexes of each connection's first segment, `of` the number of each segment's
    connection, `forward` is True for those in the direction of the connection's first. `sacks` are
    the segments' blocks of SACK, in their order.
    """

    packets: Records
    first: Indexes
    of: I64
    forward: Mask
    sacks: Records


def connections(packets: Records, sacks: Records) -> Connections:
    """Sort segments by connection, and their blocks of SACK (`SACK_BLOCK`) with them.

    A SYN with another sequence number than the one before begins another connection of the same
    ends (RFC 9293, 3.4: an initial sequence number is of one connection).
    """
    if not len(packets):
        none = np.empty(0, "i8")
        return Connections(packets, none, none, np.empty(0, bool), sacks)
    ends, lower = _ends(packets)
    order = np.lexsort((packets["ts_ns"], ends))
    packets, ends, lower = pick(packets, order), ends[order], lower[order]
    place = np.empty(len(order), "i8")
    place[order] = np.arange(len(order))
    sacks = sacks.copy()
    sacks["packet"] = place[sacks["packet"]]
    sacks = pick(sacks, np.lexsort((sacks["place"], sacks["packet"])))
    begins = np.ones(len(packets), bool)
    begins[1:] = ends[1:] != ends[:-1]
    begins |= _anew(packets, np.cumsum(begins), lower)
    first = np.flatnonzero(begins)
    of = np.cumsum(begins) - 1
    return Connections(packets, first, of, lower == lower[first][of], sacks)


def _ends(packets: Records) -> tuple[U64, Mask]:
    """Key of both ends, the same in both directions; True where the source is the lower one."""
    source, target = (_hash(packets[end], packets[port]) for end, port in _ENDS)
    # Of a connection to itself, or of two ends of one hash, both directions are one.
    return np.minimum(source, target) * _ODD ^ np.maximum(source, target), source < target


_ENDS = (("src", "sport"), ("dst", "dport"))
_ODD = np.uint64(0x9E3779B97F4A7C15)
"""2⁶⁴ divided by the golden ratio: spreads what differs in few bits."""


def _hash(address: U64, port: Records) -> U64:
    found = address[:, 0] * _ODD ^ address[:, 1]
    found = (found ^ found >> np.uint64(29)) * _ODD ^ port
    return (found ^ found >> np.uint64(32)) * _ODD


def _anew(packets: Records, group: I64, lower: Mask) -> Mask:
    """Mask of the SYNs that begin another connection of their group's ends."""
    anew = np.zeros(len(packets), bool)
    syns = np.flatnonzero((packets["flags"] & (SYN | ACK | RST)) == SYN)
    if len(syns):
        # Beside each SYN the one before in its direction, if there is one.
        order = np.lexsort((syns, lower[syns], group[syns]))
        syns = syns[order]
        before = np.roll(syns, 1)
        alike = (group[before] == group[syns]) & (lower[before] == lower[syns])
        alike[0] = False
        same = alike & (packets["seq"][before] == packets["seq"][syns])
        # The first SYN of its direction may answer another one: both ends opened at once.
        behind = np.maximum(syns - 1, 0)
        answer = ~alike & (packets["flags"][behind] & (SYN | ACK) == SYN)
        answer &= (group[behind] == group[syns]) & (lower[behind] != lower[syns])
        anew[syns] = ~same & ~answer
    return anew
