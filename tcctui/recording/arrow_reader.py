"""Arrow record batches as chunks again: damaged input raises ValueError and nothing worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from tcctui.arrays import Array, Indexes, Mask, Records
from tcctui.errors import TcctuiError
from tcctui.flows.index import Keys
from tcctui.printable import plain
from tcctui.recording.arrow import (
    EXTREMES,
    FORMAT,
    INSIDE_COLUMNS,
    INSIDE_SCHEMA,
    LAYOUTS,
    UNNAMED,
    UNNAMED_FIELDS,
    own_value,
    pa,
    spread,
)
from tcctui.recording.budget import Budget, records_size, silence_size
from tcctui.recording.chunks import Chunk, by_flow
from tcctui.recording.ipc_frames import LATEST_NS, PREFIX, Note, see_room, unpacked
from tcctui.recording.timeline import Origin
from tcctui.wire.addresses import use_zones
from tcctui.wire.events import EVENT
from tcctui.wire.inside import (
    ACK_KIND,
    ALGORITHM_KIND,
    INSIDE_KIND,
    NO_INSIDES,
    Insides,
    use_layouts,
)
from tcctui.wire.private_layout import from_json
from tcctui.wire.samples import SAMPLE, forget_all_but
from tcctui.wire.tracepoints import EVENT_KINDS

_SLACK_NS = 60_000_000_000  # by which events may be older than their chunk, or newer


class Decoder:
    """Reads the messages of a recording that begins with `head`, its schema's message.

    What they unpack to is charged to the `budget`, before it is unpacked.

    Raises:
        ValueError: it is not a recording's schema.
        TcctuiError: a newer version wrote it.

    """

    def __init__(self, head: bytes, budget: Budget) -> None:
        self._budget = budget
        try:
            schema = pa.ipc.read_schema(pa.py_buffer(head))
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"it has no schema: {error}") from error
        facts = {
            key.decode("utf-8", "replace"): text for key, text in (schema.metadata or {}).items()
        }
        form = facts.get("tcctui_format", b"")
        if not form.isdigit():
            raise ValueError("it is not a recording of tcctui")
        if int(form) > FORMAT:
            by = facts.get("version", b"?").decode("utf-8", "replace")
            raise TcctuiError(
                f"It is a newer recording, in format {int(form)}, made by tcctui {by[:40]}.",
                "Upgrade tcctui to read it: pip install --upgrade tcctui",
            )
        names = schema.names
        for name in ("begin_ns", "end_ns", "events"):
            if names.count(name) != 1:
                raise ValueError(f"it has no column {name}")
        self.origin = _origin(facts)
        """Origin of the recording: host, kernel, source, clock."""
        use_zones(_named(self.origin.interfaces))
        self._head = head
        self._all = [names.index(name) for name in INSIDE_SCHEMA.names if names.count(name) == 1]
        self._known = [at for at in self._all if names[at] != "keyframe"]
        told = {"begin_ns", "end_ns", "keyframe"}
        self._keyframe = [at for at in self._all if names[at] in told]

    def chunk(
        self, message: bytes, at: int, cookies: Keys | None = None, *, keyframe: bool = True
    ) -> Chunk:
        """Chunk of the message of a batch at an offset of the file or the pipe.

        With `cookies`, only these flows' records and those of none.

        Raises:
            ValueError: it is damaged.
            TooMuchError: it is beyond the budget.

        """
        batch = self._batch(message, at, self._all if keyframe else self._known)
        begin_ns, end_ns, lost, skipped = (
            _number(batch, name) for name in ("begin_ns", "end_ns", "lost", "skipped")
        )
        if not 0 <= begin_ns <= end_ns < LATEST_NS:
            raise ValueError("a batch has no sensible time")
        within = (max(0, begin_ns - _SLACK_NS), end_ns + _SLACK_NS)
        told, sampled = _items(batch, "events"), _items(batch, "samples")
        read = [_items(batch, name) for name in INSIDE_COLUMNS]
        # What was read of a socket takes as much as an event.
        count = _length(told) + sum(map(_length, read)), _length(sampled)
        see_room(*count)
        size = records_size(*count) + silence_size(begin_ns, end_ns)
        self._budget.charge(at, len(message), size)
        try:
            events = by_flow(_records(told, EVENT, cookies, within))
            samples = by_flow(_records(sampled, SAMPLE, cookies, within))
            insides = _insides(read, cookies, within)
            if len(insides.algorithms):
                use_layouts(insides.algorithms, from_json(_bytes(batch, LAYOUTS)))
        except MemoryError as error:
            raise ValueError("a batch is larger than there is memory") from error
        return Chunk(begin_ns, end_ns, events, samples, lost, skipped, _keyframe(batch), insides)

    def keyframe(self, message: bytes, at: int, note: Note) -> bytes:
        """Keyframe of the message of a batch at an offset; empty without one.

        Raises:
            ValueError: the batch is damaged, or its time differs from its note's.
            TooMuchError: it is beyond the budget.

        """
        batch = self._batch(message, at, self._keyframe)
        if (_number(batch, "begin_ns"), _number(batch, "end_ns")) != note[:2]:
            raise ValueError("a batch is of another time than it says")
        return _keyframe(batch)

    def _batch(self, message: bytes, at: int, columns: list[int]) -> Any:
        length = int.from_bytes(message[4:PREFIX], "little")
        data = memoryview(message)[PREFIX:]
        self._budget.charge(at, len(message), unpacked(data[:length], data[length:]))
        options = pa.ipc.IpcReadOptions(included_fields=columns, use_threads=False)
        stream = pa.BufferReader(self._head + message)
        try:
            batch = pa.ipc.open_stream(stream, options=options).read_next_batch()
            batch.validate(full=True)
        except (pa.ArrowException, OSError, StopIteration, MemoryError) as error:
            raise ValueError(f"a batch is damaged: {error}") from error
        if batch.num_rows != 1:
            raise ValueError(f"a batch has {batch.num_rows} rows instead of one")
        return batch


def _origin(facts: Mapping[str, bytes]) -> Origin:
    known: dict[str, Any] = {"host": "?"}
    for field in fields(Origin):
        text = facts.get(field.name, b"").decode("utf-8", "replace")
        if field.type != "int":
            known[field.name] = text if field.name == "tracepoint" else plain(text)
        elif text.lstrip("-").isdecimal() and abs(int(text[:20])) < 1 << 62:
            known[field.name] = int(text)
    return Origin(**known)


def _named(interfaces: str) -> dict[int, str]:
    pairs = (one.partition("=") for one in interfaces.split())
    return {int(index[:10]): name for index, _, name in pairs if index.isdecimal()}


def _number(batch: Any, name: str) -> int:
    if name not in batch.schema.names:
        return 0
    column = batch.column(name)
    number = column[0].as_py() if pa.types.is_integer(column.type) else None
    if number is None or not 0 <= number < 1 << 62:
        raise ValueError(f"a batch has no sensible {name}")
    return number


def _keyframe(batch: Any) -> bytes:
    return _bytes(batch, "keyframe")


def _bytes(batch: Any, name: str) -> bytes:
    if name not in batch.schema.names:
        return b""
    column = batch.column(name)
    return (column[0].as_py() or b"") if column.type == pa.binary() else b""


def _items(batch: Any, name: str) -> dict[str, Any]:
    """Columns of the structs in a batch's list, by name."""
    if name not in batch.schema.names:
        return {}
    column = batch.column(name)
    if not pa.types.is_list(column.type) or not pa.types.is_struct(column.type.value_type):
        raise ValueError(f"{name} are not a list of structs")
    items = column.flatten()
    return {member.name: items.field(at) for at, member in enumerate(items.type)}


def _length(columns: Mapping[str, Any]) -> int:
    return max(map(len, columns.values()), default=0)


def _rows(
    columns: Mapping[str, Any], cookies: Keys | None, within: tuple[int, int]
) -> Indexes | None:
    """Rows of the wanted flows with a plausible time; None means all."""
    for name in ("ts_ns", "sock_cookie"):
        if name not in columns:
            raise ValueError(f"a batch has no {name}")
    when = _values(columns["ts_ns"], np.dtype("u8"))
    wanted = (when >= np.uint64(within[0])) & (when <= np.uint64(within[1]))
    if "kind" in columns:
        wanted &= _values(columns["kind"], np.dtype("u1")) < EVENT_KINDS
    if cookies is not None:
        keys = _values(columns["sock_cookie"], np.dtype("u8"))
        wanted &= np.isin(keys, np.append(cookies, np.uint64(0)))
    return None if wanted.all() else np.flatnonzero(wanted)


def _records(
    items: Mapping[str, Any], form: np.dtype[np.void], cookies: Keys | None, within: tuple[int, int]
) -> Records:
    if not items:
        return np.zeros(0, form)
    rows = _rows(items, cookies, within)
    chosen = slice(None) if rows is None else rows
    made = np.zeros(len(items["ts_ns"]) if rows is None else len(rows), form)
    places = {name: made[name] for name in form.names or () if name != "tcp_info"}
    if form is SAMPLE:
        unnamed = made.view(UNNAMED)
        places |= {name: unnamed[name] for name in UNNAMED_FIELDS}
    columns = {
        name: _values(items[name], place.dtype, _width(place))[chosen]
        for name, place in places.items()
        if name in items
    }
    if form is EVENT:
        columns |= _extremes(items, columns, chosen)
    spread(columns, places)
    if form is SAMPLE and not places.keys() <= items.keys():
        forget_all_but(made, items.keys())
    return made


def _insides(read: list[dict[str, Any]], cookies: Keys | None, within: tuple[int, int]) -> Insides:
    if not any(map(_length, read)):
        return NO_INSIDES
    made = Insides(
        *(
            by_flow(_records(items, nothing.dtype, cookies, within))
            for items, nothing in zip(read, NO_INSIDES, strict=True)
        )
    )
    for part, kind in zip(made, (INSIDE_KIND, ALGORITHM_KIND, ACK_KIND), strict=True):
        part["kind"] = kind
    return made


def _extremes(
    items: Mapping[str, Any], columns: Mapping[str, Array], chosen: Any
) -> dict[str, Array]:
    """Fill in extremes that are null or absent."""
    count = len(columns["ts_ns"])
    values = dict.fromkeys(("snd_nxt", "snd_una", "snd_cwnd", "srtt"), np.zeros(count, "u4"))
    values |= columns
    filled = {}
    for name in EXTREMES:
        own = own_value(values, name)
        given = name in items
        filled[name] = np.where(_nulls(items[name])[chosen], own, columns[name]) if given else own
    return filled


def _nulls(column: Any) -> Mask:
    bits = column.buffers()[0]
    if bits is None:
        return np.zeros(len(column), bool)
    packed = np.frombuffer(bits, "u1")
    valid = np.unpackbits(packed, count=column.offset + len(column), bitorder="little")
    return valid[column.offset :] == 0


def _width(place: Array) -> int:
    """Bytes of an entry that is several numbers; 0 for one number."""
    return place.itemsize * place.shape[1] if place.ndim == 2 else 0


def _values(column: Any, form: np.dtype[Any], width: int = 0) -> Array:
    """Validated values of a column as a numpy array; null is 0.

    Raises:
        ValueError: it has another type.

    """
    count, offset, kind = len(column), column.offset, column.type
    if form.kind == "S":
        return _texts(column, form)
    if width:
        if kind != pa.binary(width):
            raise ValueError(f"an entry of {width} bytes is {kind}")
        data = np.frombuffer(column.buffers()[1] or b"", "u1")[offset * width :][: count * width]
        return data.reshape(count, width).view(form)
    if not pa.types.is_integer(kind):
        raise ValueError(f"a number is {kind}")
    data = np.frombuffer(column.buffers()[1] or b"", str(kind))[offset:][:count]
    values = data.astype(form, copy=False)
    if column.null_count:
        values = np.where(_nulls(column), values.dtype.type(0), values)
    return values


def _texts(column: Any, form: np.dtype[Any]) -> Array:
    if column.type not in (pa.binary(), pa.string()):
        raise ValueError(f"a text is {column.type}")
    count = len(column)
    texts = np.zeros((count, form.itemsize), "u1")
    _, places, data = column.buffers()
    if count and data is not None:
        offsets = np.frombuffer(places, "i4")[column.offset :][: count + 1].astype("i8")
        lengths = np.minimum(np.diff(offsets), form.itemsize)
        inside = np.arange(form.itemsize) < lengths[:, None]
        places = (offsets[:-1, None] + np.arange(form.itemsize))[inside]
        texts[inside] = np.frombuffer(data, "u1")[places]
    return texts.view(form)[:, 0]
