"""Tables of plain types that every reader has, and their files: Parquet, CSV, JSON lines.

This and `arrow` are all that imports pyarrow; importing them raises TcctuiError without it.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from tcctui.arrays import I64, Array, Floats, Indexes, Mask
from tcctui.errors import TcctuiError
from tcctui.recording.redaction import Redaction
from tcctui.wire.addresses import format_address

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv
    import pyarrow.parquet as pq
except ImportError as error:
    raise TcctuiError(
        f"Exports need pyarrow, which can't be loaded: {error}.",
        "Install it: pip install 'tcctui[record]'",
    ) from error


Column: TypeAlias = Any
"""`pa.Array` of int64, float64, timestamp[us, UTC] or string; null is missing."""

Table: TypeAlias = Any
"""`pa.Table`. All parts of a file have the same names and types."""

_MOMENT = pa.timestamp("us", "UTC")


def table(columns: Mapping[str, Column]) -> Table:
    """Make a table of columns of one length."""
    return pa.table(dict(columns))


def whole(values: Array, missing: Mask | None = None) -> Column:
    """Make a column of whole numbers; signed ones, since not every reader has others.

    NaN, and 2⁶³ or more, which no kernel counts to, are missing.
    """
    unknown = np.zeros(len(values), np.bool_) if missing is None else missing
    if values.dtype.kind == "f":
        unknown = unknown | ~(np.abs(values) < 2.0**63)
    elif values.dtype == np.dtype("u8"):
        unknown = unknown | (values >> np.uint64(63) > 0)
    return pa.array(np.where(unknown, 0, values).astype("i8"), mask=unknown)


def floats(values: Floats) -> Column:
    """Make a column of floats, NaN being missing."""
    return pa.array(values, mask=np.isnan(values))


def times(values: I64, missing: Mask | None = None) -> Column:
    """Make a column of moments, of nanoseconds since 1970, UTC."""
    return pa.array(values // 1000, mask=missing).cast(_MOMENT)


def named(numbers: Array, names: Mapping[int, str]) -> Column:
    """Make texts of numbers that have names; those that have none are texts of digits."""
    kinds, codes = np.unique(numbers, return_inverse=True)
    return _shared([names.get(kind, str(kind)) for kind in kinds.tolist()], codes)


def texts(values: npt.NDArray[np.bytes_]) -> Column:
    """Make texts of bytes, whatever they are; empty ones are missing."""
    words, codes = np.unique(values, return_inverse=True)
    return _shared([word.decode("utf-8", "replace") or None for word in words.tolist()], codes)


def addresses(halves: Array) -> Column:
    """Make texts of addresses, shape (n, 2): two 64-bit halves each."""
    pairs = np.ascontiguousarray(halves, ">u8").view("V16").ravel()
    unique, codes = np.unique(pairs, return_inverse=True)
    ends = unique.view(">u8").reshape(-1, 2).tolist()
    return _shared([format_address(high, low) for high, low in ends], codes)


def _shared(words: list[Any], codes: Indexes) -> Column:
    return pa.array(words, pa.string()).take(pa.array(codes))


def without(column: Column, missing: Mask) -> Column:
    """Take the values of some rows away."""
    return pc.if_else(missing, None, column)


def redacted(table: Table, redaction: Redaction) -> Table:
    """Replace the addresses and names of a table of flows."""

    def address(text: str) -> str:
        parsed = ipaddress.ip_address(text)
        number = int(parsed) | (0xFFFF << 32 if parsed.version == 4 else 0)
        return format_address(*redaction.address(number >> 64, number & (1 << 64) - 1))

    def name(kind: str) -> Callable[[str], str]:
        return lambda text: redaction.name(kind, text.encode()).decode()

    names = {kind: name(kind) for kind in ("netns_name", "cgroup")}
    for title, change in {"saddr": address, "daddr": address, **names}.items():
        column = table.column(title).combine_chunks().dictionary_encode()
        words = [text if text is None else change(text) for text in column.dictionary.to_pylist()]
        changed = pa.array(words, pa.string()).take(column.indices)
        table = table.set_column(table.schema.get_field_index(title), title, changed)
    return table


class Writer(Protocol):
    """Takes the parts of one table, one after the other; the first one may be empty."""

    def write_table(self, table: Table, /) -> None:
        """Write a part."""

    def close(self) -> None:
        """Write what is left; the file stays open."""


class _Parquet:
    """Parquet with zstd, in row groups of a quarter of a million rows."""

    def __init__(self, file: BinaryIO, schema: Any) -> None:
        self._writer = pq.ParquetWriter(file, schema, compression="zstd", compression_level=3)
        self._parts: list[Table] = []
        self._rows = 0

    def write_table(self, table: Table) -> None:
        """Write what has come, when a row group is full."""
        self._parts.append(table)
        self._rows += table.num_rows
        if self._rows >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(pa.concat_tables(self._parts), row_group_size=1 << 20)
        self._parts, self._rows = [], 0

    def close(self) -> None:
        """Write the last row group, and what tells where they are."""
        if self._parts:
            self._flush()
        self._writer.close()


_ROWS = 1 << 18  # of a row group


class _Csv:
    """A line of names, then one for each row; nothing between the commas where there is nothing.

    Texts are as they were found, in quotation marks (RFC 4180), and so are times.
    """

    def __init__(self, file: BinaryIO, schema: Any) -> None:
        file.write((",".join(schema.names) + "\n").encode())  # pyarrow quotes them
        options = pyarrow.csv.WriteOptions(include_header=False)
        schema = _with_iso_times(schema.empty_table()).schema
        self._writer = pyarrow.csv.CSVWriter(file, schema, write_options=options)

    def write_table(self, table: Table) -> None:
        """Write a part."""
        self._writer.write_table(_with_iso_times(table))

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


class _JsonLines:
    """One JSON object for each row: numbers, texts, null where there is nothing."""

    def __init__(self, file: BinaryIO, _: Any) -> None:
        self._file = file

    def write_table(self, table: Table) -> None:
        """Write a part."""
        lines = [json.dumps(row) + "\n" for row in _with_iso_times(table).to_pylist()]
        self._file.write("".join(lines).encode())

    def close(self) -> None:
        """Nothing is left."""


def _with_iso_times(table: Table) -> Table:
    """Write times as texts: ISO 8601 in UTC, with microseconds."""
    for place, field in enumerate(table.schema):
        if field.type == _MOMENT:
            # Without a zone: to write one, pyarrow looks for the system's list of all of them.
            plain = table.column(place).cast(pa.timestamp("us")).cast(pa.string())
            moments = pc.binary_join_element_wise(pc.replace_substring(plain, " ", "T"), "Z", "")
            table = table.set_column(place, field.name, moments)
    return table


WRITERS: Mapping[str, Callable[[BinaryIO, Any], Writer]] = {
    ".parquet": _Parquet,
    ".csv": _Csv,
    ".jsonl": _JsonLines,
}
"""By the file name's ending (`command.TABLE_ENDINGS`); given the file and the first schema."""
