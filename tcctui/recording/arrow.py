"""Chunks as Arrow record batches, and back: the format of recordings.

An IPC stream of one schema, one row to a batch and one batch to a chunk, compressed with zstd:

- `begin_ns`, `end_ns`: nanoseconds, CLOCK_MONOTONIC; `lost`, `skipped`: counts since the start;
- `events`: list of structs with the fields of `events.EVENT`, `samples`: likewise of
  `samples.SAMPLE`, each sorted by `sock_cookie`. Addresses are 16 bytes, texts are binary. The six
  extremes are null in events that stand for one ACK: they equal the event's own values;
- in recordings with `Origin.inside`, `sockets` and `algorithms`: likewise with the fields of
  `inside.INSIDE` and `inside.ALGORITHM`, read beside an event of the same time, and `acks`, with
  those of `inside.ACK`;
- `keyframe`: `keyframe.Keyframe` as bytes, null in most batches; private to tcctui.

The schema's metadata has the fields of `timeline.Origin` and `tcctui_format`, which is raised when
the meaning of existing data changes; new columns don't raise it. Fields have their unit and kernel
source. A batch's own metadata has, under `tcctui`, its summary for finding it without reading it:
see `ipc_frames.Note`.

Only this and `arrow_tables` import pyarrow; importing them raises TcctuiError where it is missing.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from tcctui.arrays import Array, Records, distinct
from tcctui.errors import TcctuiError
from tcctui.recording.chunks import NO_EVENTS, Chunk
from tcctui.recording.field_metadata import (
    ACK_FIELDS,
    ALGORITHM_FIELDS,
    EVENT_FIELDS,
    INSIDE_FIELDS,
    SAMPLE_FIELDS,
    UNNAMED_FIELDS,
)
from tcctui.recording.ipc_frames import NOTE, PREFIX, Note, metadata_length
from tcctui.recording.timeline import Origin
from tcctui.wire import private_layout
from tcctui.wire.events import EVENT, Events
from tcctui.wire.inside import ACK, ALGORITHM, INSIDE
from tcctui.wire.samples import NO_SAMPLES, SAMPLE, Samples

try:
    import pyarrow as pa
    import pyarrow.ipc
except ImportError as error:
    raise TcctuiError(
        f"Recordings need pyarrow, which can't be loaded: {error}.",
        "Install it: pip install 'tcctui[record]'",
    ) from error

FORMAT = 1
"""Version of the format; a file with a higher one is refused."""

__all__ = [
    "EXTREMES",
    "FORMAT",
    "SCHEMA",
    "UNNAMED",
    "UNNAMED_FIELDS",
    "Encoder",
    "own_value",
    "pa",
    "spread",
]

LEVEL = 3
"""Of zstd."""


_FIELDS = SAMPLE.fields
assert _FIELDS is not None
_INFO = _FIELDS["tcp_info"][1]
UNNAMED = np.dtype(
    {
        "names": list(UNNAMED_FIELDS),
        "formats": ["u1", "u4"],
        "offsets": [_INFO, _INFO + 40],
        "itemsize": SAMPLE.itemsize,
    }
)
"""Fields of `struct tcp_info` without a name of their own in SAMPLE."""

EXTREMES = tuple(name for name in EVENT.names or () if name.endswith(("_min", "_max")))


_PIECE = 4096  # records per step: each field is a pass over them, in the CPU's caches


def own_value(events: Events | Mapping[str, Array], extreme: str) -> Array:
    """Value of an extreme in events that stand for one ACK."""
    if extreme.startswith("in_flight"):
        return events["snd_nxt"] - events["snd_una"]
    return events[extreme[: -len("_min")]]


def spread(columns: Mapping[str, Array], places: Mapping[str, Array]) -> None:
    """Copy columns to destinations of the same name, which are fields of the same records."""
    count = len(next(iter(columns.values()), ()))
    pairs = [(column, places[name]) for name, column in columns.items()]
    for at in range(0, count, _PIECE):
        for column, place in pairs:
            place[at : at + _PIECE] = column[at : at + _PIECE]


def _arrow_type(form: np.dtype[Any]) -> Any:
    if form.shape:
        return pa.binary(form.itemsize)
    return pa.binary() if form.kind == "S" else pa.from_numpy_dtype(form)


def _struct(form: np.dtype[np.void], described: Mapping[str, Mapping[str, str]]) -> Any:
    members = []
    for name, metadata in described.items():
        kind = _arrow_type(form[name] if name in (form.names or ()) else UNNAMED[name])
        members.append(pa.field(name, kind, name in EXTREMES, dict(metadata)))
    return pa.struct(members)


_EVENT_TYPE = _struct(EVENT, EVENT_FIELDS)
_SAMPLE_TYPE = _struct(SAMPLE, SAMPLE_FIELDS)
_NS = {"unit": "nanoseconds, CLOCK_MONOTONIC; with wall_offset_ns added, since 1970 UTC"}
SCHEMA = pa.schema(
    [
        pa.field("begin_ns", pa.int64(), False, _NS),
        pa.field("end_ns", pa.int64(), False, _NS),
        pa.field("lost", pa.int64(), False, {"unit": "events, since the beginning"}),
        pa.field("skipped", pa.int64(), False, {"unit": "events, since the beginning"}),
        pa.field("events", pa.list_(pa.field("item", _EVENT_TYPE, False)), False),
        pa.field("samples", pa.list_(pa.field("item", _SAMPLE_TYPE, False)), False),
        pa.field("keyframe", pa.binary(), True, {"unit": "tcctui's own"}),
    ]
)

_INSIDE_TYPES = (
    _struct(INSIDE, INSIDE_FIELDS),
    _struct(ALGORITHM, ALGORITHM_FIELDS),
    _struct(ACK, ACK_FIELDS),
)
INSIDE_COLUMNS = "sockets", "algorithms", "acks"
LAYOUTS = "layouts"
"""Column with the layouts that keys of `algorithms` stand for; see `wire.private_layout`."""
INSIDE_SCHEMA = pa.schema(
    [
        *SCHEMA,
        *(
            pa.field(name, pa.list_(pa.field("item", kind, False)), False)
            for name, kind in zip(INSIDE_COLUMNS, _INSIDE_TYPES, strict=True)
        ),
        pa.field(
            LAYOUTS,
            pa.binary(),
            True,
            {
                "unit": "JSON, by key: algorithm, struct, its members in `private` (name, offset "
                "in bits, bits, signed), and hz, jiffies per second",
                "source": "BTF",
            },
        ),
    ]
)
"""Schema of recordings with what was read of sockets."""


class Encoder:
    """Encodes a recording message by message."""

    def __init__(self, origin: Origin, level: int = LEVEL) -> None:
        facts = {name: str(fact) for name, fact in asdict(origin).items()}
        self._sink = io.BytesIO()
        self._inside = bool(origin.inside)
        self._schema = INSIDE_SCHEMA if self._inside else SCHEMA
        self._writer = pa.ipc.new_stream(
            self._sink,
            self._schema.with_metadata({"tcctui_format": str(FORMAT), **facts}),
            options=pa.ipc.IpcWriteOptions(
                compression=pa.Codec("zstd", compression_level=level), use_threads=False
            ),
        )
        first = self.batch(Chunk(0, 0, NO_EVENTS, NO_SAMPLES))  # pyarrow writes both together
        self.head = first[: PREFIX + metadata_length(first[:PREFIX])]
        """First message of the stream: its schema."""

    def batch(self, chunk: Chunk) -> bytes:
        """Message of a chunk."""
        note = Note.of(chunk)
        numbers = [
            pa.array([number], pa.int64())
            for number in (note.begin_ns, note.end_ns, note.lost, note.skipped)
        ]
        events = _list(_event_columns(chunk.events), _EVENT_TYPE, note.events)
        samples = _list(_sample_columns(chunk.samples), _SAMPLE_TYPE, note.samples)
        keyframe = pa.array([chunk.keyframe or None], pa.binary())
        arrays = [*numbers, events, samples, keyframe]
        if self._inside:
            kinds = zip(chunk.insides, _INSIDE_TYPES, strict=True)
            arrays += [_list(_members_of(part, kind), kind, len(part)) for part, kind in kinds]
            arrays.append(pa.array([_layouts(chunk.insides.algorithms)], pa.binary()))
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._writer.write_batch(batch, {NOTE: note.to_bytes()})
        return self._taken()

    def _taken(self) -> bytes:
        data = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return data


def _layouts(algorithms: Records) -> bytes | None:
    keys = distinct(algorithms["key"]).tolist()
    return private_layout.to_json(keys).encode() if keys else None


def _list(columns: Iterable[Any], kind: Any, count: int) -> Any:
    struct = pa.StructArray.from_arrays(list(columns), fields=list(kind))
    return pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), struct)


def _event_columns(events: Events) -> Iterable[Any]:
    columns = _columns({name: events[name] for name in EVENT_FIELDS})
    alone = columns["acks"] == 0
    for name in EXTREMES:
        alone &= columns[name] == own_value(columns, name)
    for name, column in columns.items():
        if name in EXTREMES:
            yield pa.array(np.where(alone, np.uint32(0), column), mask=alone)
        else:
            yield _column(column)


def _sample_columns(samples: Samples) -> Iterable[Any]:
    unnamed = samples.view(UNNAMED)
    fields = {
        name: unnamed[name] if name in UNNAMED_FIELDS else samples[name] for name in SAMPLE_FIELDS
    }
    return map(_column, _columns(fields).values())


def _members_of(records: Records, kind: Any) -> Iterable[Any]:
    return map(_column, _columns({member.name: records[member.name] for member in kind}).values())


def _columns(fields: Mapping[str, Array]) -> dict[str, Array]:
    """Copy fields of records into arrays of their own."""
    columns = {name: np.empty(field.shape, field.dtype) for name, field in fields.items()}
    spread(fields, columns)
    return columns


def _column(values: Array) -> Any:
    count = len(values)
    if values.ndim == 2:
        data = values.view("u1").reshape(-1)
        kind = pa.binary(values.itemsize * values.shape[1])
        return pa.FixedSizeBinaryArray.from_buffers(kind, count, [None, pa.py_buffer(data)])
    if values.dtype.kind != "S":
        return pa.array(values)
    width = values.dtype.itemsize
    lengths = np.char.str_len(values)
    offsets = np.zeros(count + 1, "i4")
    np.cumsum(lengths, out=offsets[1:])
    letters = values.view("u1").reshape(count, width)
    data = letters[np.arange(width) < lengths[:, None]]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), count, buffers)
