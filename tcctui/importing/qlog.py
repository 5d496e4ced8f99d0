"""qlog: traces of QUIC connections, to events.

Formats: draft-ietf-quic-qlog-main-schema, as one JSON document or as a sequence of records (RFC
7464, or a line each), of version 0.3 and the later ones that have `file_schema`; events of
draft-ietf-quic-qlog-quic-events, whose names have changed: `recovery:metrics_updated` became
`quic:recovery_metrics_updated`. QUIC counts bytes: cwnd and ssthresh become segments of the
datagrams' size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Any

import numpy as np

from tcctui.importing.imported import Form, Imported, NotReadableError
from tcctui.importing.json_values import (
    address,
    listed,
    mapping,
    nanoseconds,
    number,
    parsed,
    whole,
)
from tcctui.wire.addresses import V4_MAPPED
from tcctui.wire.events import (
    AF_INET,
    AF_INET6,
    EVENT,
    NO_SSTHRESH,
    RECOVERY,
    CaState,
    EventKind,
    Events,
    TcpState,
)
from tcctui.wire.records import joined

SMALLEST_DATAGRAM = 1200
"""Bytes of a QUIC datagram where none are told: what each path has to carry (RFC 9000, 14)."""

_COST = 24
"""Bytes of objects that each byte of JSON may become."""

_A_RECORD = 1024
"""Bytes that an event takes on its way to the recording."""

_LONGEST = 1 << 24
_U32 = 0xFFFFFFFF
_METRICS = ("congestion_window", "ssthresh", "smoothed_rtt", "bytes_in_flight")
_NOT_IN_FLIGHT = ("ack", "connection_close")
"""Frames alone in packets that are not counted as in flight (RFC 9002, 2)."""
_LOSS_PROBE = 5  # ICSK_TIME_LOSS_PROBE
_MOST_SIZES = 1 << 17
"""Number of packets whose sizes are remembered until they are lost."""


def read_qlog(files: Sequence[tuple[str, BufferedReader]], memory: int) -> Imported:
    """Make events of the traces in files, each a name and its file, open.

    `memory` is the budget in bytes.

    Raises:
        NotReadableError: a file is damaged, of an older version, or takes too much memory.

    """
    remarks: list[str] = []
    parts: list[Events] = [np.empty(0, EVENT)]
    traces = count = 0
    for name, file in files:
        assumed = False
        try:
            for trace in _traces(name, file, memory):
                traces += 1
                connection = _Connection(traces)
                for event in trace:
                    connection.take(event)
                    if (count + len(connection.rows)) * _A_RECORD > memory:
                        _refuse(name, (count + len(connection.rows)) * _A_RECORD, memory)
                count += len(connection.rows)
                found = connection.events()
                assumed |= not connection.told_size and bool(len(found))
                parts.append(found)
        except ValueError as error:
            raise NotReadableError(
                f"{name} is damaged: {str(error)[:100]}.", "See whether it is a whole qlog."
            ) from error
        if assumed:
            remarks.append(
                f"{name} does not tell the size of datagrams: a segment is"
                f" {SMALLEST_DATAGRAM} bytes."
            )
    events = joined(parts)
    if not len(events):
        raise NotReadableError(
            f"There is nothing of congestion control in"
            f" {files[0][0] if len(files) == 1 else 'the files'}.",
            "Let the endpoint log recovery:metrics_updated.",
        )
    return Imported(Form.QLOG, events, remarks=remarks)


def _refuse(name: str, needed: int, memory: int) -> None:
    needed = max(needed, memory + 1)
    raise NotReadableError(
        f"{name} takes more memory than it may.",
        f"Import a part of it, or allow more: --reading-memory {-(-needed >> 30)}G",
    )


def _traces(name: str, file: BufferedReader, memory: int) -> Iterator[Iterator[dict[str, Any]]]:
    """Events of each trace, with their time as `ns`."""
    head = file.peek(1)[:1]
    if head == b"\x1e":
        yield _of_sequence(name, file, b"\x1e")
        return
    text = file.read(memory // _COST + 1)
    if len(text) > memory // _COST:
        _refuse(name, len(text) * _COST * 2, memory)
    first, _, rest = text.strip().partition(b"\n")
    if rest and _is_whole(first):
        yield _timed(mapping(parsed(first)).get("trace"), _records(text.splitlines()[1:]))
        return
    document = mapping(parsed(text))
    found = [one for one in listed(document.get("traces")) if isinstance(one, dict)]
    if not found:
        raise ValueError("it has no traces")
    for trace in found:
        if "event_fields" in trace:
            raise ValueError("it is of a version before 0.3 (draft-02 and older)")
        events = (event for event in listed(trace.get("events")) if isinstance(event, dict))
        yield _timed(trace, events)


def _is_whole(line: bytes) -> bool:
    """True for a line that is a document of its own: then each line is a record."""
    try:
        return isinstance(parsed(line), dict)
    except ValueError:
        return False


def _of_sequence(name: str, file: BufferedReader, separator: bytes) -> Iterator[dict[str, Any]]:
    pieces = _pieces(name, file, separator)
    head = mapping(parsed(next(pieces, b"{}")))
    return _timed(head.get("trace"), _records(pieces))


def _pieces(name: str, file: BufferedReader, separator: bytes) -> Iterator[bytes]:
    """Records between separators, a block of the file at a time."""
    rest = b""
    while data := file.read(1 << 20):
        *whole_, rest = (rest + data).split(separator)
        yield from filter(bytes.strip, whole_)
        if len(rest) > _LONGEST:
            raise NotReadableError(
                f"{name} has a record of more than {_LONGEST:,} bytes.",
                "See whether it is a whole qlog.",
            )
    if rest.strip():
        yield rest


def _records(pieces: Iterator[bytes] | list[bytes]) -> Iterator[dict[str, Any]]:
    """Records as objects; a last one that is cut off is left out, as its writer was killed."""
    failed: ValueError | None = None
    for piece in pieces:
        if failed is not None:
            raise failed
        if not piece.strip():
            continue
        try:
            record = parsed(piece)
        except ValueError as error:
            failed = error
            continue
        if isinstance(record, dict):
            yield record


def _timed(trace: Any, events: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Events with their time in nanoseconds since 1970 as `ns`; without one they are left out.

    Times are milliseconds: since `reference_time`, since 1970, or since the event before.
    """
    common = mapping(mapping(trace).get("common_fields"))
    form = common.get("time_format", "relative_to_epoch" if "reference_time" in common else "")
    reference_ns = _reference(common.get("reference_time"))
    if form == "absolute":
        reference_ns = 0
    delta = form in ("delta", "relative_to_previous_event")
    now_ns = reference_ns
    for event in events:
        time_ms = number(event.get("time"))
        if time_ms is None or abs(time_ms) > 1 << 52:
            continue
        now_ns = (now_ns if delta else reference_ns) + round(time_ms * 1e6)
        if 0 <= now_ns < 1 << 62:
            yield {**event, "ns": now_ns}


def _reference(value: Any) -> int:
    """Nanoseconds since 1970 of a trace's reference time; 0 if it is unknown."""
    if isinstance(value, dict):
        wall = nanoseconds(value.get("wall_clock_time"))
        return (nanoseconds(value.get("epoch")) or 0) if wall is None else wall
    if (text := nanoseconds(value)) is not None:
        return text
    milliseconds = number(value)
    return 0 if milliseconds is None or not 0 <= milliseconds < 1 << 42 else int(milliseconds * 1e6)


@dataclass
class _Connection:
    """Congestion control of one trace, event by event; `rows` are the events so far."""

    cookie: int
    rows: list[tuple[int, ...]] = field(default_factory=list)
    told_size: bool = False

    def __post_init__(self) -> None:
        self._size = SMALLEST_DATAGRAM
        self._values = dict.fromkeys(
            ("congestion_window", "ssthresh", "smoothed_rtt", "bytes_in_flight"), 0
        )
        self._ca_state = int(CaState.OPEN)
        self._sent = self._lost = self._acked = 0
        self._sizes: dict[tuple[str, int], int] = {}
        self._local = self._remote = (0, V4_MAPPED)
        self._ports = (0, 0)
        self._closed = False

    def take(self, event: dict[str, Any]) -> None:
        """Take in an event with its time."""
        name = event.get("name")
        kind = name.rpartition(":")[2] if isinstance(name, str) else ""
        handle = {
            "metrics_updated": self._metrics,
            "parameters_set": self._parameters,
            "congestion_state_updated": self._state,
            "packet_lost": self._packet_lost,
            "packet_sent": self._packet_sent,
            "connection_started": self._started,
            "connection_closed": self._ended,
        }.get(kind.removeprefix("recovery_"))
        if handle is not None and not self._closed:
            handle(event["ns"], mapping(event.get("data")))

    def _put(self, when: int, kind: EventKind, *others: int) -> None:
        """Add an event; `others` are old state, new state, timer, and 1 if the cause is known."""
        values, acked = self._values, self._acked
        segments = [values["congestion_window"], values["ssthresh"]]
        cwnd, ssthresh = ((one + self._size // 2) // self._size if one else 0 for one in segments)
        if values["congestion_window"]:
            cwnd = min(max(cwnd, 1), _U32)
        self.rows.append(
            (
                *(when, kind, acked + values["bytes_in_flight"], acked, cwnd),
                *(min(ssthresh, NO_SSTHRESH), values["smoothed_rtt"]),
                *(*others, 0, 0, 0, 0)[:4],
            )
        )

    def _metrics(self, when: int, data: dict[str, Any]) -> None:
        known = False
        for name in self._values:
            factor = 1000 if name == "smoothed_rtt" else 1
            found = number(data.get(name))
            if found is not None:
                # An endpoint may write the largest number for an ssthresh that was never set.
                if name == "ssthresh" and found >= 1 << 32:
                    found = NO_SSTHRESH * self._size
                # In flight is the difference of two sequence numbers of 32 bits.
                most = _U32 if name == "bytes_in_flight" else 1 << 48
                self._values[name] = int(min(max(found * factor, 0), most))
                known = True
        if "bytes_in_flight" in data:
            left = self._sent - self._lost - self._values["bytes_in_flight"]
            self._acked = max(self._acked, left)
        if known:
            self._put(when, EventKind.PROBE)

    def _parameters(self, _: int, data: dict[str, Any]) -> None:
        size = whole(data.get("max_datagram_size"), 0xFFFF)
        if not size or size < 256:
            return
        self._size, self.told_size = size, True

    def _state(self, when: int, data: dict[str, Any]) -> None:
        entered = CaState.RECOVERY if data.get("new") == "recovery" else CaState.OPEN
        if data.get("trigger") == "persistent_congestion":
            entered = CaState.LOSS
        if entered != self._ca_state:
            self._ca_state = int(entered)
            self._put(when, EventKind.CA_STATE, 0, entered)

    def _packet(self, data: dict[str, Any]) -> tuple[tuple[str, int], int]:
        """Key of a packet, and its bytes; 0 if they are not told."""
        header = mapping(data.get("header"))
        kind = str(header.get("packet_type", data.get("packet_type", "")))[:16]
        place = header.get("packet_number", data.get("packet_number"))
        size = whole(mapping(data.get("raw")).get("length", header.get("packet_size")), 0xFFFF)
        return (kind, whole(place, 1 << 62) or 0), size or 0

    def _packet_sent(self, _: int, data: dict[str, Any]) -> None:
        frames = [mapping(frame).get("frame_type") for frame in listed(data.get("frames"))]
        if frames and all(kind in _NOT_IN_FLIGHT for kind in frames):
            return
        key, size = self._packet(data)
        self._sent += size
        self._sizes[key] = size
        if len(self._sizes) > _MOST_SIZES:
            del self._sizes[next(iter(self._sizes))]

    def _packet_lost(self, when: int, data: dict[str, Any]) -> None:
        key, size = self._packet(data)
        self._lost += self._sizes.pop(key, size) if self._sent else 0
        trigger = data.get("trigger")
        if trigger in ("reordering_threshold", "time_threshold"):
            cause = (int(CaState.RECOVERY), 0, 1)
        elif trigger == "pto_expired":
            cause = (int(CaState.OPEN), _LOSS_PROBE, 1)
        else:
            cause = (0, 0, 0)
        state, timer, known = cause
        self._put(when, EventKind.RETRANSMIT, state, TcpState.ESTABLISHED, timer, known)

    def _started(self, when: int, data: dict[str, Any]) -> None:
        ends = []
        for own, other in (("local", "src"), ("remote", "dst")):
            end = mapping(data.get(own))
            version = next((v for v in ("v4", "v6") if f"ip_{v}" in end), "v4")
            where = address(end.get(f"ip_{version}", data.get(f"{other}_ip")))
            port = whole(end.get(f"port_{version}", data.get(f"{other}_port")), 0xFFFF)
            ends.append((where or (0, V4_MAPPED), port or 0))
        (self._local, local_port), (self._remote, remote_port) = ends
        self._ports = local_port, remote_port
        self._put(when, EventKind.STATE, TcpState.SYN_SENT, TcpState.ESTABLISHED)

    def _ended(self, when: int, _: dict[str, Any]) -> None:
        self._closed = True
        self._put(when, EventKind.STATE, TcpState.ESTABLISHED, TcpState.CLOSE)
        self._put(when + 1, EventKind.DESTROY)

    def events(self) -> Events:
        """Events of the trace; none where nothing of congestion control is in it."""
        rows = np.array(self.rows, "i8").reshape(-1, 11)
        kinds = rows[:, 1]
        if not (kinds == EventKind.PROBE).any():
            return np.empty(0, EVENT)
        events = np.zeros(len(rows), EVENT)
        events["ts_ns"], events["kind"], events["sock_cookie"] = rows[:, 0], kinds, self.cookie
        events["saddr"], events["daddr"] = self._local, self._remote
        events["sport"], events["dport"] = self._ports
        events["family"] = AF_INET if self._local[0] == 0 else AF_INET6
        events["oldstate"] = np.where(kinds == EventKind.STATE, rows[:, 7], 0)
        events["newstate"] = rows[:, 8]
        values = ~np.isin(kinds, (EventKind.STATE, EventKind.DESTROY))
        for place, name in ((2, "snd_nxt"), (3, "snd_una"), (4, "snd_cwnd"), (5, "ssthresh")):
            events[name][values] = rows[values, place] & _U32
        events["srtt"][values] = np.minimum(rows[values, 6], _U32)
        events["snd_wnd"][values] = events["rcv_wnd"][values] = _U32
        probes = kinds == EventKind.PROBE
        for name, of in (("snd_cwnd", "snd_cwnd"), ("srtt", "srtt")):
            for extreme in ("min", "max"):
                events[f"{name}_{extreme}"][probes] = events[of][probes]
        for extreme in ("min", "max"):
            flying = (events["snd_nxt"] - events["snd_una"])[probes]
            events[f"in_flight_{extreme}"][probes] = flying
        again = kinds == EventKind.RETRANSMIT
        recovery = events.view(RECOVERY)
        recovery["ca_state"][again] = rows[again, 7]
        recovery["pending"][again] = rows[again, 9]
        recovery["known"][again] = rows[again, 10]
        return events
