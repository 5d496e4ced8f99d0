"""The kernel's part of a query: formulas over addresses and ports alone.

Each term has a formula that is true for every flow for which the term may hold, and one for its
negation (`Bounds`): both are `EVERYTHING` for a term that the two ends of a connection cannot
decide. So a filter made of them may pass extra flows and never drops a match.

Formulas are simplified, widened until they are small enough, and written as queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, TypeAlias

from tcctui.wire.addresses import Prefix, parse_prefix

End: TypeAlias = Literal["s", "d", "sd"]
"""End of a connection: local or remote, as columns begin (`sport`, `daddr_hi`), or either one."""


@dataclass(frozen=True)
class PortRange:
    """The port of an end is one of `low` to `high`."""

    end: End
    low: int
    high: int


@dataclass(frozen=True)
class Inside:
    """The address of an end is in `prefix` (IPv4 is v4-mapped, so ::ffff:0:0/96 is all of it)."""

    end: End
    prefix: Prefix


Atom: TypeAlias = "PortRange | Inside"


@dataclass(frozen=True)
class Not:
    """Negation of an atom."""

    atom: PortRange | Inside


@dataclass(frozen=True)
class All:
    """Conjunction; empty, it is always true."""

    parts: tuple[Reach, ...]


@dataclass(frozen=True)
class AnyOf:
    """Disjunction; empty, it is always false."""

    parts: tuple[Reach, ...]


Reach: TypeAlias = "PortRange | Inside | Not | All | AnyOf"

_FEW = 32
"""Limit on parts that are compared pairwise."""

EVERYTHING = All(())
NOTHING = AnyOf(())


@dataclass(frozen=True)
class Bounds:
    """`holds` is true wherever a term may hold, `fails` wherever its negation may."""

    holds: Reach = EVERYTHING
    fails: Reach = EVERYTHING

    @property
    def opposite(self) -> Bounds:
        """Bounds of the negation."""
        return Bounds(self.fails, self.holds)

    @property
    def exact(self) -> bool:
        """True if `holds` decides the term completely: `fails` is its negation.

        Formulas are compared as written, once simplified: equivalent ones of very different form
        are not recognised.
        """
        return opposite(simplified(self.holds)) == simplified(self.fails)


def all_of(bounds: Sequence[Bounds]) -> Bounds:
    """Bounds of a conjunction."""
    return Bounds(
        All(tuple(one.holds for one in bounds)), AnyOf(tuple(one.fails for one in bounds))
    )


def any_of(bounds: Sequence[Bounds]) -> Bounds:
    """Bounds of a disjunction."""
    return all_of([one.opposite for one in bounds]).opposite


def opposite(reach: Reach) -> Reach:
    """Negation of a formula."""
    if isinstance(reach, Not):
        return reach.atom
    if isinstance(reach, (PortRange, Inside)):
        return Not(reach)
    parts = tuple(opposite(part) for part in reach.parts)
    return AnyOf(parts) if isinstance(reach, All) else All(parts)


def size(reach: Reach) -> int:
    """Largest number of tests needed to decide it: its number of atoms."""
    if isinstance(reach, (All, AnyOf)):
        return sum(map(size, reach.parts))
    return 1


def simplified(reach: Reach) -> Reach:
    """Equivalent formula with fewer atoms, in the same order.

    `simplified(opposite(reach))` is `opposite(simplified(reach))`.
    """
    if isinstance(reach, AnyOf):
        return _any_of([simplified(part) for part in reach.parts])
    if isinstance(reach, (All, Not)):
        return opposite(simplified(opposite(reach)))
    if isinstance(reach, PortRange):
        if reach.low > reach.high:
            return NOTHING
        return EVERYTHING if reach.low <= 0 and reach.high >= 0xFFFF else reach
    return reach if reach.prefix.mask else EVERYTHING


def _any_of(parts: Sequence[Reach]) -> Reach:
    flat = [
        inner for part in parts for inner in (part.parts if isinstance(part, AnyOf) else (part,))
    ]
    atoms = [part for part in flat if isinstance(part, (PortRange, Inside))]
    merged = [simplified(atom) for atom in _merged(atoms)]  # joined, they may be all there are
    found: dict[Reach, None] = dict.fromkeys(
        part for part in flat if not isinstance(part, (PortRange, Inside))
    )
    if atoms:
        place = len(dict.fromkeys(flat[: flat.index(atoms[0])]))
        before = list(found)
        found = dict.fromkeys([*before[:place], *merged, *before[place:]])
    if EVERYTHING in found or any(opposite(part) in found for part in merged):
        return EVERYTHING
    kept = list(found)
    if len(kept) <= _FEW:
        for part in found:
            if any(other is not part and implies(part, other) for other in kept):
                kept.remove(part)
    return kept[0] if len(kept) == 1 else AnyOf(tuple(kept))


def implies(one: Reach, other: Reach) -> bool:
    """True if `other` obviously follows from `one`."""
    for kind, quantified in ((AnyOf, all), (All, any)):
        # A conjunction on the right is split before one on the left: more cases are recognised.
        if isinstance(other, All) and kind is All:
            return all(implies(one, part) for part in other.parts)
        if isinstance(one, kind):
            return quantified(implies(part, other) for part in one.parts)
    if isinstance(other, AnyOf):
        return any(implies(one, part) for part in other.parts)
    if isinstance(one, Not) or isinstance(other, Not):
        return isinstance(one, Not) and isinstance(other, Not) and implies(other.atom, one.atom)
    return _is_in(one, other)


def _is_in(one: Reach, other: Reach) -> bool:
    if isinstance(one, PortRange) and isinstance(other, PortRange):
        return one.end in other.end and other.low <= one.low and one.high <= other.high
    if isinstance(one, Inside) and isinstance(other, Inside):
        address, mask = other.prefix
        inside = one.prefix.mask & mask == mask and one.prefix.address & mask == address
        return one.end in other.end and inside
    return False


def _merged(atoms: Sequence[Atom]) -> list[Atom]:
    """Disjunction of atoms with as few of them as possible; ports come before addresses."""
    ranges: dict[str, list[PortRange]] = {}
    blocks: dict[str, list[Inside]] = {}
    for end in ("s", "d"):
        here = [replace(atom, end=end) for atom in atoms if end in atom.end]
        ranges[end] = _joined(atom for atom in here if isinstance(atom, PortRange))
        blocks[end] = _outermost(atom for atom in here if isinstance(atom, Inside))
    return [*_paired(ranges["s"], ranges["d"]), *_paired(blocks["s"], blocks["d"])]


def _paired(local: Sequence[Atom], remote: Sequence[Atom]) -> list[Atom]:
    """Join atoms that both ends share into atoms of either end."""
    either = [replace(atom, end="sd") for atom in local if replace(atom, end="d") in remote]
    both = {replace(atom, end=end) for atom in either for end in ("s", "d")}
    return [*either, *(atom for atom in (*local, *remote) if atom not in both)]


def _joined(ranges: Iterable[PortRange]) -> list[PortRange]:
    """Join ranges of one end that overlap or touch."""
    joined: list[PortRange] = []
    for one in sorted(ranges, key=lambda one: one.low):
        if joined and one.low <= joined[-1].high + 1:
            joined[-1] = replace(joined[-1], high=max(one.high, joined[-1].high))
        else:
            joined.append(one)
    return joined


def _outermost(blocks: Iterable[Inside]) -> list[Inside]:
    """Drop blocks of one end that are inside others."""
    kept: list[Inside] = []
    for one in sorted(blocks, key=lambda one: (one.prefix.address, one.prefix.mask)):
        # By address, what is in a block follows it at once, and the wider one comes first.
        if not kept or one.prefix.address & kept[-1].prefix.mask != kept[-1].prefix.address:
            kept.append(one)
    return kept


# Widening: each formula follows from the one before


def fitted(reach: Reach, most: int) -> Reach:
    """Simplify a formula, and widen it greedily until it has at most `most` atoms."""
    reach = simplified(reach)
    if size(reach) <= most:
        return reach
    if isinstance(reach, All):
        return simplified(_fewer(reach.parts, most))
    if isinstance(reach, AnyOf):
        return fitted(_coarser(reach.parts, size(reach) - most), most) if most else EVERYTHING
    return EVERYTHING


def _fewer(parts: Sequence[Reach], most: int) -> Reach:
    """Drop the largest parts of a conjunction until it fits."""
    kept: dict[int, Reach] = {}
    for at in sorted(range(len(parts)), key=lambda at: size(parts[at])):
        kept[at] = fitted(parts[at], most)
        most -= size(kept[at])
    return All(tuple(kept[at] for at in range(len(parts))))


def _coarser(parts: Sequence[Reach], excess: int) -> Reach:
    """Remove `excess` atoms from a disjunction, or give everything if that fails."""
    atoms = [part for part in parts if isinstance(part, (PortRange, Inside))]
    others = [part for part in parts if not isinstance(part, (PortRange, Inside))]
    fewer = _covered(atoms, len(atoms) - excess)
    if len(fewer) < len(atoms):
        return AnyOf((*fewer, *others))
    rooms: dict[Reach, int] = {}
    for part in sorted(others, key=size, reverse=True):
        rooms[part] = max(1, size(part) - excess)
        excess -= size(part) - rooms[part]
    if excess and all(size(part) <= 1 for part in others):
        return EVERYTHING
    return AnyOf((*atoms, *(fitted(part, rooms[part]) for part in others)))


def _covered(atoms: Sequence[Atom], most: int) -> list[Atom]:
    """Cover ranges and blocks by fewer, but by one of each kind and end at least."""
    groups: dict[tuple[type, str], list[Atom]] = {}
    for atom in atoms:
        groups.setdefault((type(atom), atom.end), []).append(atom)
    costs: list[tuple[list[Atom], list[int]]] = []
    for group in groups.values():
        group.sort(key=lambda one: one.low if isinstance(one, PortRange) else one.prefix.address)
        costs.append((group, [_added(*pair) for pair in pairwise(group)]))
    left = len(atoms)
    while left > max(1, most):
        joinable = [(min(added), place) for place, (_, added) in enumerate(costs) if added]
        if not joinable:
            break
        least, place = min(joinable)
        group, added = costs[place]
        at = added.index(least)
        group[at : at + 2] = [_cover(group[at], group[at + 1])]
        del added[at]
        for beside in (at - 1, at):
            if 0 <= beside < len(added):
                added[beside] = _added(group[beside], group[beside + 1])
        left -= 1
    return [atom for group in groups.values() for atom in group]


def _cover(one: Atom, other: Atom) -> Atom:
    """Smallest atom that covers two atoms of the same kind and end."""
    if isinstance(one, PortRange) and isinstance(other, PortRange):
        return replace(one, low=min(one.low, other.low), high=max(one.high, other.high))
    assert isinstance(one, Inside)
    assert isinstance(other, Inside)
    differing = one.prefix.address ^ other.prefix.address
    mask = one.prefix.mask & other.prefix.mask & (-1 << differing.bit_length())
    return replace(one, prefix=Prefix(one.prefix.address & mask, mask))


def _added(one: Atom, other: Atom) -> int:
    """Number of ports or addresses that their cover adds."""
    return _count(_cover(one, other)) - _count(one) - _count(other)


def _count(atom: Atom) -> int:
    if isinstance(atom, PortRange):
        return atom.high - atom.low + 1
    return (1 << 128) - atom.prefix.mask


# Formulas as queries


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
