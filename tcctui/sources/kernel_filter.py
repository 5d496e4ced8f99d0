"""The filter that runs in the kernel, as `struct filter` in bpf/tcc.c has it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tcctui.addresses import Prefix, parse_prefix
from tcctui.errors import UsageError

MAX_PORTS = MAX_PREFIXES = 8

_LISTS = struct.Struct(f"=II{MAX_PORTS}H")
_PREFIX = struct.Struct(">QQQQ")

FILTER_BYTES = _LISTS.size + MAX_PREFIXES * _PREFIX.size
"""Size of `struct filter`."""


@dataclass(frozen=True)
class KernelFilter:
    """Which flows the kernel reports.

    Those of which one end has one of `ports` and one end is in one of `prefixes`; an empty tuple
    lets everything through.
    """

    ports: tuple[int, ...] = ()
    prefixes: tuple[Prefix, ...] = ()

    @classmethod
    def from_options(cls, ports: list[str], addresses: list[str]) -> KernelFilter:
        """Build it from what was typed behind `--port` and `--ip`; a comma separates several.

        Raises:
            UsageError: something is not a port, an address or a prefix, or there are too many.

        """
        return cls(
            tuple(_port(text) for text in _split(ports, "--port", MAX_PORTS)),
            tuple(_prefix(text) for text in _split(addresses, "--ip", MAX_PREFIXES)),
        )

    def pack(self) -> bytes:
        """The bytes of `struct filter`: addresses and masks in network byte order."""
        ports = [*self.ports, *[0] * (MAX_PORTS - len(self.ports))]
        lists = _LISTS.pack(len(self.ports), len(self.prefixes), *ports)
        packed = lists + b"".join(_PREFIX.pack(*prefix.halves) for prefix in self.prefixes)
        return packed.ljust(FILTER_BYTES, b"\0")

    def __str__(self) -> str:
        parts = []
        if self.ports:
            parts.append("port " + ",".join(map(str, self.ports)))
        if self.prefixes:
            parts.append("ip " + ",".join(map(str, self.prefixes)))
        return " and ".join(parts)


def _split(texts: list[str], option: str, most: int) -> list[str]:
    parts = [part for text in texts for part in text.split(",")]
    if len(parts) > most:
        raise UsageError(f"{option} takes at most {most} values.", "Filter the rest with a search.")
    return parts


def _port(text: str) -> int:
    digits = text.strip()
    if not digits.isdecimal() or len(digits) > 5 or not 1 <= int(digits) <= 65535:
        raise UsageError(
            f"--port {text[:40]!r} is not a port.", "A port is a number from 1 to 65535."
        )
    return int(digits)


def _prefix(text: str) -> Prefix:
    try:
        return parse_prefix(text)
    except ValueError:
        raise UsageError(
            f"--ip {text!r} is not an address.",
            "Give an IPv4 or IPv6 address or a prefix, such as 10.0.0.0/8 or 2001:db8::/32.",
        ) from None
