"""Columns of a table as any format can take them: signed whole numbers, floats, texts, times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tcctui.wire.addresses import format_address

Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Numbers:
    """Whole numbers (int64) or floats (float64), shape (n,); of `missing`, where given, none."""

    values: npt.NDArray[Any]
    missing: Mask | None = None


@dataclass(frozen=True, eq=False)
class Times:
    """Nanoseconds since 1970, UTC, shape (n,)."""

    values: npt.NDArray[np.int64]
    missing: Mask | None = None


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts that many rows share: the number of each row's one in `words`, -1 where it has none."""

    codes: npt.NDArray[np.int64]
    words: list[str]


Column = Numbers | Times | Texts
Table = Mapping[str, Column]
"""Columns of the same length, by name. All tables of a file have the same names and types."""


def whole(values: npt.NDArray[Any], missing: Mask | None = None) -> Numbers:
    """Make a column of whole numbers; signed ones, since not every reader has others.

    What is 2⁶³ or more, which no kernel counts to, is missing.
    """
    if values.dtype.kind == "f":
        unknown = np.isnan(values)
        missing = unknown if missing is None else missing | unknown
        values = np.where(missing, 0, values)
        missing |= np.abs(values) >= 2.0**63
        values = np.where(missing, 0, values)
    elif values.dtype == np.dtype("u8") and len(values) and int(values.max()) >> 63:
        huge = values >> np.uint64(63) > 0
        missing = huge if missing is None else missing | huge
    return Numbers(values.astype("i8"), missing)


def floats(values: npt.NDArray[np.float64]) -> Numbers:
    """Make a column of floats, NaN being missing."""
    return Numbers(values, np.isnan(values))


def named(numbers: npt.NDArray[Any], names: Mapping[int, str]) -> Texts:
    """Make texts of numbers that have names; those that have none are texts of digits."""
    kinds, codes = np.unique(numbers, return_inverse=True)
    return Texts(codes.astype("i8"), [names.get(kind, str(kind)) for kind in kinds.tolist()])


def texts(values: npt.NDArray[np.bytes_]) -> Texts:
    """Make texts of bytes, whatever they are; empty ones are missing."""
    words, codes = np.unique(values, return_inverse=True)
    column = Texts(codes.astype("i8"), [word.decode("utf-8", "replace") for word in words.tolist()])
    return without(column, values == b"")


def addresses(halves: npt.NDArray[Any]) -> Texts:
    """Make texts of addresses, shape (n, 2): two 64-bit halves each."""
    pairs = np.ascontiguousarray(halves, ">u8").view("V16").ravel()
    unique, codes = np.unique(pairs, return_inverse=True)
    ends = unique.view(">u8").reshape(-1, 2).tolist()
    return Texts(codes.astype("i8"), [format_address(high, low) for high, low in ends])


def without(column: Texts, missing: Mask) -> Texts:
    """Take the texts of some rows away."""
    return Texts(np.where(missing, -1, column.codes), column.words)


def picked(table: Table, rows: npt.NDArray[Any]) -> Table:
    """Choose rows, by a mask or by their places."""
    chosen: dict[str, Column] = {}
    for name, column in table.items():
        if isinstance(column, Texts):
            chosen[name] = Texts(column.codes[rows], column.words)
        else:
            missing = None if column.missing is None else column.missing[rows]
            chosen[name] = type(column)(column.values[rows], missing)
    return chosen


def length(table: Table) -> int:
    """Say how many rows a table has."""
    column = next(iter(table.values()))
    return len(column.codes if isinstance(column, Texts) else column.values)


def cells(column: Column) -> Iterable[Any]:
    """Give the values of a column as Python has them; None is missing. Times are numbers."""
    if isinstance(column, Texts):
        words = [*column.words, None]  # -1 is the last
        return [words[code] for code in column.codes.tolist()]
    values = column.values.tolist()
    if column.missing is None or not column.missing.any():
        return values
    for place in np.flatnonzero(column.missing).tolist():
        values[place] = None
    return values
