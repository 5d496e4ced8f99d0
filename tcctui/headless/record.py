"""`tcctui record`: everything from the kernel into a recording, without a screen."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TextIO

from tcctui.errors import PipeClosedError, SocketsUnreadError, TcctuiError
from tcctui.files.new_file import is_regular
from tcctui.flows.store import Store
from tcctui.headless.last_minutes import Kept
from tcctui.headless.matching import Followed
from tcctui.headless.read_loop import Ending, GivenUpError, last_samples, live
from tcctui.magnitudes import DECIMAL, scaled
from tcctui.printable import plain
from tcctui.pump import deliver
from tcctui.query import Query
from tcctui.recording.chunk_cutter import ChunkCutter
from tcctui.recording.chunks import IdleChunks
from tcctui.recording.origin import live_origin
from tcctui.recording.timeline import Origin
from tcctui.recording.writer import RecordingWriter
from tcctui.recording.writer_thread import RecordingThread
from tcctui.source import Source
from tcctui.wire.batch import Batch
from tcctui.wire.inside import EVERYTHING

_APART = 1.0
"""Seconds between two progress lines."""


def record(
    source: Source,
    path: Path | None,
    *,
    force: bool,
    duration: float | None,
    remarks: TextIO,
    query: Query | None = None,
    kept: Kept | None = None,
    inside: bool = False,
) -> int:
    """Record an open source to a file, or to standard output; gives the exit code.

    With a `query`, connections are recorded from their first match on; with `inside`, so is what
    their sockets and algorithms hold at each ACK. What was `kept` comes first. It ends after
    `duration` seconds, by SIGINT, SIGTERM or SIGHUP, or when the reader closes the pipe.

    Raises:
        TcctuiError: the file can't be made or written, the source is gone, or sockets can't be
            read.

    """
    if inside:
        _look_inside(source)
    shortfall = _remark(source, remarks)
    with Ending() as ending:
        begin_ns = source.now_ns()
        piped = path is None and into_a_pipe()
        if piped:  # before anything is sent: the reader may draw on the same terminal from then on
            announce(source, None, remarks, query)
        followed = None if query is None else Followed(query, forgetting=True)
        with ending.at_once():
            writer = RecordingWriter(
                path, _origin(source, query, begin_ns, kept, inside=inside), force=force
            )
        output = RecordingThread(writer)
        if not piped:
            announce(source, path, remarks, query)
        progress = Progress(source, writer, remarks, quiet=piped)
        # The store serves keyframes alone; a recording needs no histories.
        store = Store(0)
        quiet = IdleChunks(output.write)
        # The reader of a pipe or FIFO expects a chunk each second.
        is_file = path is not None and is_regular(path)
        since_ns = begin_ns if kept is None else kept.first_ns(begin_ns)
        cutter = ChunkCutter(
            store,
            since_ns,
            quiet.write if is_file else output.write,
            losses=lambda: _losses(source, kept),
        )

        def failed(_: Batch) -> bool:
            progress.show()
            return output.failed

        try:
            parts = chain(live(source, ending, begin_ns, duration), last_samples(source, store))
            chosen = parts if followed is None else map(followed.choose, parts)
            past = () if kept is None else _past(kept, since_ns, begin_ns, ending)
            deliver(chain(past, chosen), store, cutter, until=failed)
            cutter.flush(source.now_ns())
            quiet.flush()
            output.close()
        except PipeClosedError as error:
            progress.end()
            print(error.reason, file=remarks)
            return error.status
        except (KeyboardInterrupt, GivenUpError):
            output.give_up()
            progress.end()
            raise
        except BaseException:
            with suppress(TcctuiError):  # what is pending
                cutter.flush(source.now_ns())
                quiet.flush()
            with suppress(TcctuiError):  # after a failed write too, the end has to be in the file
                output.close()
            progress.end()
            raise
        progress.end()
    if source.shortfall is not shortfall and not piped:
        print(f"From some time on, less was recorded: {source.shortfall}", file=remarks)
    return 0


def _remark(source: Source, remarks: TextIO) -> TcctuiError | None:
    """Say what is missing from the start; gives the same."""
    if source.shortfall is not None:
        print(f"Recording less than there is: {source.shortfall}", file=remarks)
    return source.shortfall


def _look_inside(source: Source) -> None:
    """Have what sockets and algorithms hold at each ACK read, too.

    Raises:
        SocketsUnreadError: they can't be read.

    """
    if not source.look_inside(EVERYTHING):
        raise SocketsUnreadError


def into_a_pipe() -> bool:
    """True if standard output is not a file: it has a reader at this moment."""
    return not stat.S_ISREG(os.fstat(1).st_mode)


def _wall_ahead() -> float:
    """Seconds from CLOCK_MONOTONIC, which stops while the machine sleeps, to the wall clock."""
    return time.time() - time.monotonic()


def _past(kept: Kept, since_ns: int, begin_ns: int, ending: Ending) -> Iterator[Batch]:
    """Batches of what was kept until the recording's begin, or a signal."""
    for batch in kept.batches(since_ns, begin_ns):
        if ending.asked:
            return
        yield batch


def _losses(source: Source, kept: Kept | None) -> tuple[int, int]:
    """Events lost and skipped since the recording's begin, those of the agent among them."""
    before = (0, 0) if kept is None else (kept.lost, kept.skipped)
    return before[0] + source.lost(), before[1] + source.skipped()


def _origin(
    source: Source, query: Query | None, begin_ns: int, kept: Kept | None, *, inside: bool
) -> Origin:
    """Describe the origin and the filter: all of it, not the kernel's part alone."""
    origin = replace(live_origin(source), inside=int(inside))
    if kept is not None:
        interval_ns = max(origin.interval_ns, kept.minutes.interval_ns)
        origin = replace(origin, interval_ns=interval_ns, live_from_ns=begin_ns)
    return origin if query is None else replace(origin, kernel_filter=query.text)


def announce(source: Source, path: Path | None, out: TextIO, query: Query | None = None) -> None:
    """Announce the source, the target and the query."""
    told = f", {source.kernel_filter}" if source.kernel_filter else ""
    if query is not None:
        told = f", what matches {query.text}"
        if source.kernel_filter:
            told += f" (in the kernel: {source.kernel_filter})"
    where = "" if path is None else f" to {path}"
    text = f"Recording {source.description}{plain(told)}{where}; Ctrl-C ends it."
    print(text, file=out, flush=True)


class Progress:
    """Reports progress on `out`: each second on a terminal, and at the end.

    With `quiet`, nothing: even over ssh it would be written across the screen of a replay.
    """

    def __init__(
        self, source: Source, writer: RecordingWriter, out: TextIO, *, quiet: bool = False
    ) -> None:
        self._source = source
        self._writer = writer
        self._out = out
        self._quiet = quiet
        self._terminal = out.isatty()
        self._begun = time.monotonic()
        self._wall_ahead = _wall_ahead()
        self._next = self._begun

    def show(self) -> None:
        """Rewrite the line if it is time to."""
        now = time.monotonic()
        if not self._terminal or self._quiet or now < self._next:
            return
        self._next = now + _APART
        self._out.write(f"\r{self._line(now)}\x1b[K")
        self._out.flush()

    def end(self) -> None:
        """Write the last line, and what makes times in the recording differ from the clock's."""
        if self._quiet:
            return
        start = "\r" if self._terminal else ""
        end = "\x1b[K\n" if self._terminal else "\n"
        self._out.write(f"{start}{self._line(time.monotonic())}{end}")
        if moved := round(_wall_ahead() - self._wall_ahead):
            self._out.write(
                f"The wall clock went {moved:+,} s against the kernel's meanwhile: it was set, or"
                " the machine slept. Times in the recording go by the clock of its beginning.\n"
            )
        self._out.flush()

    def _line(self, now: float) -> str:
        source, writer = self._source, self._writer
        return line(
            now - self._begun, writer.events, writer.nbytes, source.lost(), source.skipped()
        )


def line(elapsed: float, events: int, nbytes: int, lost: int, skipped: int) -> str:
    """Format progress: elapsed seconds, events, size, bytes per event, losses."""
    seconds = round(elapsed)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    parts = [clock, f"{events:,} events", size(nbytes)]
    if events:
        parts.append(f"{nbytes / events:.1f} B/event")
    parts.append(f"{lost:,} lost")
    if skipped:
        parts[-1] += f", {skipped:,} skipped by the kernel"
    return "  " + "  ".join(parts)


def size(nbytes: int) -> str:
    """Format bytes in powers of 1000, as files are measured: 12.3 MB."""
    number, prefix = scaled(nbytes, DECIMAL, 999.95)
    return f"{number:.1f} {prefix}B" if prefix else f"{nbytes} B"
