"""Many fields of samples at once: a fixed number of steps, however many fields."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from tcctui.arrays import Array, Indexes
from tcctui.fields.every_field import BY_RECORDED
from tcctui.wire.samples import CC_FIELDS, SAMPLE, SKMEM_FIELDS, TCP_INFO, TEXT_FIELDS, Samples


class _Type(NamedTuple):
    """The fields of one type, and where they are among a sample's numbers of that type.

    `ends`: bytes of `struct tcp_info` that a field needs; 0 outside of it. `unknown`: the fields,
    by their place in `names`, that have a number for no value, and these numbers.
    """

    kind: np.dtype[Any]
    names: tuple[str, ...]
    places: Indexes
    ends: Indexes
    unknown: tuple[Indexes, Array]


class _Condition(NamedTuple):
    """Fields with a value only where another is `equal` to a number, or only where it is not."""

    field: str
    number: int
    equal: bool
    names: tuple[str, ...]


def values(samples: Samples, names: frozenset[str]) -> dict[str, Array]:
    """Fields of samples, of dtype `SAMPLE`, by name; each as `samples.value` gives it."""
    found: dict[str, Array] = {name: samples[name] for name in names & TEXT_FIELDS}
    types, conditions = _reading(names - TEXT_FIELDS)
    samples = np.ascontiguousarray(samples)
    for kind, of_kind, places, ends, (at, unknown) in types:
        raw = samples.view(kind).reshape(len(samples), SAMPLE.itemsize // kind.itemsize)[:, places]
        numbers = raw.astype("f8")
        numbers[samples["info_len"][:, None] < ends] = np.nan
        if len(at):
            numbers[:, at] = np.where(raw[:, at] == unknown, np.nan, numbers[:, at])
        found |= zip(of_kind, numbers.T, strict=True)
    for field, number, equal, of in conditions:
        absent = (samples[field] == number) != equal
        if absent.any():
            for name in of:
                found[name][absent] = np.nan
    return found


@lru_cache(64)
def _reading(names: frozenset[str]) -> tuple[list[_Type], list[_Condition]]:
    by_kind: dict[np.dtype[Any], list[str]] = {}
    for name in sorted(names):
        by_kind.setdefault(SAMPLE[name], []).append(name)
    return [_type(kind, of) for kind, of in by_kind.items()], _conditions(names)


def _type(kind: np.dtype[Any], names: list[str]) -> _Type:
    offsets = [_offset(name) for name in names]
    assert not any(offset % kind.itemsize for offset in offsets)
    ends = [TCP_INFO[name][1] + kind.itemsize if name in TCP_INFO else 0 for name in names]
    told = {at: BY_RECORDED[name].unknown for at, name in enumerate(names)}
    unknown = {at: number for at, number in told.items() if number is not None}
    return _Type(
        kind,
        tuple(names),
        np.array(offsets) // kind.itemsize,
        np.array(ends),
        (np.array([*unknown], np.intp), np.array([*unknown.values()], kind)),
    )


def _offset(name: str) -> int:
    fields: Mapping[str, Any] = SAMPLE.fields or {}
    offset: int = fields[name][1]
    return offset


def _conditions(names: frozenset[str]) -> list[_Condition]:
    found: dict[tuple[str, int, bool], list[str]] = {("sock_cookie", 0, False): sorted(names)}
    for name in sorted(names):
        if name in CC_FIELDS:
            found.setdefault(("cc_info", int(CC_FIELDS[name]), True), []).append(name)
        if name in SKMEM_FIELDS:
            found.setdefault(("has_skmem", 0, False), []).append(name)
        if happened := BY_RECORDED[name].happened:
            found.setdefault((happened, 0, False), []).append(name)
    return [_Condition(*key, tuple(of)) for key, of in found.items()]
