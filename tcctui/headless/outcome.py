"""`tcctui trace` with --until or --summary: a result instead of every event."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TextIO

from tcctui.errors import TcctuiError
from tcctui.fields.connection import ENDS, LOCAL, REMOTE
from tcctui.flows.store import Store
from tcctui.headless.busiest import Watched, busiest
from tcctui.headless.matching import Followed
from tcctui.headless.read_loop import Ending, Played, announce, live, losses
from tcctui.headless.summary import Summary
from tcctui.pump import Sink, deliver, polled
from tcctui.query import Query
from tcctui.query.value_text import TOLD_BY_ENDS, endpoint, said, value
from tcctui.recording.chunks import NO_EVENTS
from tcctui.recording.timeline import Timeline
from tcctui.source import Source
from tcctui.wire.batch import Batch

HAPPENED, DID_NOT_HAPPEN = 0, 3
"""Exit codes of --until."""

_APART_NS = 1_000_000_000
"""Nanoseconds between two checks of all connections."""

_TOLD_WITHIN_NS = 1_000_000_000
"""Nanoseconds within which the last sample of a socket that was destroyed comes, if it does."""

_FIRST_DUMP_NS = 1_000_000_000
"""Nanoseconds after which all sockets have been sampled once that were there before."""

_MOST_NAMED = 10
"""Matching connections that are named."""

LAST_LOOK, _LAST_WAIT = 1.5, 0.05
"""Seconds that the last samples may take, and between two polls for them."""


class Asked:
    """State of one `trace --until` or `--summary` run.

    It ends when a connection matches `until`, if given. `summary` is the form, `text` or `json`, of
    the result; None prints none. The match is printed too, on stderr beside a summary. `only`
    limits both: to connections that match it now, for `until`, and that matched it once, for the
    summary.
    """

    def __init__(
        self,
        *,
        until: Query | None,
        summary: str | None,
        only: Query | None = None,
        out: TextIO = sys.stdout,
        remarks: TextIO = sys.stderr,
    ) -> None:
        self._query = until
        both = until if until is None or only is None else only & until
        self._until = both
        self._form = summary
        self._out = out
        self.remarks = remarks
        self.summary = Summary() if summary else None
        self._followed = None if only is None or not summary else Followed(only)
        self.store = Store(0) if self._followed is None else self._followed.store
        self.found: list[str] = []

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
        """Search for a matching connection unless one was found; True if there is one."""
        if self._until is not None and not self.found:
            self.found = matching_lines(self._until, self.store)
        return bool(self.found)

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
        if self.found:
            lines = "".join(f"{line}\n" for line in self.found)
            (self._out if self.summary is None else self.remarks).write(lines)
        if self.summary is not None and self._form == "json":
            self._out.write(self.summary.as_json(seconds, lost, skipped))
        elif self.summary is not None:
            self._out.write(self.summary.as_text())
        self._out.flush()
        if self._query is None:
            count = 0 if self.summary is None else len(self.summary)
            noun = "connection" if count == 1 else "connections"
            print(
                f"{count:,} {noun} in {seconds:.1f} s, {losses(lost, skipped)}", file=self.remarks
            )
            return 0
        result = "Match after" if self.found else "No match within"
        print(
            f"{result} {seconds:.1f} s: {self._query.text}; {losses(lost, skipped)}",
            file=self.remarks,
        )
        return HAPPENED if self.found else DID_NOT_HAPPEN


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
            _look_last(source, asked)
            asked.search()
    return asked.tell((end_ns - begin_ns) / 1e9, source.lost(), source.skipped())


def outcome_of(timeline: Timeline, asked: Asked, duration: float | None) -> int:
    """Read a recording as a live source, at full speed; gives the exit code.

    Raises:
        TcctuiError: it can't be read any more, or the output can't be written.

    """
    played = Played(timeline, duration)
    end_ns = asked.read(played)
    asked.look()
    return asked.tell(max(0, end_ns - played.first_ns) / 1e9, played.lost, played.skipped)


def _look_last(source: Source, asked: Asked) -> None:
    """Sample all sockets once more: the last sample of an idle one may be seconds old."""
    store = asked.store
    asked.look()
    now_ns, deadline = source.now_ns(), time.monotonic() + LAST_LOOK
    source.watch(store.sockets(busiest(store)))

    def ended(_: Batch) -> bool:
        return time.monotonic() >= deadline or not _to_come(store, now_ns)

    # Events from now on do not count.
    samples = (replace(batch, events=NO_EVENTS) for batch in polled(source, lambda: _LAST_WAIT))
    if _to_come(store, now_ns):
        with suppress(TcctuiError):
            deliver(samples, asked, until=ended)
    asked.look()


def _to_come(store: Store, now_ns: int) -> bool:
    """True while samples are pending: a current one of the open, a final one of the closed."""
    flows = store.flows(["sampled_ns", "closed_ns"])
    sampled_ns, closed_ns = flows["sampled_ns"], flows["closed_ns"]
    missing = (closed_ns == 0) & (sampled_ns < now_ns)
    missing |= (closed_ns > now_ns - _TOLD_WITHIN_NS) & (sampled_ns < closed_ns)
    return bool(missing.any())


def matching_lines(query: Query, store: Store) -> list[str]:
    """Lines for up to ten matching connections; empty without a match.

    A line has both ends and the queried values: `192.0.2.1:40000 > 192.0.2.2:443 | retrans 12`.
    """
    flows = store.flows(query.fields)
    mask = query.mask(flows)
    if not mask.any():
        return []
    asked = sorted(query.fields - TOLD_BY_ENDS)
    cookies = flows["cookie"][mask]
    # The values that matched, not the current ones: another thread may have changed the store.
    values = [flows[name][mask] for name in asked]
    ends = store.some_flows(cookies, ENDS)
    lines = []
    for place in range(min(len(cookies), _MOST_NAMED)):
        told = [
            said(name, value(name, column[place]))
            for name, column in zip(asked, values, strict=True)
        ]
        both = f"{endpoint(ends, LOCAL, place)} > {endpoint(ends, REMOTE, place)}"
        lines.append(" ".join([both, *(["|", *told] if told else [])]))
    if len(cookies) > _MOST_NAMED:
        lines.append(f"and {len(cookies) - _MOST_NAMED:,} more")
    return lines
