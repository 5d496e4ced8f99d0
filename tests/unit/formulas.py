"""Formulas over addresses and ports, whatever they say; and what they say, worked out plainly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from tcctui.query.address_formula import All, AnyOf, Inside, Not, PortRange, Reach
from tcctui.wire.addresses import Prefix, parse_prefix

_HALF = (1 << 64) - 1

ADDRESSES = [
    parse_prefix(text).address
    for text in ("10.0.0.1", "10.0.0.2", "10.0.3.4", "192.0.2.9", "::1", "2001:db8::7", "fe80::1")
]
PORTS = (0, 1, 79, 80, 81, 443, 444, 8000, 65535)


class Ends(NamedTuple):
    """Addresses (128 bits) and ports of a connection."""

    saddr: int
    daddr: int
    sport: int
    dport: int


_addresses = st.sampled_from(ADDRESSES) | st.integers(0, (1 << 128) - 1)
_ports = st.sampled_from(PORTS) | st.integers(0, 0xFFFF)
ends: st.SearchStrategy[Ends] = st.builds(Ends, _addresses, _addresses, _ports, _ports)


def _prefix(address: int, length: int) -> Prefix:
    mask = (1 << 128) - (1 << 128 - length)
    return Prefix(address & mask, mask)


_of_which = st.sampled_from(["s", "d", "sd"])
_ranges = st.builds(PortRange, _of_which, _ports, _ports)
_single = st.builds(lambda end, port: PortRange(end, port, port), _of_which, _ports)
_prefixes = st.builds(_prefix, _addresses, st.integers(0, 128))
_atoms = _ranges | _single | st.builds(Inside, _of_which, _prefixes)
_literals = _atoms | st.builds(Not, _atoms)


def formulas() -> st.SearchStrategy[Reach]:
    """Any formula, also long ones that hold of few."""

    def larger(parts: st.SearchStrategy[Reach]) -> st.SearchStrategy[Reach]:
        several = st.lists(parts, max_size=5).map(tuple)
        return st.builds(All, several) | st.builds(AnyOf, several)

    return st.recursive(_literals, larger, max_leaves=30)


def is_true(reach: Reach, one: Ends) -> bool:
    """Say whether a formula holds, as its docstrings have it."""
    if isinstance(reach, Not):
        return not is_true(reach.atom, one)
    if isinstance(reach, All):
        return all(is_true(part, one) for part in reach.parts)
    if isinstance(reach, AnyOf):
        return any(is_true(part, one) for part in reach.parts)
    found = []
    for end in reach.end:
        if isinstance(reach, PortRange):
            found.append(reach.low <= (one.sport if end == "s" else one.dport) <= reach.high)
        else:
            address = one.saddr if end == "s" else one.daddr
            found.append(address & reach.prefix.mask == reach.prefix.address)
    return any(found)


def columns(some: list[Ends]) -> tuple[Any, ...]:
    """Give them as `KernelFilter.passes` takes them."""
    return (
        np.array([one.saddr >> 64 for one in some], "u8"),
        np.array([one.saddr & _HALF for one in some], "u8"),
        np.array([one.daddr >> 64 for one in some], "u8"),
        np.array([one.daddr & _HALF for one in some], "u8"),
        np.array([one.sport for one in some], "u2"),
        np.array([one.dport for one in some], "u2"),
    )


def queries(
    hosts: Sequence[str], blocks: Sequence[str], ports: Sequence[int]
) -> st.SearchStrategy[str]:
    """Any query about these addresses and ports, with terms that the kernel can't decide."""
    port = st.sampled_from(ports)
    span = st.builds(lambda low, more: f"{low}-{min(low + more, 65535)}", port, st.integers(0, 80))
    numbers = st.lists(port.map(str) | span, min_size=1, max_size=3)
    host = st.sampled_from(hosts)
    endpoint = st.builds(
        lambda text, at: f"[{text}]:{at}" if ":" in text else f"{text}:{at}", host, port
    )
    places = st.lists(host | st.sampled_from(blocks) | endpoint, min_size=1, max_size=3)
    terms = st.one_of(
        st.builds(
            lambda name, some: f"{name}:{','.join(some)}",
            st.sampled_from(["port", "sport", "dport"]),
            numbers,
        ),
        st.builds(
            lambda name, some: f"{name}:{'|'.join(some)}",
            st.sampled_from(["ip", "src", "dst"]),
            places,
        ),
        st.builds(
            lambda name, sign, one: f"{name}{sign}{one}",
            st.sampled_from(["sport", "dport", "port"]),
            st.sampled_from(["=", "!=", "<", ">="]),
            port,
        ),
        st.sampled_from(["family:ipv4", "family:ipv6", "cwnd>10", "srtt<100us", "mss>1000"]),
    )
    return st.recursive(
        terms,
        lambda inner: st.builds(
            _joined, st.sampled_from([" and ", " or ", " ", "not "]), st.lists(inner, min_size=1)
        ),
        max_leaves=10,
    )


def _joined(word: str, parts: list[str]) -> str:
    if word == "not ":
        return f"not ({' or '.join(parts)})"
    return f"({word.join(parts)})"
