"""`tcctui trace`: every tcp_probe event as a line of text, JSON or CSV."""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, TextIO

import numpy as np

from tcctui.headless.read_loop import Ending, live, losses
from tcctui.printable import plain
from tcctui.pump import deliver
from tcctui.source import EventSource
from tcctui.wire.addresses import format_address
from tcctui.wire.batch import Batch
from tcctui.wire.events import EventKind, Events

if TYPE_CHECKING:
    from tcctui.headless.chosen import Chosen

FORMATS = ("text", "jsonl", "csv")

_WAIT = 0.05  # seconds between two polls of the source

FIELDS = (
    "ts_ns",
    "kind",
    "saddr",
    "sport",
    "daddr",
    "dport",
    "data_len",
    "snd_nxt",
    "snd_una",
    "snd_cwnd",
    "ssthresh",
    "snd_wnd",
    "srtt",
    "rcv_wnd",
    "sock_cookie",
)
"""Fields of an event in jsonl and csv: the tracepoint's own names and units."""

_FLOW = np.dtype(
    [
        ("saddr", ">u8", (2,)),
        ("sport", ">u2"),
        ("daddr", ">u8", (2,)),
        ("dport", ">u2"),
        ("sock_cookie", ">u8"),
    ]
)
"""Fields common to all events of a flow."""

_unpack_flow = struct.Struct(">2QH2QHQ").unpack

COUNTED = (*FIELDS, "acks")
"""The same for coalesced events, with the number of ACKs of the flow so far."""

# Templates filled in twice: with the flow, and, behind %%, with the numbers of each event.
_TEXT = (
    "%%.3f| %s.%d > %s.%d | snd_nxt %%d snd_una %%d snd_cwnd %%d ssthresh %%d"
    " snd_wnd %%d srtt %%d rcv_wnd %%d sock_cookie %d length %%d"
)
_TEXTS = {"kind": EventKind.PROBE.name.lower(), "saddr": "%s", "daddr": "%s"}
_PLACES = dict.fromkeys(FIELDS, "%%d") | dict.fromkeys(_FLOW.names or (), "%d") | _TEXTS
_NUMBERS = tuple(name for name, place in _PLACES.items() if place == "%%d" and name != "ts_ns")


def _line(form: str, counted: bool) -> str:
    if form == "text":
        return _TEXT + (" acks %%d\n" if counted else "\n")
    places = _PLACES | {"acks": "%%d"} if counted else _PLACES
    if form == "csv":
        return ",".join(places.values()) + "\n"
    quoted = {name: f'"{place}"' if name in _TEXTS else place for name, place in places.items()}
    return "{" + ", ".join(f'"{name}": {place}' for name, place in quoted.items()) + "}\n"


REMEMBERED = 1 << 16
"""Flows whose part of a line is kept, about 400 bytes each."""

_PIECE = 2048  # events written at a time: their numbers fit in the CPU's caches, a batch's do not


class _Lines(dict[bytes, str]):
    """Line of each flow, by its `_FLOW` as bytes: complete except for an event's numbers.

    Addresses are the slowest part to format, and equal in all lines of a flow.
    """

    def __init__(self, line: str) -> None:
        super().__init__()
        self._line = line

    def __missing__(self, flow: bytes) -> str:
        if len(self) >= REMEMBERED:
            self.clear()
        here, here_low, sport, there, there_low, dport, cookie = _unpack_flow(flow)
        ends = (format_address(here, here_low), sport, format_address(there, there_low), dport)
        self[flow] = line = self._line % (*ends, cookie)
        return line


LINES = {
    (form, counted): _Lines(_line(form, counted)) for form in FORMATS for counted in (False, True)
}


def format_events(events: Events, form: str, since_ns: int, *, counted: bool = False) -> str:
    """Format tcp_probe events as `text`, `jsonl` or `csv` lines.

    `since_ns` is the origin of the milliseconds in `text`. With `counted`, each line ends with the
    event's `acks`.
    """
    pieces = range(0, len(events), _PIECE)
    return "".join([_format(events[at : at + _PIECE], form, since_ns, counted) for at in pieces])


def _format(events: Events, form: str, since_ns: int, counted: bool) -> str:
    flows = np.empty(len(events), _FLOW)
    for name in _FLOW.names or ():
        flows[name] = events[name]
    moments, numbers = events["ts_ns"], _NUMBERS
    if form == "text":
        moments = (moments.astype("i8") - since_ns) / 1e6
        numbers = (*_NUMBERS[1:], _NUMBERS[0])  # the length comes last
    if counted:
        numbers = (*numbers, "acks")
    rows = zip(moments.tolist(), *(events[name].tolist() for name in numbers), strict=True)
    keys = flows.view(f"V{_FLOW.itemsize}").tolist()
    lines = LINES[form, counted]
    return "".join([lines[key] % row for key, row in zip(keys, rows, strict=True)])


class Trace:
    """Prints the events of a source until its duration, its count or a signal ends it.

    `duration` is in seconds and `count` in events; None for no limit. `since_ns` is the time of
    attachment, on the source's clock. With `matching`, only matches are printed and counted.
    """

    def __init__(
        self,
        source: EventSource,
        since_ns: int,
        *,
        form: str,
        duration: float | None = None,
        count: int | None = None,
        matching: Chosen | None = None,
        out: TextIO = sys.stdout,
    ) -> None:
        self._source = source
        self._since_ns = since_ns
        self._form = form
        self._duration = duration
        self._left = count
        self._chosen = matching
        self._out = out
        self._counted = source.interval_ns > 0
        self.seen = 0
        """Events printed."""

    def run(self) -> None:
        """Print until the end.

        Raises:
            TcctuiError: the source is gone, or the output can't be written.

        """
        with Ending() as ending:
            if self._form == "csv":
                self._out.write(",".join(COUNTED if self._counted else FIELDS) + "\n")
                self._out.flush()
            batches = live(self._source, ending, self._since_ns, self._duration, _WAIT)
            sinks = [] if self._chosen is None else self._chosen.sinks
            deliver(batches, *sinks, self, until=lambda _: self._left == 0)

    def take(self, batch: Batch) -> None:
        """Print what matches of a batch."""
        events = batch.events if self._chosen is None else self._chosen.of(batch.events)
        events = events[events["kind"] == EventKind.PROBE][: self._left]
        if self._left is not None:
            self._left -= len(events)
        if len(events):
            text = format_events(events, self._form, self._since_ns, counted=self._counted)
            self._out.write(text)
            self._out.flush()
            self.seen += len(events)


def trace(
    source: EventSource,
    *,
    attach_ms: float,
    cached: bool,
    since_ns: int,
    form: str,
    duration: float | None,
    count: int | None,
    matching: Chosen | None = None,
) -> None:
    """Run `tcctui trace` on an open source, with its remarks on stderr.

    `matching` filters what passes the kernel; None prints all of it.
    """
    if source.kernel_filter:
        print(f"Filter in the kernel: {source.kernel_filter}", file=sys.stderr)
    if matching is not None:
        print(f"Printing what matches: {plain(matching.matching.query.text)}", file=sys.stderr)
    origin = "from the cache" if cached else "compiled"
    print(f"tcp_probe attached in {attach_ms:.3f} ms (program {origin})", file=sys.stderr)
    print("Waiting for Ctrl-C...", file=sys.stderr, flush=True)
    running = Trace(source, since_ns, form=form, duration=duration, count=count, matching=matching)
    running.run()
    seconds = (source.now_ns() - since_ns) / 1e9
    lost = losses(source.lost(), source.skipped())
    print(f"{running.seen} events in {seconds:.1f} s, {lost}", file=sys.stderr)
