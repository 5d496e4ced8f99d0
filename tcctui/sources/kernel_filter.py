"""The filter that runs in the kernel, as `struct filter` in bpf/tcc.c has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcctui.addresses import Prefix, parse_prefix
from tcctui.errors import UsageError

MAX_PORTS = MAX_PREFIXES = 8

FILTER = np.dtype(
    [
        ("n_ports", "u4"),
        ("n_prefixes", "u4"),
        ("ports", "u2", (MAX_PORTS,)),
        (
            "prefixes",
            [("address", ">u8", (2,)), ("mask", ">u8", (2,))],
            (MAX_PREFIXES,),
        ),
    ]
)
"""`struct filter`: addresses and masks in network byte order, two halves each."""


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
        """The bytes of `struct filter`."""
        packed = np.zeros((), FILTER)
        packed["n_ports"] = len(self.ports)
        packed["n_prefixes"] = len(self.prefixes)
        packed["ports"][: len(self.ports)] = self.ports
        for slot, prefix in zip(packed["prefixes"], self.prefixes, strict=False):
            high, low, mask_high, mask_low = prefix.halves
            slot["address"] = high, low
            slot["mask"] = mask_high, mask_low
        return packed.tobytes()

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
