"""Headers of captured packets: link layer, IPv4 or IPv6, TCP; of many packets at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tcctui.arrays import I64, U8, Indexes, Mask, Records
from tcctui.importing.capture import Block, numbers
from tcctui.wire.addresses import V4_MAPPED
from tcctui.wire.records import joined, pick

PACKET = np.dtype(
    [
        ("ts_ns", "i8"),
        ("src", "u8", (2,)),
        ("dst", "u8", (2,)),
        ("seq", "u4"),
        ("ack", "u4"),
        ("payload", "u4"),
        ("ts_value", "u4"),
        ("ts_echo", "u4"),
        ("sport", "u2"),
        ("dport", "u2"),
        ("window", "u2"),
        ("ip_id", "u2"),
        ("mss", "u2"),
        ("flags", "u1"),
        ("scale", "i1"),
        ("options", "u1"),
    ]
)
"""A captured TCP segment. `ts_ns` is nanoseconds since 1970, addresses are two halves of 128 bits,
`payload` bytes on the wire, `ip_id` that of IPv4. `window` is as in the header, before
scaling. Of a SYN are `mss` (0 is none), `scale` (-1 is none) and of `options` SACK 2, as
tcpi_options has it; TIMESTAMPS 1 is of each segment that has `ts_value` and `ts_echo` (RFC 7323,
3.2)."""

SACK_BLOCK = np.dtype([("packet", "i8"), ("begin", "u4"), ("end", "u4"), ("place", "u1")])
"""A block of a segment's SACK option (RFC 2018), in the order of its places.

`packet` is the segment's index, `begin` and `end` are sequence numbers.
"""

FIN, SYN, RST, ACK = 1, 2, 4, 16
"""Bits of `flags`."""

TIMESTAMPS, SACK = 1, 2
"""TCPI_OPT_TIMESTAMPS, TCPI_OPT_SACK (include/uapi/linux/tcp.h)."""

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN = (0x8100, 0x88A8, 0x9100)
_EXTENSIONS = (0, 43, 60, 135)
_TCP = 6

_NULL, _ETHERNET, _LOOP, _SLL, _SLL2 = 0, 1, 108, 113, 276
_RAW = (12, 14, 101, 228, 229)
_NETWORK = {_NULL: 4, _LOOP: 4, _ETHERNET: 14, _SLL: 16, _SLL2: 20}
"""Bytes before the network layer's header, by link type (tcpdump.org/linktypes.html)."""
_KIND_AT = {_ETHERNET: 12, _SLL: 14, _SLL2: 0}
"""Offset of its ethertype."""

LINKS = (*_NETWORK, *_RAW)
"""Link types that are understood."""


class Segments(NamedTuple):
    """TCP segments of a block, of `PACKET`, and their `SACK_BLOCK`s, both in order.

    `short` is the number of packets that were cut too short.
    """

    packets: Records
    sacks: Records
    short: int


def segments(block: Block) -> Segments:
    """TCP segments among the packets.

    Fragments of IP packets but the first are left out, and what is no TCP.
    """
    data, begin, end = block.data, block.at, block.at + block.length
    network, is_ip = _network(block)
    version = data[np.minimum(network, len(data) - 1)] >> 4
    known = is_ip & (network + 20 <= end)
    v4, v6 = known & (version == 4), known & (version == 6) & (network + 40 <= end)
    tcp = np.zeros(len(begin), "i8")
    ip_end = np.zeros(len(begin), "i8")
    wire_end = begin + block.wire
    _place_v4(data, network, wire_end, v4, tcp, ip_end)
    _place_v6(data, network, wire_end, v6, tcp, ip_end)
    there = tcp > 0
    short = there & (tcp + 20 > end)
    places = np.flatnonzero(there & ~short)
    at = tcp[places]
    header = (data[at + 12] >> 4).astype("i8") * 4
    payload = ip_end[places] - at - header
    right = (header >= 20) & (payload >= 0)
    places, at, header, payload = places[right], at[right], header[right], payload[right]
    found = np.zeros(len(places), PACKET)
    found["ts_ns"] = block.ts_ns[places]
    found["payload"] = payload
    for name, place, size in (("sport", 0, 2), ("dport", 2, 2), ("seq", 4, 4), ("ack", 8, 4)):
        found[name] = numbers(data, at + place, size)
    found["flags"] = data[at + 13]
    found["window"] = numbers(data, at + 14, 2)
    _addresses(found, data, network[places], v4[places])
    found["scale"] = -1
    limit = np.minimum(at + header, end[places])
    sacks = _options(found, data, at + 20, limit)
    return Segments(found, sacks, int(np.count_nonzero(short)))


def _network(block: Block) -> tuple[I64, Mask]:
    """Offset of the network layer's header, and whether it is IP as far as the link layer says."""
    data, link = block.data, block.link
    network = block.at.copy()
    kind = np.zeros(len(network), "i8")
    is_ip = np.isin(link, _RAW)
    for number, size in _NETWORK.items():
        mine = link == number
        if not mine.any():
            continue
        network[mine] += size
        if number in _KIND_AT:
            kind[mine] = numbers(data, block.at[mine] + _KIND_AT[number], 2)
        else:  # the address family of the machine that captured: the version tells
            is_ip |= mine
    for _ in range(2):
        tagged = np.isin(kind, _VLAN)
        if tagged.any():
            kind[tagged] = numbers(data, network[tagged] + 2, 2)
            network[tagged] += 4
    return network, is_ip | (kind == _IPV4) | (kind == _IPV6)


def _place_v4(  # noqa: PLR0917
    data: U8, network: I64, wire_end: I64, mine: Mask, tcp: I64, ip_end: I64
) -> None:
    """Write where TCP begins and the IPv4 packet ends."""
    places = np.flatnonzero(mine)
    at = network[places]
    header = (data[at] & 15).astype("i8") * 4
    total = numbers(data, at + 2, 2)
    # A segment that the device was to cut may have no length yet.
    end = np.where(total > 0, at + total, wire_end[places])
    whole = (numbers(data, at + 6, 2) & 0x1FFF) == 0
    right = (data[at + 9] == _TCP) & (header >= 20) & whole
    tcp[places[right]] = (at + header)[right]
    ip_end[places[right]] = end[right]


def _place_v6(  # noqa: PLR0917
    data: U8, network: I64, wire_end: I64, mine: Mask, tcp: I64, ip_end: I64
) -> None:
    """Write where TCP begins and the IPv6 packet ends, behind its extension headers."""
    places = np.flatnonzero(mine)
    at = network[places]
    payload = numbers(data, at + 4, 2)
    end = np.where(payload > 0, at + 40 + payload, wire_end[places])
    following = data[at + 6].astype("i8")
    place = at + 40
    for _ in range(4):
        more = np.isin(following, _EXTENSIONS) & (place + 8 <= end) & (place + 8 < len(data))
        if not more.any():
            break
        following[more], place[more] = (
            data[place[more]],
            place[more] + (data[place[more] + 1].astype("i8") + 1) * 8,
        )
    right = following == _TCP
    tcp[places[right]] = place[right]
    ip_end[places[right]] = end[right]


def _addresses(found: Records, data: U8, network: I64, v4: Mask) -> None:
    found["ip_id"][v4] = numbers(data, network[v4] + 4, 2)
    for name, of_v4, of_v6 in (("src", 12, 8), ("dst", 16, 24)):
        halves = np.zeros((len(found), 2), "u8")
        low = numbers(data, network[v4] + of_v4, 4).astype("u8")
        halves[v4, 1] = low | np.uint64(V4_MAPPED)
        for half in (0, 1):
            at = network[~v4] + of_v6 + 8 * half
            upper, lower = (numbers(data, at + place, 4).astype("u8") for place in (0, 4))
            halves[~v4, half] = upper << np.uint64(32) | lower
        found[name] = halves


def _options(found: Records, data: U8, at: I64, end: I64) -> Records:
    """Write the options of segments, which begin `at` and end before `end`; gives SACK's blocks."""
    # Timestamps alone, aligned as everyone does it (RFC 7323, appendix A): the rule.
    alone = np.flatnonzero((end - at == 12) & (numbers(data, at, 4) == _TIMESTAMPS_ALONE))
    _timestamps(found, alone, data, at[alone] + 2)
    more = end - at >= 2
    more[alone] = False
    places = np.flatnonzero(more)
    parts = [np.empty(0, SACK_BLOCK)]
    for which, place, kind, length in _each_option(data, at[places], end[places]):
        active = places[which]
        stamped = (kind == 8) & (length == 10)
        _timestamps(found, active[stamped], data, place[stamped])
        _of_syns(found, active, data, place, kind, length)
        for number in range(_MOST_SACKS):
            mine = (kind == 5) & (length >= 10 + 8 * number)
            if not mine.any():
                break
            blocks = np.zeros(int(np.count_nonzero(mine)), SACK_BLOCK)
            blocks["packet"], blocks["place"] = active[mine], number
            for name, behind in (("begin", 2), ("end", 6)):
                blocks[name] = numbers(data, place[mine] + behind + 8 * number, 4)
            parts.append(blocks)
    blocks = joined(parts)
    return pick(blocks, np.lexsort((blocks["place"], blocks["packet"])))


def _timestamps(found: Records, which: Indexes, data: U8, place: I64) -> None:
    """Write the timestamps of some segments, whose option is at a place."""
    found["ts_value"][which] = numbers(data, place + 2, 4)
    found["ts_echo"][which] = numbers(data, place + 6, 4)
    found["options"][which] |= TIMESTAMPS


def _of_syns(  # noqa: PLR0917
    found: Records, which: Indexes, data: U8, place: I64, kind: I64, length: I64
) -> None:
    """Write what SYNs alone say, among options of some segments."""
    syn = found["flags"][which] & SYN > 0
    if not syn.any():
        return
    which, place, kind, length = which[syn], place[syn], kind[syn], length[syn]
    sized = (kind == 2) & (length == 4)
    found["mss"][which[sized]] = numbers(data, place[sized] + 2, 2)
    scaled = (kind == 3) & (length == 3)
    found["scale"][which[scaled]] = np.minimum(data[place[scaled] + 2], 14)  # RFC 7323, 2.3
    found["options"][which[kind == 4]] |= SACK


_MOST_SACKS = 4
_TIMESTAMPS_ALONE = 0x0101080A


def _each_option(
    data: U8, at: I64, end: I64
) -> Iterator[tuple[Indexes, Indexes, Indexes, Indexes]]:
    """Options one after the other of many segments at once, which begin `at` and end before `end`.

    Gives the segments that have one, its place, its kind and its length.
    """
    at = at.copy()
    active = np.flatnonzero(at < end)
    for _ in range(40):
        if not len(active):
            return
        place = at[active]
        kind = data[place].astype("i8")
        length = np.where(kind == 1, 1, data[place + 1].astype("i8"))
        good = (kind > 0) & (length >= 1) & ((kind == 1) | (length >= 2))
        good &= place + length <= end[active]
        active, place, kind, length = active[good], place[good], kind[good], length[good]
        yield active, place, kind, length
        at[active] += length
        active = active[at[active] < end[active]]
