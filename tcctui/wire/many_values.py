"""Many fields of samples at once: a fixed number of steps, however many fields."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from tcctui.arrays import U64, Array, Indexes
from tcctui.wire.samples import (
    BITS,
    OWNER_NUMBERS,
    SAMPLE,
    TEXT_FIELDS,
    Check,
    Samples,
    checks,
    never_told,
)


class _Type(NamedTuple):
    """The fields of one type, and where they are among a sample's numbers of that type.

    `ends`: bytes of `struct tcp_info` that a field needs; 0 outside of it. `bits`: its bit in
    `also_known`. `unknown`: the fields, by their place in `names`, that have a number for no value,
    and these numbers.
    """

    kind: np.dtype[Any]
    names: tuple[str, ...]
    places: Indexes
    ends: Indexes
    bits: U64
    unknown: tuple[Indexes, Array]


def values(samples: Samples, names: frozenset[str]) -> dict[str, Array]:
    """Fields of samples, of dtype `SAMPLE`, by name; each as `samples.value` gives it.

    Where a sample is all zero, which is none, no number is known.
    """
    found: dict[str, Array] = {name: samples[name] for name in names & TEXT_FIELDS}
    types, conditions = _reading(names - TEXT_FIELDS)
    samples = np.ascontiguousarray(samples)
    also = samples["also_known"]
    some_also = np.count_nonzero(also) > 0
    for kind, of_kind, places, ends, bits, (at, unknown) in types:
        raw = samples.view(kind).reshape(len(samples), SAMPLE.itemsize // kind.itemsize)[:, places]
        numbers = raw.astype("f8")
        beyond = samples["info_len"][:, None] < ends
        if some_also:
            beyond &= also[:, None] & bits == 0
        numbers[beyond] = np.nan
        if len(at):
            numbers[:, at] = np.where(raw[:, at] == unknown, np.nan, numbers[:, at])
        found |= zip(of_kind, numbers.T, strict=True)
    for check, checked in conditions:
        missing = check.compare(samples[check.field], check.number)
        if np.count_nonzero(missing):
            for name in checked:
                found[name][missing] = np.nan
    for name in names & OWNER_NUMBERS:
        found[name][never_told(samples, name)] = np.nan
    return found


@lru_cache(64)
def _reading(names: frozenset[str]) -> tuple[list[_Type], list[tuple[Check, tuple[str, ...]]]]:
    by_kind: dict[np.dtype[Any], list[str]] = {}
    for name in sorted(names):
        by_kind.setdefault(SAMPLE[name], []).append(name)
    return [_type(kind, of) for kind, of in by_kind.items()], _conditions(names)


def _type(kind: np.dtype[Any], names: list[str]) -> _Type:
    offsets = [_offset(name) for name in names]
    assert not any(offset % kind.itemsize for offset in offsets)
    needed = [_own(name, "info_len") for name in names]
    numbers = {
        at: number for at, name in enumerate(names) if (number := _own(name, name)) is not None
    }
    return _Type(
        kind,
        tuple(names),
        np.array(offsets) // kind.itemsize,
        np.array([end or 0 for end in needed]),
        np.array([BITS.get(name, 0) for name in names], "u8"),
        (np.array([*numbers], np.intp), np.array([*numbers.values()], kind)),
    )


def _own(name: str, field: str) -> int | None:
    """Give the number that a field's check compares with `field`, if it has one."""
    return next((check.number for check in checks(name) if check.field == field), None)


def _offset(name: str) -> int:
    fields: Mapping[str, Any] = SAMPLE.fields or {}
    offset: int = fields[name][1]
    return offset


def _conditions(names: frozenset[str]) -> list[tuple[Check, tuple[str, ...]]]:
    """Checks of other fields, and what each is for; without a sample nothing is known."""
    found: dict[Check, list[str]] = {
        Check("sock_cookie", np.equal, 0): sorted(names - OWNER_NUMBERS)
    }
    for name in sorted(names):
        for check in checks(name):
            if check.field not in (name, "info_len"):
                found.setdefault(check, []).append(name)
    return [(check, tuple(of)) for check, of in found.items()]
