"""`tcctui trace --alert`: a line for each connection that begins to match, until Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import TextIO

from tcctui.alerts.alert import Alert, Alerts, Turns
from tcctui.alerts.payload import json_line
from tcctui.alerts.reporter import Reporter
from tcctui.files.standard_output import write
from tcctui.flows.store import Store
from tcctui.headless.busiest import busiest
from tcctui.headless.read_loop import Ending, Round, rounds
from tcctui.query.value_text import said
from tcctui.recording.chunks import pieces
from tcctui.recording.timeline import Timeline
from tcctui.source import Source

_APART_NS = 250_000_000
"""Nanoseconds between two looks at all connections."""

_WATCHED = 500
"""Connections that are sampled several times a second."""


class Telling:
    """Looks for alerts while something is read, and prints them: as text, or lines of JSON."""

    def __init__(
        self,
        alerts: Alerts,
        form: str,
        report: Reporter | None,
        *,
        out: TextIO = sys.stdout,
        remarks: TextIO = sys.stderr,
    ) -> None:
        self._alerts = alerts
        self._form = form
        self._report = report
        self._out = out
        self.remarks = remarks
        self.store = Store(0)
        self.raised = 0
        """How many there were."""
        self._look_ns = 0

    def take(self, part: Round, wall_offset_ns: int) -> bool:
        """Take in what came, and tell what is new; says whether it was time to look.

        Raises:
            BrokenPipeError: nobody reads it any more.
            TcctuiError: the output takes no more.

        """
        part.into(self.store)
        if part.now_ns < self._look_ns:
            return False
        self._look_ns = part.now_ns + _APART_NS
        turns = self._alerts.look(self.store, part.now_ns + wall_offset_ns)
        self.raised += len(turns.raised)
        if turns:
            write(self._out, self._lines(turns))
        troubles = self._alerts.troubles()
        if self._report is not None:
            self._report.tell(turns)
            troubles += self._report.troubles()
        for trouble in troubles:
            print(trouble, file=self.remarks, flush=True)
        return True

    def _lines(self, turns: Turns) -> str:
        if self._form == "jsonl":
            return "".join(map(json_line, (*turns.cleared, *turns.raised)))
        return "".join(map(line, turns.raised))

    def end(self, seconds: float) -> int:
        """Say how many there were; gives the exit code."""
        noun = "alert" if self.raised == 1 else "alerts"
        print(f"{self.raised:,} {noun} in {seconds:.1f} s", file=self.remarks)
        return 0


def line(alert: Alert) -> str:
    """One line of text: when, between whom, what it was, and what was asked."""
    when = datetime.fromtimestamp(alert.raised_ns // 10**9)
    told = ", ".join(said(name, value) for name, value in alert.values.items())
    parts = [f"{when:%H:%M:%S} {alert.local} > {alert.remote}", told, alert.query]
    return " | ".join(filter(None, parts)) + "\n"


def alert(source: Source, telling: Telling, duration: float | None) -> int:
    """Read an open source until `duration` or a signal ends it; gives the exit code.

    Raises:
        TcctuiError: the source is gone, or the output takes no more.

    """
    remarks = telling.remarks
    if source.shortfall is not None:
        print(f"There is less to go by than there could be: {source.shortfall}", file=remarks)
    if source.kernel_filter:
        print(f"Filter in the kernel: {source.kernel_filter}", file=remarks)
    print(f"Reading {source.description}; Ctrl-C ends it.", file=remarks, flush=True)
    begin_ns, offset_ns = source.now_ns(), time.time_ns() - source.now_ns()
    with Ending() as ending, suppress(BrokenPipeError):
        for part in rounds(source, ending, begin_ns, duration):
            if telling.take(part, offset_ns):
                store = telling.store
                source.watch(store.sockets(busiest(store)[:_WATCHED]))
    return telling.end((source.now_ns() - begin_ns) / 1e9)


def alert_of(timeline: Timeline, telling: Telling, duration: float | None) -> int:
    """Read a recording as fast as it can be; gives the exit code.

    Raises:
        TcctuiError: it can't be read any more, or the output takes no more.

    """
    first_ns, last_ns = timeline.span
    until_ns = last_ns if duration is None else min(last_ns, first_ns + int(duration * 1e9))
    with suppress(BrokenPipeError):
        for part in _played(timeline, first_ns, until_ns):
            telling.take(part, timeline.origin.wall_offset_ns)
    return telling.end((until_ns - first_ns) / 1e9)


def _played(timeline: Timeline, first_ns: int, until_ns: int) -> Iterable[Round]:
    for chunk in timeline.chunks(first_ns - 1, until_ns):
        for events, samples, now_ns in pieces(chunk, until_ns):
            yield Round(events, [samples] if len(samples) else [], now_ns)
