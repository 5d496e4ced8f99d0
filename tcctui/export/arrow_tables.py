"""Tables as Parquet files, of plain types that every reader has.

This and `arrow` are all that imports pyarrow; importing them raises TcctuiError without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from tcctui.errors import TcctuiError

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    raise TcctuiError(
        f"Parquet needs pyarrow, which can't be loaded: {error}.",
        "Install it: pip install 'tcctui[record]'",
    ) from error

_TYPES = {
    "i8": pa.int64(),
    "f8": pa.float64(),
    "time": pa.timestamp("us", "UTC"),
    "text": pa.string(),
}

Part = Mapping[str, tuple[str, Any, Any]]
"""Columns by name: a kind (of `_TYPES`), and what is of it.

Numbers, and times in microseconds since 1970, are arrays, and masks of what is missing, or None.
Texts are the number of each row's text, -1 for none, and a list of texts.
"""


class ParquetTable:
    """A table that is written row group by row group to a file, which stays open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._writer: Any = None

    def write(self, parts: Sequence[Part]) -> None:
        """Write parts, one at least, as a row group."""
        tables = [_table(part) for part in parts]
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._file, tables[0].schema, compression="zstd", compression_level=3
            )
        self._writer.write_table(pa.concat_tables(tables), row_group_size=1 << 20)

    def close(self) -> None:
        """Write the file's end."""
        if self._writer is not None:
            self._writer.close()


def _table(part: Part) -> Any:
    arrays, members = [], []
    for name, (kind, values, others) in part.items():
        if kind == "text":
            words = pa.array(others, pa.string())
            column = words.take(pa.array(values, pa.int64(), mask=values < 0))
        else:
            column = pa.array(values, mask=others).cast(_TYPES[kind])
        arrays.append(column)
        members.append(pa.field(name, _TYPES[kind]))
    return pa.Table.from_arrays(arrays, schema=pa.schema(members))
