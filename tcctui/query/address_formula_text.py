"""Formulas over addresses and ports in the words of the query language."""

from __future__ import annotations

from collections.abc import Sequence

from tcctui.query.address_formula import All, AnyOf, Atom, Inside, Not, PortRange, Reach, opposite
from tcctui.wire.addresses import parse_prefix

_PORTS = {"s": "sport", "d": "dport", "sd": "port"}
_ADDRESSES = {"s": "src", "d": "dst", "sd": "ip"}

_IPV4 = Inside("s", parse_prefix("0.0.0.0/0"))
_FAMILIES: dict[Reach, str] = {_IPV4: "family:ipv4", Not(_IPV4): "family:ipv6"}


def words(reach: Reach) -> str:
    """Write a formula as an equivalent query; empty if it is always true.

    One that is never true is `not port:0-65535`: the language has no word for it.
    """
    if isinstance(reach, All):
        return " and ".join(_operands(reach))
    if isinstance(reach, AnyOf):
        return " or ".join(_operands(reach)) or "not port:0-65535"
    if reach in _FAMILIES:
        return _FAMILIES[reach]
    if isinstance(reach, Not):
        return f"not {words(reach.atom)}"
    return f"{_field(reach)}:{_value(reach)}"


def _operands(reach: All | AnyOf) -> list[str]:
    """Write the parts; atoms of one field (in a conjunction, those that do not hold) as a list."""
    lists: dict[str, list[str]] = {}
    told: list[str | list[str]] = []
    negated = "not " if isinstance(reach, All) else ""
    for part in reach.parts:
        atom = opposite(part) if negated else part
        if part not in _FAMILIES and isinstance(atom, (PortRange, Inside)):
            field = f"{negated}{_field(atom)}"
            if field not in lists:
                lists[field] = [field]
                told.append(lists[field])
            lists[field].append(_value(atom))
        elif isinstance(part, (All, AnyOf)):
            inner = _operands(part)
            told.append(f"({words(part)})" if len(inner) > 1 else words(part))
        else:
            told.append(words(part))
    return [one if isinstance(one, str) else _listed(one) for one in told]


def _listed(field_and_values: Sequence[str]) -> str:
    field, *values = field_and_values
    return f"{field}:{','.join(values)}"


def _field(atom: Atom) -> str:
    return (_PORTS if isinstance(atom, PortRange) else _ADDRESSES)[atom.end]


def _value(atom: Atom) -> str:
    if isinstance(atom, Inside):
        return str(atom.prefix)
    return f"{atom.low}-{atom.high}" if atom.low < atom.high else str(atom.low)
