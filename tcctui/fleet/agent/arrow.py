"""Rows as Arrow: types by a table's own, and the stream that is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from tcctui.arrays import Array
from tcctui.errors import TcctuiError
from tcctui.fleet.agent.maps import Maps
from tcctui.fleet.tables.table import COUNTS, HISTOGRAM, WORD, Stored, Table

try:
    import pyarrow as pa
except ImportError as error:
    raise TcctuiError(
        f"A fleet needs pyarrow, which can't be loaded: {error}.",
        "Install it: pip install 'tcctui[fleet]'",
    ) from error

RecordBatch: TypeAlias = Any
"""`pa.RecordBatch`."""

_WORDS = pa.dictionary(pa.int32(), pa.string())

TYPES: Mapping[str, Any] = {
    **{f"UInt{bits}": getattr(pa, f"uint{bits}")() for bits in (8, 16, 32, 64)},
    **{f"Int{bits}": getattr(pa, f"int{bits}")() for bits in (8, 16, 32, 64)},
    **{"Float32": pa.float32(), "Float64": pa.float64(), "Bool": pa.bool_()},
    "DateTime('UTC')": pa.timestamp("s", "UTC"),
    "DateTime64(3, 'UTC')": pa.timestamp("ms", "UTC"),
    "UUID": pa.string(),  # ClickHouse reads its text; 16 bytes it would turn around in halves
    "IPv6": pa.binary(16),
    "String": pa.string(),
    WORD: _WORDS,
    COUNTS: pa.map_(pa.string(), pa.uint64()),
    HISTOGRAM: pa.map_(pa.int16(), pa.uint32()),
    "Array(UInt64)": pa.list_(pa.uint64()),
}
"""Arrow's type for each of ClickHouse's that a table has."""


def schema(table: Table) -> Any:
    """Schema of a table's rows."""
    return pa.schema(
        [pa.field(column.name, TYPES[column.type], column.nullable) for column in table.columns]
    )


def batch(table: Table, columns: Mapping[str, Array | Sequence[object] | Maps]) -> RecordBatch:
    """Make rows of columns by name, in the table's order.

    Numbers are arrays, with NaN for NULL; names are arrays of bytes or lists of texts; maps are
    `Maps` or lists of dictionaries; times are whole seconds or milliseconds since 1970, as the
    column has it.

    Raises:
        KeyError: a column is missing.

    """
    arrays = [_array(column, columns[column.name]) for column in table.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema(table))


def _array(column: Stored, values: Array | Sequence[object] | Maps) -> Any:
    kind = TYPES[column.type]
    if isinstance(values, Maps):
        keys = pa.array(values.keys, kind.key_type)
        items = pa.array(values.values, kind.item_type)
        return pa.MapArray.from_arrays(pa.array(values.offsets, pa.int32()), keys, items)
    if not isinstance(values, np.ndarray):
        made = [str(one) for one in values] if column.type == "UUID" else list(values)
        if pa.types.is_map(kind):
            made = [list(one.items()) if isinstance(one, Mapping) else one for one in made]
        return (
            pa.array(made, kind.value_type).dictionary_encode()
            if kind == _WORDS
            else (pa.array(made, kind))
        )
    if values.dtype.kind == "S":
        return _texts(values)
    if values.dtype.kind == "f" and not pa.types.is_floating(kind):
        unknown = np.isnan(values)
        whole = np.where(unknown, 0, np.rint(values)).astype(_numpy(kind))
        return pa.array(whole, kind, mask=unknown)
    if values.dtype.kind == "f":
        return pa.array(values, kind, mask=np.isnan(values))
    return pa.array(values.astype(_numpy(kind)), kind)


def _numpy(kind: Any) -> Any:
    """Type of numpy that a column is made of; pyarrow's own answer imports pandas."""
    return "i8" if pa.types.is_timestamp(kind) else np.dtype(str(kind))


def _texts(values: Array) -> Any:
    """Texts of bytes, whatever they are."""
    encoded = pa.array(values).dictionary_encode()
    words = [word.decode("utf-8", "replace") for word in encoded.dictionary.to_pylist()]
    # Two that can't be decoded may be one text by now: a dictionary has each once.
    return pa.array(words, pa.string()).take(encoded.indices).dictionary_encode()


def stream(rows: RecordBatch) -> bytes:
    """Arrow IPC stream of rows, compressed with zstd as a whole."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    compressed: bytes = pa.compress(sink.getvalue(), "zstd", asbytes=True)
    return compressed
