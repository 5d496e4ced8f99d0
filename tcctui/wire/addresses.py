"""IP addresses as 128-bit numbers: IPv4 is ::ffff:a.b.c.d, on the wire and in every column.

A link-local address (fe80::/10) is of one link: the index of its interface is in the lower half of
its upper 64 bits, which are zeros in the address itself (RFC 4291, 2.5.6), as KAME's kernels keep
it. Two connections with the same addresses on two links differ therefore.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tcctui.arrays import U64, Mask

V4_MAPPED = 0xFFFF << 32
"""The upper 96 bits of a v4-mapped address (RFC 4291, 2.5.5.2)."""

LINK_LOCAL, LINK_LOCAL_BITS = 0xFE80 >> 6, 10
"""Prefix fe80::/10."""

ZONE = 0xFFFF_FFFF
"""Mask of an interface's index, in the upper half of a link-local address."""

_ZONES: dict[int, str] = {}
"""Names of interfaces by their index; empty where they differ between network namespaces."""

_INTERFACE = re.compile(r"[^\s/%\]]{1,15}")

_HALF = (1 << 64) - 1
_HALVES = struct.Struct(">QQ")


class Prefix(NamedTuple):
    """A block of addresses: `address` and `mask` are 128-bit numbers, `address & ~mask == 0`."""

    address: int
    mask: int

    @property
    def halves(self) -> tuple[int, int, int, int]:
        """Address high and low, mask high and low: 64 bits each, as the columns keep addresses."""
        return (self.address >> 64, self.address & _HALF, self.mask >> 64, self.mask & _HALF)

    def __str__(self) -> str:
        length = self.mask.bit_count()
        if is_link_local(self.address >> 64) and length >= 32 and not self.mask >> 64 & ZONE:
            length += 32
        text = format_address(self.address >> 64, self.address & _HALF)
        if ":" not in text:
            length -= 96
        return text if length == (128 if ":" in text else 32) else f"{text}/{length}"


def is_link_local(high: int) -> bool:
    """True for the upper half of an address in fe80::/10."""
    return high >> (64 - LINK_LOCAL_BITS) == LINK_LOCAL


def are_link_local(high: U64) -> Mask:
    """Mask of the upper halves of addresses in fe80::/10."""
    return np.asarray(high >> np.uint64(64 - LINK_LOCAL_BITS) == LINK_LOCAL)


def name_zone(index: int, name: str) -> None:
    """Learn an interface's name; where two namespaces have others, it is known by number alone."""
    if _ZONES.setdefault(index, name) != name:
        _ZONES[index] = ""


def zones() -> dict[int, str]:
    """Names of interfaces by their index, as far as they are known; "" where they differ."""
    return dict(_ZONES)


def use_zones(names: Mapping[int, str]) -> None:
    """Take these names for all there are: those of a recording's machine."""
    _ZONES.clear()
    _ZONES.update(names)


def zone_indexes(name: str) -> list[int]:
    """Indexes of the interfaces with a name, or the number that it is."""
    if name.isascii() and name.isdigit():
        return [int(name[:10]) & ZONE]
    return [index for index, known in _ZONES.items() if known == name]


def parse_on_link(text: str) -> tuple[Prefix, str]:
    """Read an address or block as `parse_prefix`; gives with it the interface behind a `%`.

    `fe80::2%eth0` and `fe80::2%3` are of one link, `fe80::2` is of any: then it is empty.

    Raises:
        ValueError: the text is neither an address nor a block, or not one that is of a link.

    """
    host, percent, zone = text.strip().partition("%")
    zone, slash, length = zone.partition("/")
    prefix = parse_prefix(host + slash + length)
    if percent and not (is_link_local(prefix.address >> 64) and _INTERFACE.fullmatch(zone)):
        raise ValueError(f"{text!r} is of no link")
    return prefix, zone


def parse_prefix(text: str) -> Prefix:
    """Read an IPv4 or IPv6 address or CIDR block; a v4-mapped IPv6 address is its IPv4 address.

    Bits behind the prefix length are ignored, as `ip route` and nftables do. Link-local addresses
    are of any link.

    Raises:
        ValueError: the text is neither an address nor a block.

    """
    network = ipaddress.ip_network(text.strip(), strict=False)
    if isinstance(network, ipaddress.IPv4Network):
        length = network.prefixlen + 96
        address = V4_MAPPED | int(network.network_address)
    else:
        length = network.prefixlen
        address = int(network.network_address)
    mask = ((1 << length) - 1) << (128 - length)
    if is_link_local(address >> 64) and length >= LINK_LOCAL_BITS:
        mask &= ~(ZONE << 64)
        address &= mask
    return Prefix(address, mask)


def format_address(high: int, low: int) -> str:
    """Text of an address given as two 64-bit halves: dotted for v4-mapped, else RFC 5952.

    A link-local one is followed by its interface (RFC 4007, 11), by number without a known name.
    """
    if high == 0 and low >> 32 == 0xFFFF:
        return f"{low >> 24 & 255}.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}"
    if high == 0 and low >> 32 == 0:
        # Here inet_ntop, else the same in a quarter of the time, has dots: ::10.0.0.7
        return str(ipaddress.IPv6Address(low))
    zone = ""
    if is_link_local(high) and high & ZONE:
        index = high & ZONE
        high, zone = high ^ index, f"%{_ZONES.get(index) or index}"
    return socket.inet_ntop(socket.AF_INET6, _HALVES.pack(high, low)) + zone


def format_endpoint(high: int, low: int, port: int) -> str:
    """Text of address and port: `10.0.0.7:443`, `[2001:db8::7]:443`."""
    address = format_address(high, low)
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
