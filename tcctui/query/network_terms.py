"""Query terms on both ends of a connection: ports, addresses and families."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tcctui.arrays import Mask, among
from tcctui.query.address_formula import (
    All,
    AnyOf,
    Bounds,
    End,
    Inside,
    Not,
    PortRange,
    Reach,
    opposite,
)
from tcctui.query.conditions import Comparable, Comparison, Piece, Term
from tcctui.query.errors import nearest
from tcctui.query.evaluation import Evaluation
from tcctui.query.quantities import compare
from tcctui.wire.addresses import ZONE, Prefix, parse_on_link, parse_prefix, zone_indexes

if TYPE_CHECKING:
    from tcctui.query.sql import Statement

_V4 = parse_prefix("0.0.0.0/0")
_FAMILIES = {"ipv4": True, "ip4": True, "inet": True, "4": True, "v4": True} | dict.fromkeys(
    ("ipv6", "ip6", "inet6", "6", "v6"), False
)


def ports(*ends: End) -> Comparable:
    """Field for the port of one end or of either; all results are precomputed in a table."""
    noun = "a port number"

    def term(asked: Comparison) -> Term:
        if asked.operator == "=":
            table = np.zeros(1 << 16, dtype=np.bool_)
            for item in asked.choices(noun):
                table |= _port_range(asked, item)
        else:
            every = np.arange(1 << 16, dtype=np.uint16)
            table = compare(every, asked.operator, _port(asked, asked.value))

        def in_sql(statement: Statement) -> str:
            found = (statement.ranges(f"{end}port", _ranges(table)) for end in ends)
            return f"({' OR '.join(found)})"

        return Term(
            frozenset(f"{end}port" for end in ends),
            lambda look: _any(look, (table.take(look[f"{end}port"]) for end in ends)),
            exactly(AnyOf(tuple(_among(end, table) for end in ends))),
            sql=in_sql,
        )

    return Comparable(noun, "443", term)


def endpoints(*ends: End) -> Comparable:
    """Field for address and port of one end (`s` or `d`, as columns begin) or of either."""
    noun = "an address"

    def term(asked: Comparison) -> Term:
        wanted = [_endpoint(asked, item) for item in asked.choices(noun)]
        used = [
            *(("addr_hi", "addr_lo") if any(one.prefix for one in wanted) else ()),
            *(("port",) if any(one.ports is not None for one in wanted) else ()),
        ]
        reached = AnyOf(tuple(_reached(end, one) for end in ends for one in wanted))
        return Term(
            frozenset(end + name for end in ends for name in used),
            lambda look: _any(look, (_at_end(look, end, one) for end in ends for one in wanted)),
            # An interface's index is known when that is looked at, in a recording later than now.
            Bounds(reached) if any(one.zone for one in wanted) else exactly(reached),
            sql=lambda statement: _in_sql(statement, ends, wanted),
        )

    return Comparable(noun, "10.0.0.0/8", term, ordered=False)


def families() -> Comparable:
    """Field for the address family as displayed: v4-mapped ones are IPv4."""

    def term(asked: Comparison) -> Term:
        wanted = set()
        for item in asked.choices("a family"):
            if item.text.lower() not in _FAMILIES:
                near = nearest(item.text, ("ipv4", "ipv6"))
                advice = f": did you mean '{near}'?" if near else "; there is ipv4, ipv6"
                raise asked.wrong(item, f"unknown family {item}{advice}", ("ipv4", "ipv6"))
            wanted.add(_FAMILIES[item.text.lower()])
        parts = tuple(Inside("s", _V4) if v4 else Not(Inside("s", _V4)) for v4 in sorted(wanted))

        def match(look: Evaluation) -> Mask:
            v4 = _at_end(look, "s", _Endpoint(_V4))
            return _any(look, (v4 if one else ~v4 for one in wanted))

        def in_sql(statement: Statement) -> str:
            v4 = statement.inside("s", _V4)
            return f"({' OR '.join(v4 if one else f'NOT {v4}' for one in sorted(wanted))})"

        needs = frozenset({"saddr_hi", "saddr_lo"})
        return Term(needs, match, exactly(AnyOf(parts)), sql=in_sql)

    return Comparable("a family", "ipv4", term, ordered=False, values=("ipv4", "ipv6"))


def exactly(formula: Reach) -> Bounds:
    """Bounds of a formula that the kernel can decide exactly."""
    return Bounds(formula, opposite(formula))


def _ranges(table: Mask) -> list[tuple[int, int]]:
    """Port ranges in a table, ends included."""
    edges = np.flatnonzero(np.diff(table, prepend=False, append=False)).tolist()
    return [(low, beyond - 1) for low, beyond in zip(edges[::2], edges[1::2], strict=True)]


def _among(end: End, table: Mask) -> Reach:
    """Port ranges in a table."""
    return AnyOf(tuple(PortRange(end, low, high) for low, high in _ranges(table)))


def _in_sql(statement: Statement, ends: Iterable[End], wanted: Iterable[_Endpoint]) -> str:
    """True of a row with any of the endpoints at any of the ends."""
    found = []
    for end in ends:
        for prefix, table, zone in wanted:
            parts = [] if prefix is None else [statement.inside(end, prefix)]
            parts += [statement.on_link(end, zone)] if zone else []
            parts += [] if table is None else [statement.ranges(f"{end}port", _ranges(table))]
            found.append(f"({' AND '.join(parts)})")
    return f"({' OR '.join(found)})"


def _reached(end: End, wanted: _Endpoint) -> Reach:
    parts: list[Reach] = [Inside(end, wanted.prefix)] if wanted.prefix is not None else []
    return All((*parts, *([_among(end, wanted.ports)] if wanted.ports is not None else [])))


def _any(look: Evaluation, masks: Iterable[Mask]) -> Mask:
    result = look.nothing()
    for mask in masks:
        result |= mask
    return result


def _port(asked: Comparison, piece: Piece) -> int:
    digits = piece.text.removeprefix(":")  # ss writes `sport = :22`
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and int(digits) < 1 << 16):
        raise asked.wrong(piece, f"{piece} is not a port number (0 to 65535)", ("a port number",))
    return int(digits)


def _port_range(asked: Comparison, piece: Piece) -> Mask:
    """Ports of `443` or `8000-8100`, as a table of 65,536 bools."""
    first, dash, last = piece.text.partition("-")
    if dash and not (first and last):
        raise asked.wrong(piece, "a range has two ends, such as 8000-8100", ("a port number",))
    low = _port(asked, Piece(first, piece.start))
    high = _port(asked, Piece(last, piece.end - len(last))) if dash else low
    if low > high:
        raise asked.wrong(piece, f"the range {piece} runs backwards; write '{high}-{low}'")
    table = np.zeros(1 << 16, dtype=np.bool_)
    table[low : high + 1] = True
    return table


_BRACKETED = re.compile(r"\[([^\]]*)\](/[0-9]+)?(?::(.*))?", re.DOTALL)


class _Endpoint(NamedTuple):
    """Prefix and port table of an end, and the interface that a link-local prefix is of, or ""."""

    prefix: Prefix | None
    ports: Mask | None = None
    zone: str = ""


def _endpoint(asked: Comparison, piece: Piece) -> _Endpoint:
    """Read `address`, `prefix`, `address:port`, `[v6]:port` or `:port`; `fe80::2%eth0`, too."""
    port: str | None
    if bracketed := _BRACKETED.fullmatch(piece.text):
        host, port = bracketed[1] + (bracketed[2] or ""), bracketed[3]
    elif piece.text.count(":") == 1:  # no IPv6 address has just one colon
        host, port = piece.text.split(":")
    else:
        host, port = piece.text, None
    if port == "":
        raise asked.wrong(piece, f"{piece} needs a port number behind its last colon")
    table = None if port is None else _port_range(asked, Piece(port, piece.end - len(port)))
    if table is not None and host in ("", "*"):
        return _Endpoint(None, table)
    try:
        prefix, zone = parse_on_link(host)
        return _Endpoint(prefix, table, zone)
    except ValueError:
        samples = (asked.example(sample) for sample in ("10.0.0.7", "10.0.0.0/8", "[::1]:443"))
        reason = "{} is not an address, such as {}, {} or {}".format(piece, *samples)
        raise asked.wrong(piece, reason, ("an address",)) from None


def _at_end(look: Evaluation, end: str, wanted: _Endpoint) -> Mask:
    mask = look.everything()
    prefix, table, zone = wanted
    if prefix is not None:
        # numpy's own type, because numpy before 2 turns large Python ints into floats here
        high, low, mask_high, mask_low = map(np.uint64, prefix.halves)
        if mask_high:
            mask &= look[f"{end}addr_hi"] & mask_high == high
        if mask_low:
            mask &= look[f"{end}addr_lo"] & mask_low == low
    if zone:
        link = look[f"{end}addr_hi"] & np.uint64(ZONE)
        mask &= among(link, np.array(zone_indexes(zone), "u8"))
    if table is not None:
        mask &= table.take(look[f"{end}port"])
    return mask
