"""`tcctui trace --alert`: a line for each connection that starts to match, until Ctrl-C."""

from __future__ import annotations

import sys
from datetime import datetime
from functools import partial
from typing import TextIO

from tcctui.alerts.alert import Alert, Alerts, Turns
from tcctui.alerts.payload import json_line
from tcctui.alerts.reporter import Reporter
from tcctui.flows.store import Store
from tcctui.headless.busiest import Watched
from tcctui.headless.read_loop import Ending, Played, announce, live
from tcctui.pump import deliver
from tcctui.query.value_text import said
from tcctui.recording.origin import clocks
from tcctui.recording.timeline import Timeline, WallClock
from tcctui.source import Source
from tcctui.wire.batch import Batch

APART_NS = 250_000_000
"""Nanoseconds between two looks at all connections."""


class Telling:
    """Checks for alerts while a source is read, and prints them as text or JSON lines."""

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
        self.wall = WallClock()
        """Time of day of moments on the source's clock."""
        self.raised = 0
        """Number of alerts."""
        self._look_ns = 0

    def take(self, batch: Batch) -> None:
        """Take in a batch, and tell what is new, if it is time to look.

        Raises:
            TcctuiError: the output can't be written.

        """
        self.store.take(batch)
        if batch.now_ns < self._look_ns:
            return
        self._look_ns = batch.now_ns + APART_NS
        self.wall.follow()
        turns = self._alerts.look(self.store, self.wall.at(batch.now_ns) or batch.now_ns)
        self.raised += len(turns.raised)
        if turns:
            self._out.write(self._lines(turns))
            self._out.flush()
        troubles = self._alerts.troubles()
        if self._report is not None:
            self._report.tell(turns)
            troubles += self._report.troubles()
        for trouble in troubles:
            print(trouble, file=self.remarks, flush=True)

    def _lines(self, turns: Turns) -> str:
        if self._form == "jsonl":
            return "".join(map(json_line, (*turns.cleared, *turns.raised)))
        return "".join(map(line, turns.raised))

    def end(self, seconds: float) -> int:
        """Print the number of alerts; gives the exit code."""
        noun = "alert" if self.raised == 1 else "alerts"
        print(f"{self.raised:,} {noun} in {seconds:.1f} s", file=self.remarks)
        return 0


def line(alert: Alert) -> str:
    """One line of text: time, ends, query and values."""
    when = datetime.fromtimestamp(alert.raised_ns // 10**9)
    told = ", ".join(said(name, value) for name, value in alert.values.items())
    parts = [f"{when:%H:%M:%S} {alert.who('>')}", told, alert.query]
    return " | ".join(filter(None, parts)) + "\n"


def alert(source: Source, telling: Telling, duration: float | None) -> int:
    """Read an open source until `duration` or a signal ends it; gives the exit code.

    Raises:
        TcctuiError: the source is gone, or the output can't be written.

    """
    announce(source, telling.remarks)
    begin_ns, wall_ns = clocks(source)
    telling.wall = WallClock(wall_ns - begin_ns, partial(clocks, source))
    watched = Watched(source, telling.store, APART_NS)
    with Ending() as ending:
        deliver(live(source, ending, begin_ns, duration), telling, watched)
    return telling.end((source.now_ns() - begin_ns) / 1e9)


def alert_of(timeline: Timeline, telling: Telling, duration: float | None) -> int:
    """Read a recording at full speed; gives the exit code.

    Raises:
        TcctuiError: it can't be read any more, or the output can't be written.

    """
    played = Played(timeline, duration)
    telling.wall = WallClock(timeline.origin.wall_offset_ns)
    deliver(played, telling)
    return telling.end((played.until_ns - played.first_ns) / 1e9)
