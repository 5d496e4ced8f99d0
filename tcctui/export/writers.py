"""Tables as files: Parquet, CSV, or a JSON object on each line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import BinaryIO, Protocol

import numpy as np

from tcctui.export.arrays import Column, Table, Texts, Times, cells, length


class Writer(Protocol):
    """Takes the parts of one table, one after the other."""

    def write(self, table: Table) -> None:
        """Write a part; the first one, which may be empty, says what columns there are."""

    def close(self) -> None:
        """Write what is left; the file stays open."""


class JsonLines:
    """One JSON object for each row: numbers, texts, null where there is nothing.

    Times are ISO 8601 in UTC with microseconds.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, table: Table) -> None:
        """Write a part."""
        row = "{" + ", ".join(f"{json.dumps(name)}: %s" for name in table) + "}\n"
        columns = [_json(column) for column in table.values()]
        self._file.write("".join([row % row_of for row_of in zip(*columns, strict=True)]).encode())

    def close(self) -> None:
        """Nothing is left."""


class Csv:
    """A line of names, then one for each row; nothing between the commas where there is nothing.

    Texts are as they were found. They stand in quotation marks where they must (RFC 4180), and
    where they have control characters; times are as in `JsonLines`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._begun = False

    def write(self, table: Table) -> None:
        """Write a part."""
        if not self._begun:
            self._begun = True
            self._file.write((",".join(table) + "\n").encode())
        columns = [_csv(column) for column in table.values()]
        text = "".join([",".join(row) + "\n" for row in zip(*columns, strict=True)])
        self._file.write(text.encode())

    def close(self) -> None:
        """Nothing is left."""


_ROWS = 1 << 18  # of a row group


class Parquet:
    """Parquet with zstd, in row groups of a quarter of a million rows."""

    def __init__(self, file: BinaryIO) -> None:
        from tcctui.export.arrow_tables import ParquetTable  # noqa: PLC0415 - pyarrow

        self._open = ParquetTable
        self._file = file
        self._parts: list[Table] = []
        self._rows = 0
        self._table: ParquetTable | None = None

    def write(self, table: Table) -> None:
        """Write a part, when a row group is full."""
        self._parts.append(table)
        self._rows += length(table)
        if self._rows >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._table is None:
            self._table = self._open(self._file)
        self._table.write([_plain(part) for part in self._parts])
        self._parts, self._rows = [], 0

    def close(self) -> None:
        """Write the last row group, and what tells where they are."""
        if self._parts or self._table is None:
            self._flush()
        assert self._table is not None
        self._table.close()
        self._table = None


def _plain(table: Table) -> dict[str, tuple[str, object, object]]:
    """Say a table in numpy's terms: of each column its kind, its values, and what is missing."""
    plain: dict[str, tuple[str, object, object]] = {}
    for name, column in table.items():
        if isinstance(column, Texts):
            plain[name] = ("text", column.codes, column.words)
        elif isinstance(column, Times):
            plain[name] = ("time", column.values // 1000, column.missing)
        else:
            plain[name] = (column.values.dtype.str[1:], column.values, column.missing)
    return plain


WRITERS: Mapping[str, Callable[[BinaryIO], Writer]] = MappingProxyType(
    {".parquet": Parquet, ".csv": Csv, ".jsonl": JsonLines}
)
"""By the file name's ending."""


def _moments(column: Times) -> list[str]:
    values = column.values if column.missing is None else np.where(column.missing, 0, column.values)
    made = np.datetime_as_string(values.astype("M8[ns]").astype("M8[us]"), timezone="UTC")
    return [str(text) for text in made.tolist()]


def _json(column: Column) -> list[str]:
    if isinstance(column, Texts):
        words = [*map(json.dumps, column.words), "null"]  # -1 is the last
        return [words[code] for code in column.codes.tolist()]
    if isinstance(column, Times):
        made = [f'"{text}"' for text in _moments(column)]
    else:
        made = list(map(repr, column.values.tolist()))
    return _with_gaps(made, column.missing, "null")


def _csv(column: Column) -> list[str]:
    if isinstance(column, Texts):
        words = [*map(_quoted, column.words), ""]
        return [words[code] for code in column.codes.tolist()]
    if isinstance(column, Times):
        made = _moments(column)
    else:
        made = list(map(repr, column.values.tolist()))
    return _with_gaps(made, column.missing, "")


def _with_gaps(made: list[str], missing: object, gap: str) -> list[str]:
    if isinstance(missing, np.ndarray) and missing.any():
        for place in np.flatnonzero(missing).tolist():
            made[place] = gap
    return made


def _quoted(text: str) -> str:
    if not text.isprintable() or "," in text or '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return text


__all__ = ["WRITERS", "Csv", "JsonLines", "Parquet", "Writer", "cells"]
