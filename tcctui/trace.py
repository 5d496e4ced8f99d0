"""`tcctui trace`: every tcp_probe event as a line of text, JSON or CSV."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import TextIO

from tcctui.addresses import format_address
from tcctui.errors import TcctuiError
from tcctui.events import EventKind, Events, Source

FORMATS = ("text", "jsonl", "csv")

_WAIT = 0.05  # seconds between two looks at the source

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

_JSON = (
    "{"
    + ", ".join(
        f'"{name}": "%s"' if name in ("kind", "saddr", "daddr") else f'"{name}": %d'
        for name in FIELDS
    )
    + "}\n"
)
_CSV = ",".join("%s" if name in ("kind", "saddr", "daddr") else "%d" for name in FIELDS) + "\n"
_TEXT = (
    "%.3f| %s.%d > %s.%d | snd_nxt %d snd_una %d snd_cwnd %d ssthresh %d"
    " snd_wnd %d srtt %d rcv_wnd %d sock_cookie %d length %d\n"
)

_address = lru_cache(maxsize=65536)(format_address)


def format_events(events: Events, form: str, since_ns: int) -> str:
    """Lines for tcp_probe events, in the form `text`, `jsonl` or `csv`.

    `since_ns` is the moment that `text` counts its milliseconds from.
    """
    columns = {
        name: events[name].tolist()
        for name in FIELDS
        if name not in ("ts_ns", "kind", "saddr", "daddr")
    }
    columns["saddr"] = _addresses(events, "saddr")
    columns["daddr"] = _addresses(events, "daddr")
    if form == "text":
        names = [*FIELDS[2:6], *FIELDS[7:], "data_len"]
        moments = ((events["ts_ns"].astype("i8") - since_ns) / 1e6).tolist()
        rows = zip(moments, *(columns[name] for name in names), strict=True)
        return "".join([_TEXT % row for row in rows])
    kinds: Iterable[str] = itertools.repeat(EventKind.PROBE.name.lower(), len(events))
    values = (columns[name] for name in FIELDS[2:])
    template = _JSON if form == "jsonl" else _CSV
    return "".join(
        [template % row for row in zip(events["ts_ns"].tolist(), kinds, *values, strict=True)]
    )


def _addresses(events: Events, name: str) -> list[str]:
    halves = events[name]
    return [_address(*pair) for pair in zip(*halves.T.tolist(), strict=True)]


class Trace:
    """Prints what a source delivers until its time, its count or a signal ends it.

    `duration` is in seconds and `count` in events; None is without end. `since_ns` is when the
    source was attached, on its own clock.
    """

    def __init__(
        self,
        source: Source,
        since_ns: int,
        *,
        form: str,
        duration: float | None = None,
        count: int | None = None,
        out: TextIO = sys.stdout,
    ) -> None:
        self._source = source
        self._since_ns = since_ns
        self._form = form
        self._end_ns = None if duration is None else since_ns + int(duration * 1e9)
        self._left = count
        self._out = out
        self._stopped = False
        self.seen = 0
        """Events printed."""

    def run(self) -> None:
        """Print until the end; a closed pipe ends it quietly, as SIGINT and SIGTERM do.

        Raises:
            TcctuiError: the source is gone, or the output takes no more.

        """
        previous = {number: signal.signal(number, self._stop) for number in _ENDING}
        try:
            if self._form == "csv":
                self._write(",".join(FIELDS) + "\n")
            while self._step():
                pass
        except BrokenPipeError:
            pass
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except OSError as error:
            # The interpreter would flush stdout once more on its way out, and complain.
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())
            if isinstance(error, BrokenPipeError):
                raise
            raise TcctuiError(
                f"The output can't be written: {error.strerror}.",
                "Write it to where there is room, or to a pipe.",
            ) from error

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
        events = events[events["kind"] == EventKind.PROBE][: self._left]
        if self._left is not None:
            self._left -= len(events)
        if len(events):
            self._write(format_events(events, self._form, self._since_ns))
            self.seen += len(events)
        if self._left == 0:
            return False
        return not last or more


_ENDING = (signal.SIGINT, signal.SIGTERM)


def trace(
    source: Source,
    *,
    attach_ms: float,
    since_ns: int,
    form: str,
    duration: float | None,
    count: int | None,
) -> None:
    """Run `tcctui trace` on an open source, with its remarks on stderr."""
    if source.kernel_filter:
        print(f"Filter in the kernel: {source.kernel_filter}", file=sys.stderr)
    print(f"tcp_probe attached in {attach_ms:.3f} ms", file=sys.stderr)
    print("Waiting for Ctrl-C...", file=sys.stderr, flush=True)
    running = Trace(source, since_ns, form=form, duration=duration, count=count)
    started = time.monotonic()
    running.run()
    seconds = time.monotonic() - started
    lost = f"{source.lost()} lost"
    if source.skipped():
        # Of any flow: the kernel does not say of which.
        lost += f", {source.skipped()} skipped by the kernel"
    print(f"{running.seen} events in {seconds:.1f} s, {lost}", file=sys.stderr)
