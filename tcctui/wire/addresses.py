"""IP addresses as 128-bit numbers: IPv4 is ::ffff:a.b.c.d, on the wire and in every column."""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import NamedTuple

V4_MAPPED = 0xFFFF << 32
"""The upper 96 bits of a v4-mapped address (RFC 4291, 2.5.5.2)."""

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
        text = format_address(self.address >> 64, self.address & _HALF)
        if ":" not in text:
            length -= 96
        return text if length == (128 if ":" in text else 32) else f"{text}/{length}"


def parse_prefix(text: str) -> Prefix:
    """Read an IPv4 or IPv6 address or CIDR block; a v4-mapped IPv6 address is its IPv4 address.

    Bits behind the prefix length are ignored, as `ip route` and nftables do.

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
    return Prefix(address, ((1 << length) - 1) << (128 - length))


def format_address(high: int, low: int) -> str:
    """Text of an address given as two 64-bit halves: dotted for v4-mapped, else RFC 5952."""
    if high == 0 and low >> 32 == 0xFFFF:
        return f"{low >> 24 & 255}.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}"
    if high == 0 and low >> 32 == 0:
        # Here inet_ntop, else the same in a quarter of the time, has dots: ::10.0.0.7
        return str(ipaddress.IPv6Address(low))
    return socket.inet_ntop(socket.AF_INET6, _HALVES.pack(high, low))


def format_endpoint(high: int, low: int, port: int) -> str:
    """Text of address and port: `10.0.0.7:443`, `[2001:db8::7]:443`."""
    address = format_address(high, low)
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
