"""Formulas widened until they are small enough: each follows from the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from tcctui.query.address_formula import (
    EVERYTHING,
    All,
    AnyOf,
    Atom,
    Inside,
    PortRange,
    Reach,
    simplified,
    size,
)
from tcctui.wire.addresses import Prefix


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
