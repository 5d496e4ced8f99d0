"""Arrow streams of many agents as one, or as few as there are kinds of columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from tcctui.fleet.collector.engine_error import EngineError

_INCORRECT_DATA = 117


def merged(files: Sequence[Path]) -> list[bytes]:
    """Merge streams of the same columns, in order; each is compressed with zstd as a whole.

    Agents of an older tcctui have fewer columns: theirs are a stream of their own. The same files
    always give the same streams in the same order.

    Raises:
        EngineError: one of them is no Arrow stream.
        OSError: one of them can't be read.

    """
    kinds: dict[str, list[pa.Table]] = {}
    for file in files:
        table = _read(file)
        kinds.setdefault(table.schema.to_string(), []).append(table)
    return [_stream(pa.concat_tables(tables)) for tables in kinds.values()]


def _read(file: Path) -> pa.Table:
    try:
        with pa.OSFile(str(file)) as source, pa.ipc.open_stream(source) as stream:
            return stream.read_all()
    except pa.ArrowException as error:
        raise EngineError(_INCORRECT_DATA, f"Cannot read an Arrow stream: {error}") from error


def _stream(table: pa.Table) -> bytes:
    """Write one batch of rows: each column of words has one dictionary."""
    whole = table.unify_dictionaries().combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole)
    compressed: bytes = pa.compress(sink.getvalue(), "zstd", asbytes=True)
    return compressed
