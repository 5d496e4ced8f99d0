"""One export: finds the sockets, then writes the selection."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from tcctui.arrays import Records, distinct
from tcctui.errors import TcctuiError, UsageError
from tcctui.export import selection
from tcctui.export.algorithm_table import AlgorithmTable
from tcctui.export.arrow_tables import WRITERS, Table, redacted
from tcctui.export.event_tables import events_table, samples_table, sockets_table
from tcctui.export.flow_table import FlowTable
from tcctui.export.outfile import outfile
from tcctui.export.progress import Progress
from tcctui.export.query_matches import QueryMatches
from tcctui.export.seconds_table import seconds_table
from tcctui.export.selection import Selection
from tcctui.export.trimmed import trimmed
from tcctui.headless.matching import is_of_ends
from tcctui.memory import READING_MEMORY
from tcctui.printable import plain
from tcctui.query import ALL, Query
from tcctui.recording.attribution import Attribution
from tcctui.recording.chunks import Chunk
from tcctui.recording.redaction import KEPT, REPLACED, Redaction
from tcctui.recording.timeline import Timeline
from tcctui.recording.writer import RecordingWriter
from tcctui.wire.events import EVENT
from tcctui.wire.inside import INSIDE, NO_INSIDES
from tcctui.wire.samples import SAMPLE

_AROUND_NS = 60_000_000_000
"""Margin before and after the selection in which sockets are learned, in nanoseconds."""

_LEARNING = 0.4  # share of the time that it takes, about

_CONNECTION = 2048  # bytes of a row in the table of flows, while it is worked out

_PART = 1 << 17  # rows that are made at a time


class _Rows(NamedTuple):
    """A table of records: its maker, and the records of a chunk, of one dtype."""

    make: Callable[[Records, int], Table]
    taken: Callable[[Chunk], Records]
    form: np.dtype[np.void]


_ROWS: Mapping[str, _Rows] = {
    "events": _Rows(events_table, lambda chunk: chunk.events, EVENT),
    "samples": _Rows(samples_table, lambda chunk: chunk.samples, SAMPLE),
    "sockets": _Rows(sockets_table, lambda chunk: chunk.insides.sockets, INSIDE),
}
"""Tables with a row for each record, by name."""


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
        flows: Sequence[str] = (),
        redact: bool = False,
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
        self._text = query.text
        of_ends = is_of_ends(query)
        self._query = None if of_ends else query
        self._chosen = Selection(first, last, query if of_ends else ALL)
        self._redaction = Redaction() if redact else None
        self._lives = Attribution()
        self._algorithms: set[int] = set()  # their keys
        self._learn()
        self._named = [selection.flow(flow, self._lives.all()) for flow in flows]
        if self._named:
            self._chosen = replace(self._chosen, cookies=np.unique(np.concatenate(self._named)))

    def _learn(self) -> None:
        for chunk in self._going(self._chosen.chunks(self._recording, _AROUND_NS), 0, _LEARNING):
            self._lives.learn(chunk.events, chunk.samples)
            self._algorithms.update(distinct(chunk.insides.algorithms["key"]).tolist())

    def _going(self, chunks: Iterator[Chunk], begin: float, end: float) -> Iterator[Chunk]:
        """Report progress while chunks go by."""
        choice = self._chosen
        whole = max(1, choice.end_ns - choice.begin_ns)
        for chunk in chunks:
            yield chunk
            share = min(max((chunk.end_ns - choice.begin_ns) / whole, 0), 1)
            self._progress.show(begin + share * (end - begin))

    def table(self, name: str, out: Path, *, force: bool) -> None:
        """Write a table, one of `command.TABLES`.

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
        self._say(f"{out}: {rows:,} {name}{self._redacted}")

    @property
    def _connections(self) -> int:
        """Number of connections; a socket of which only its end is known had lost its own."""
        lives = self._lives.all()
        return len(np.unique(lives["cookie"][lives["dport"] > 0]))

    @property
    def _redacted(self) -> str:
        return "" if self._redaction is None else f"; {REPLACED}, {KEPT}"

    def recording(self, out: Path, *, force: bool) -> None:
        """Write the selection as a recording.

        Raises:
            TcctuiError: no connection matches, it can't be written, or the recording not be read.

        """
        chosen, told = self._of_flows(), ""
        origin = self._recording.origin
        if chosen.cookies is not None:
            count = len(chosen.cookies)
            told = f", {count:,} {'connection' if count == 1 else 'connections'} of"
            told += f" {self._connections:,}"
            text = self._text or f"cookie:{','.join(map(str, chosen.cookies[:8].tolist()))}"
            origin = replace(origin, kernel_filter=text)
        if self._redaction is not None:
            origin = self._redaction.origin(origin)
        try:
            chunks = self._going(trimmed(self._recording, chosen, self._lives), _LEARNING, 1)
            with closing(RecordingWriter(out, origin, force=force)) as writer:
                for chunk in chunks:
                    writer.write(chunk if self._redaction is None else self._redaction.chunk(chunk))
        finally:
            self._progress.clear()
        self._say(f"{out}: {writer.events:,} events{told}{self._redacted}")

    def _of_flows(self) -> Selection:
        """The selection as time and flows, all of each flow that matched."""
        chosen = self._chosen
        query = chosen.ends if self._query is None else self._query
        if query.text.strip():
            found = self._matches(query, _LEARNING).cookies()
            found = found[found > 0]  # of no known connection
            if chosen.cookies is not None:
                found = np.intersect1d(found, chosen.cookies)
            chosen = replace(chosen, ends=ALL, cookies=found)
        if chosen.cookies is not None and not len(chosen.cookies):
            raise TcctuiError(
                "No connection of the recording matches.",
                "tcctui export FILE flows.csv --table flows lists all of them.",
            )
        return chosen

    def _parts(self, name: str) -> Iterator[Table]:
        if name == "flows":
            table = self._flows()
            yield table if self._redaction is None else redacted(table, self._redaction)
            return
        if name == "seconds":
            span = self._recording.span
            begin_ns, end_ns = max(self._chosen.begin_ns, span.first_ns), self._chosen.end_ns
            yield seconds_table(self._chunks(), self._chosen, begin_ns, end_ns, self._offset)
            return
        if name == "algorithms":
            yield from self._of_algorithms()
            return
        make, taken, form = _ROWS[name]
        yield make(np.zeros(0, form), self._offset)
        for chunk in self._chunks():
            mine = chunk if self._redaction is None else self._redaction.chunk(chunk)
            records = taken(mine)
            for at in range(0, len(records), _PART):
                yield make(records[at : at + _PART], self._offset)

    def _of_algorithms(self) -> Iterator[Table]:
        made = AlgorithmTable(sorted(self._algorithms))
        yield made.rows(NO_INSIDES.algorithms, self._offset)
        for chunk in self._chunks():
            mine = chunk if self._redaction is None else self._redaction.chunk(chunk)
            made.learn(mine.insides.sockets, mine.samples)
            records = mine.insides.algorithms
            for at in range(0, len(records), _PART):
                yield made.rows(records[at : at + _PART], self._offset)

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
        return flows.worst.added(flows.table(self._chosen.end_ns, self._offset))

    def picture(self, out: Path, *, force: bool) -> None:
        """Draw the chart of one flow, or of some on shared axes.

        Raises:
            TcctuiError: there are several of one name, or it can't be written.

        """
        from tcctui.export.chart import draw  # noqa: PLC0415 - Textual

        cookies = self._drawn_flows()
        if len(set(cookies)) < len(cookies):
            raise UsageError("A connection is compared with itself.", "Name another one.")
        try:
            chunks = self._going(self._chosen.chunks(self._recording), _LEARNING, 1)
            drawn = draw(
                cookies,
                self._chosen,
                self._lives,
                chunks,
                ending=out.suffix,
                wall_offset_ns=self._offset,
            )
            with outfile(out, force=force) as file:
                file.write(drawn)
        finally:
            self._progress.clear()
        told = (" → ".join(selection.ends(cookie, self._lives.all())) for cookie in cookies)
        self._say(f"{out}: {', '.join(told)}")

    def xplot(self, out: Path, *, force: bool) -> None:
        """Write the time–sequence diagram of one flow as a file of xplot.

        Raises:
            TcctuiError: there are several of one name, it had no ACK, or it can't be written.

        """
        from tcctui.sequence import xplot  # noqa: PLC0415 - rarely asked for
        from tcctui.sequence.diagram import diagram  # noqa: PLC0415
        from tcctui.sequence.flow_reader import FlowReader  # noqa: PLC0415

        (cookie,) = self._drawn_flows()
        chosen = self._chosen
        drawn = diagram(FlowReader(self._recording, cookie).read(chosen.begin_ns, chosen.end_ns))
        if drawn is None:
            raise TcctuiError(
                "No ACK of this connection was traced in this time.",
                "Choose more of it (--from, --to), or another one (export --table flows).",
            )
        told = " → ".join(selection.ends(cookie, self._lives.all()))
        lines = xplot.lines(drawn, told, self._offset)
        with outfile(out, force=force) as file:
            file.writelines(f"{line}\n".encode() for line in lines)
        self._say(f"{out}: {told}")

    def _drawn_flows(self) -> list[int]:
        """Cookies of the flows that were named to be drawn."""
        if self._query is not None:
            raise UsageError(
                "A chart shows all of one connection, and --filter chooses among several.",
                "Leave --filter out, or write a table.",
            )
        for named in self._named:
            if len(named) > 1:
                raise TcctuiError(
                    f"There were {len(named)} such connections.",
                    f"Give the cookie of one: {', '.join(map(str, named[:8].tolist()))}.",
                )
        return [int(named[0]) for named in self._named]

    def _say(self, text: str) -> None:
        if self._told:
            print(plain(text), file=sys.stderr)
