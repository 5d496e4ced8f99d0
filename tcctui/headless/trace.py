"""`tcctui trace`: every tcp_probe event as a line of text, JSON or CSV."""

from __future__ import annotations

import signal
import struct
import sys
import time
from typing import TextIO

import numpy as np

from tcctui.files.standard_output import write
from tcctui.flows.store import Store
from tcctui.headless.busiest import busiest, unsampled
from tcctui.headless.matching import Matching
from tcctui.printable import plain
from tcctui.source import EventSource, Source
from tcctui.wire.addresses import format_address
from tcctui.wire.events import EventKind, Events
from tcctui.wire.records import pick

FORMATS = ("text", "jsonl", "csv")

_WAIT = 0.05  # seconds between two looks at the source

_WATCHED = 500  # connections that are sampled several times a second, where samples matter

_WATCH_NS = 250_000_000  # nanoseconds between two times that it is said which

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
"""What jsonl and csv print of an event: the tracepoint's own names and units."""

_FLOW = np.dtype(
    [
        ("saddr", ">u8", (2,)),
        ("sport", ">u2"),
        ("daddr", ">u8", (2,)),
        ("dport", ">u2"),
        ("sock_cookie", ">u8"),
    ]
)
"""What all events of a flow have in common."""

_unpack_flow = struct.Struct(">2QH2QHQ").unpack

COUNTED = (*FIELDS, "acks")
"""The same where a line may stand for several events: how many of the flow there were so far."""

# Lines to be filled in twice: with the flow, and, behind %%, with the numbers of each event.
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


_REMEMBERED = 1 << 16  # flows, about 400 bytes each
_PIECE = 2048  # events written at a time: their numbers fit in the CPU's caches, a batch's do not


class _Lines(dict[bytes, str]):
    """The line of each flow, by its `_FLOW` as bytes: complete but for the numbers of an event.

    Addresses are what takes longest to write, and they are the same in all lines of a flow.
    """

    def __init__(self, line: str) -> None:
        super().__init__()
        self._line = line

    def __missing__(self, flow: bytes) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        here, here_low, sport, there, there_low, dport, cookie = _unpack_flow(flow)
        ends = (format_address(here, here_low), sport, format_address(there, there_low), dport)
        self[flow] = line = self._line % (*ends, cookie)
        return line


_LINES = {
    (form, counted): _Lines(_line(form, counted)) for form in FORMATS for counted in (False, True)
}


def format_events(events: Events, form: str, since_ns: int, *, counted: bool = False) -> str:
    """Lines for tcp_probe events, in the form `text`, `jsonl` or `csv`.

    `since_ns` is the moment that `text` counts its milliseconds from. With `counted`, each line
    ends with the event's `acks`.
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
    lines = _LINES[form, counted]
    return "".join([lines[key] % row for key, row in zip(keys, rows, strict=True)])


class Chosen:
    """Chooses the events that match; `samples`, where the query needs them, are its source's."""

    def __init__(self, matching: Matching, samples: Source | None = None) -> None:
        self.matching = matching
        self._samples = samples
        self._watch_ns = 0

    def of(self, events: Events, now_ns: int) -> Events:
        """Give the tcp_probe events that match, now that it is `now_ns`."""
        matching, sampled = self.matching, []
        if self._samples is not None:
            while len(part := self._samples.sampled()):
                sampled.append(part)
        matching.take(events, sampled, now_ns)
        if self._samples is not None and matching.store is not None and now_ns >= self._watch_ns:
            self._watch_ns = now_ns + _WATCH_NS
            self._watch(self._samples, matching.store)
        probes = pick(events, events["kind"] == EventKind.PROBE)
        return pick(probes, matching.events(probes))

    def _watch(self, source: Source, store: Store) -> None:
        """Have those sampled often of which nothing is known yet, and the busiest."""
        watched = np.concatenate([unsampled(store), busiest(store)])[:_WATCHED]
        source.watch(store.sockets(np.unique(watched)))


class Trace:
    """Prints what a source delivers until its time, its count or a signal ends it.

    `duration` is in seconds and `count` in events; None is without end. `since_ns` is when the
    source was attached, on its own clock. With `matching`, only what matches is printed and counts.
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
        self._end_ns = None if duration is None else since_ns + int(duration * 1e9)
        self._left = count
        self._chosen = matching
        self._out = out
        self._counted = source.interval_ns > 0
        self._stopped = False
        self.seen = 0
        """Events printed."""

    def run(self) -> None:
        """Print until the end; a closed pipe ends it quietly, as SIGINT and SIGTERM do.

        Raises:
            TcctuiError: the source is gone, or the output takes no more.

        """
        previous = {
            number: signal.signal(number, self._stop)
            for number in _ENDING
            if signal.getsignal(number) is not signal.SIG_IGN  # as nohup wants it
        }
        try:
            if self._form == "csv":
                self._write(",".join(COUNTED if self._counted else FIELDS) + "\n")
            while self._step():
                pass
        except BrokenPipeError:
            pass
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _write(self, text: str) -> None:
        write(self._out, text)

    def _stop(self, *_: object) -> None:
        self._stopped = True

    def _step(self) -> bool:
        # Whether it is the last round is decided before reading: what came until then is printed,
        # and on a host that is never quiet no more than that.
        now = self._source.now_ns()
        if self._stopped:
            self._end_ns = min(now, self._end_ns or now)
        last = self._end_ns is not None and now >= self._end_ns
        wait = 0.0 if last else _WAIT
        if self._end_ns is not None:
            wait = min(wait, max(0.0, (self._end_ns - now) / 1e9))
        events = self._source.read(wait)
        if self._end_ns is not None:
            events = events[events["ts_ns"] < self._end_ns]
        more = len(events) > 0
        if self._chosen is not None:
            events = self._chosen.of(events, self._source.now_ns())
        events = events[events["kind"] == EventKind.PROBE][: self._left]
        if self._left is not None:
            self._left -= len(events)
        if len(events):
            self._write(format_events(events, self._form, self._since_ns, counted=self._counted))
            self.seen += len(events)
        if self._left == 0:
            return False
        return not last or more


_ENDING = (signal.SIGINT, signal.SIGTERM)


def trace(
    source: EventSource,
    *,
    attach_ms: float,
    since_ns: int,
    form: str,
    duration: float | None,
    count: int | None,
    matching: Chosen | None = None,
) -> None:
    """Run `tcctui trace` on an open source, with its remarks on stderr.

    `matching` chooses among what the kernel lets through; None prints all of that.
    """
    if source.kernel_filter:
        print(f"Filter in the kernel: {source.kernel_filter}", file=sys.stderr)
    if matching is not None:
        print(f"Printing what matches: {plain(matching.matching.query.text)}", file=sys.stderr)
    print(f"tcp_probe attached in {attach_ms:.3f} ms", file=sys.stderr)
    print("Waiting for Ctrl-C...", file=sys.stderr, flush=True)
    running = Trace(source, since_ns, form=form, duration=duration, count=count, matching=matching)
    started = time.monotonic()
    running.run()
    seconds = time.monotonic() - started
    lost = f"{source.lost()} lost"
    if source.skipped():
        # Of any flow: the kernel does not say of which.
        lost += f", {source.skipped()} skipped by the kernel"
    print(f"{running.seen} events in {seconds:.1f} s, {lost}", file=sys.stderr)
