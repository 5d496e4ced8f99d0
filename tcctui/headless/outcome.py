"""`tcctui trace` with --until, --fail-if or --summary: a result instead of every event."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

from tcctui.alerts.condition import Condition
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.store import Store
from tcctui.headless.busiest import Watched
from tcctui.headless.host_report import HostReport
from tcctui.headless.matching import Followed
from tcctui.headless.read_loop import Ending, Played, announce, last_samples, live, losses
from tcctui.headless.sought import Sought
from tcctui.headless.summary import Summary
from tcctui.pump import Sink, deliver
from tcctui.query import Query
from tcctui.recording.timeline import Timeline
from tcctui.source import Source
from tcctui.wire.batch import Batch

HAPPENED, DID_NOT_HAPPEN = 0, 3
"""Exit codes of --until."""

FAILED = 4
"""Exit code of --fail-if where something matched; 0 where nothing did."""

_APART_NS = 1_000_000_000
"""Nanoseconds between two checks of all connections."""

_FIRST_DUMP_NS = 1_000_000_000
"""Nanoseconds after which all sockets have been sampled once that were there before."""


class Asked:
    """State of one `trace --until`, `--fail-if` or `--summary` run.

    It ends when a connection, or a group of them, meets `until` or `fail_if`, if given. `summary`
    is the form, `text` or `json`, of the result; None prints none. It is of each connection, or,
    with `of_host`, of all together. The match is printed too, on stderr beside a summary. `only`
    limits both: to connections that match it now, for the conditions, and that matched it once, for
    the summary.
    """

    def __init__(
        self,
        *,
        until: Query | Condition | None = None,
        fail_if: Query | Condition | None = None,
        summary: str | None,
        of_host: bool = False,
        only: Query | None = None,
        out: TextIO = sys.stdout,
        remarks: TextIO = sys.stderr,
    ) -> None:
        self._until = None if until is None else Sought(until, only)
        self._fail_if = None if fail_if is None else Sought(fail_if, only)
        self._form = summary
        self._out = out
        self.remarks = remarks
        self.summary: Summary | HostReport | None = None
        if summary:
            self.summary = HostReport() if of_host else Summary()
        self._followed = None if only is None or not summary else Followed(only)
        self.store = Store(0) if self._followed is None else self._followed.store
        self._found: Sought | None = None

    @property
    def found(self) -> bool:
        """True once something met a condition."""
        return self._found is not None

    def read(self, batches: Iterable[Batch], *sinks: Sink) -> int:
        """Read to the end, for other sinks too; gives the last batch's moment, 0 without one."""
        look_ns = 0

        def ended(batch: Batch) -> bool:
            nonlocal look_ns
            if self.search():
                return True
            if batch.now_ns >= look_ns:
                look_ns = batch.now_ns + _APART_NS
                self.look()
            return False

        last = deliver(batches, self, *sinks, until=ended)
        return 0 if last is None else last.now_ns

    def take(self, batch: Batch) -> None:
        """Take in a batch."""
        (self._followed or self.store).take(batch)
        if self.summary is not None:
            self.summary.take(batch)

    def search(self) -> bool:
        """Search for what meets a condition unless something did; True if there is something."""
        for sought in (self._fail_if, self._until):
            if self._found is None and sought is not None and sought.search(self.store):
                self._found = sought
        return self.found

    def look(self) -> None:
        """Update the summary from the store."""
        if self.summary is not None:
            self.summary.look(self.store)

    def tell(self, seconds: float, lost: int, skipped: int) -> int:
        """Print the result; gives the exit code.

        Raises:
            TcctuiError: the output can't be written.

        """
        if self.summary is not None and self._followed is not None:
            self.summary.only = self._followed.cookies
        if self._found is not None:
            lines = "".join(f"{line}\n" for line in self._found.lines)
            (self._out if self.summary is None else self.remarks).write(lines)
        if self.summary is not None and self._form == "json":
            self._out.write(self.summary.as_json(seconds, lost, skipped))
        elif self.summary is not None:
            self._out.write(self.summary.as_text())
        self._out.flush()
        if self._until is None and self._fail_if is None:
            count = 0 if self.summary is None else len(self.summary)
            noun = "connection" if count == 1 else "connections"
            print(
                f"{count:,} {noun} in {seconds:.1f} s, {losses(lost, skipped)}", file=self.remarks
            )
            return 0
        return self._result(seconds, losses(lost, skipped))

    def _result(self, seconds: float, lost: str) -> int:
        """Say what met a condition, or that nothing did; gives the exit code."""
        asked = [self._found] if self._found is not None else [self._until, self._fail_if]
        texts = " and ".join(sought.condition.text for sought in asked if sought is not None)
        result = "Match after" if self.found else "No match within"
        print(f"{result} {seconds:.1f} s: {texts}; {lost}", file=self.remarks)
        if self._found is not None:
            return FAILED if self._found is self._fail_if else HAPPENED
        return HAPPENED if self._until is None else DID_NOT_HAPPEN


def outcome(source: Source, asked: Asked, duration: float | None) -> int:
    """Read an open source until a match, `duration` or a signal; gives the exit code.

    Raises:
        TcctuiError: the source is gone, or the output can't be written.

    """
    announce(source, asked.remarks)
    begin_ns = source.now_ns()
    if asked.summary is not None:
        asked.summary.all_known_ns = begin_ns + _FIRST_DUMP_NS
    with Ending() as ending:
        watched = Watched(source, asked.store, _APART_NS)
        end_ns = asked.read(live(source, ending, begin_ns, duration), watched)
        if asked.summary is not None or not asked.found:
            asked.look()
            deliver(last_samples(source, asked.store), asked)
            asked.look()
            asked.search()
    return asked.tell((end_ns - begin_ns) / 1e9, source.lost(), source.skipped())


def outcome_of(timeline: Timeline, asked: Asked, duration: float | None) -> int:
    """Read a recording as a live source, at full speed; gives the exit code.

    Raises:
        TcctuiError: it can't be read any more, or the output can't be written.

    """
    played = Played(timeline, duration)
    # A recording out of a recording begins with what was known before it.
    if found := timeline.keyframe(timeline.span.first_ns):
        with suppress(ValueError):  # of another version
            asked.store.restore(Keyframe.from_bytes(found[1]))
    end_ns = asked.read(played)
    asked.look()
    return asked.tell(max(0, end_ns - played.first_ns) / 1e9, played.lost, played.skipped)
