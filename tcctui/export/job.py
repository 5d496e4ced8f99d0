"""One export: finds the sockets, then writes the selection."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np

from tcctui.errors import TcctuiError, UsageError
from tcctui.export import selection
from tcctui.export.arrow_tables import WRITERS, Table
from tcctui.export.attribution import Attribution
from tcctui.export.event_tables import events_table, samples_table
from tcctui.export.flow_table import FlowTable
from tcctui.export.outfile import outfile
from tcctui.export.progress import Progress
from tcctui.export.query_matches import QueryMatches
from tcctui.export.selection import Selection
from tcctui.headless.matching import is_of_ends
from tcctui.memory import READING_MEMORY
from tcctui.printable import plain
from tcctui.query import ALL, Query
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Timeline
from tcctui.wire.events import EVENT
from tcctui.wire.samples import SAMPLE

_AROUND_NS = 60_000_000_000
"""Margin before and after the selection in which sockets are learned, in nanoseconds."""

_LEARNING = 0.4  # share of the time that it takes, about

_CONNECTION = 2048  # bytes of a row in the table of flows, while it is worked out

_PART = 1 << 17  # rows that are made at a time


class Moment(Protocol):
    """Moment of a recording, as typed."""

    def of(self, timeline: Timeline, option: str) -> int:
        """Moment on the timeline's clock.

        Raises:
            TcctuiError: it is outside the timeline.

        """


class Job:
    """Exports the selection from a recording; the options are as in `command.export`.

    Raises:
        TcctuiError: they are inconsistent, or there is no such flow.

    """

    def __init__(
        self,
        recording: Timeline,
        query: Query,
        *,
        begin: Moment | None = None,
        end: Moment | None = None,
        flow: str | None = None,
        progress: bool = True,
        memory: int = READING_MEMORY,
    ) -> None:
        self._recording = recording
        self._memory = memory
        self._offset = recording.origin.wall_offset_ns
        self._progress = Progress("export", wanted=progress)
        self._told = progress
        span = recording.span
        first = (
            span.first_ns - selection.SLACK_NS if begin is None else begin.of(recording, "--from")
        )
        last = span.last_ns if end is None else end.of(recording, "--to")
        if first > last:
            raise UsageError("--from is after --to.", "Let it be before.")
        of_ends = is_of_ends(query)
        self._query = None if of_ends else query
        self._chosen = Selection(first, last, query if of_ends else ALL)
        self._lives = Attribution()
        self._learn()
        if flow is not None:
            self._chosen = replace(self._chosen, cookies=selection.flow(flow, self._lives.all()))

    def _learn(self) -> None:
        for chunk in self._going(self._chosen.chunks(self._recording, _AROUND_NS), 0, _LEARNING):
            self._lives.learn(chunk.events, chunk.samples)

    def _going(self, chunks: Iterator[Chunk], begin: float, end: float) -> Iterator[Chunk]:
        """Report progress while chunks go by."""
        choice = self._chosen
        whole = max(1, choice.end_ns - choice.begin_ns)
        for chunk in chunks:
            yield chunk
            share = min(max((chunk.end_ns - choice.begin_ns) / whole, 0), 1)
            self._progress.show(begin + share * (end - begin))

    def table(self, name: str, out: Path, *, force: bool) -> None:
        """Write a table: events, samples or flows.

        Raises:
            TcctuiError: it can't be written, or the recording not be read.

        """
        rows = 0
        try:
            with outfile(out, force=force) as file:
                parts = self._parts(name)
                first = next(parts)  # it may be empty, and says what columns there are
                writer = WRITERS[out.suffix](file, first.schema)
                for part in chain([first], parts):
                    writer.write_table(part)
                    rows += part.num_rows
                writer.close()
        finally:
            self._progress.clear()
        self._say(f"{out}: {rows:,} {name}")

    def _parts(self, name: str) -> Iterator[Table]:
        if name == "flows":
            yield self._flows()
            return
        make = events_table if name == "events" else samples_table
        nothing = np.zeros(0, EVENT if name == "events" else SAMPLE)
        yield make(nothing, self._offset)
        for mine in self._chunks():
            records = mine.events if name == "events" else mine.samples
            for at in range(0, len(records), _PART):
                yield make(records[at : at + _PART], self._offset)

    def _chunks(self) -> Iterator[Chunk]:
        """Selected records, a chunk at a time."""
        if self._query is not None:
            yield from self._matches(self._query, 1).chunks()
            return
        for chunk in self._going(self._chosen.chunks(self._recording), _LEARNING, 1):
            yield self._chosen.of(chunk, self._lives.cookies(chunk.events))

    def _matches(self, query: Query, end: float) -> QueryMatches:
        """Matches of a query, found until this share of the progress."""

        def going(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
            return self._going(chunks, _LEARNING, end)

        return QueryMatches(query, self._recording, self._chosen, self._lives, going)

    def _flows(self) -> Table:
        connections = len(self._lives.all())
        if connections * _CONNECTION > self._memory:
            raise TcctuiError(
                f"The selection has {connections:,} connections, a row for each of which takes more"
                " memory than it may.",
                "Choose less of it (--from, --to, --ip), or allow more: --reading-memory"
                f" {-(-connections * _CONNECTION >> 30)}G",
            )
        begin = _LEARNING
        if self._query is not None:
            begin = (1 + _LEARNING) / 2
            found = self._matches(self._query, begin).cookies()
            self._chosen = replace(self._chosen, cookies=found)
        flows = FlowTable(self._chosen, self._lives)
        for chunk in self._going(flows.begin(self._recording), begin, 1):
            flows.add(chunk)
        return flows.table(self._chosen.end_ns, self._offset)

    def picture(self, out: Path, *, force: bool) -> None:
        """Draw the chart of one flow.

        Raises:
            TcctuiError: there are several, or it can't be written.

        """
        from tcctui.export.chart import draw  # noqa: PLC0415 - Textual

        cookies = self._chosen.cookies
        assert cookies is not None
        if self._query is not None:
            raise UsageError(
                "A chart shows all of one connection, and --filter chooses among several.",
                "Leave --filter out, or write a table.",
            )
        if len(cookies) > 1:
            raise TcctuiError(
                f"There were {len(cookies)} such connections.",
                f"Give the cookie of one: {', '.join(map(str, cookies[:8].tolist()))}.",
            )
        try:
            chunks = self._going(self._chosen.chunks(self._recording), _LEARNING, 1)
            drawn = draw(int(cookies[0]), self._chosen, self._lives, chunks, out.suffix)
            with outfile(out, force=force) as file:
                file.write(drawn.encode())
        finally:
            self._progress.clear()
        self._say(f"{out}: {' → '.join(selection.ends(int(cookies[0]), self._lives.all()))}")

    def _say(self, text: str) -> None:
        if self._told:
            print(plain(text), file=sys.stderr)
