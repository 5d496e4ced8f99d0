"""`tcctui record`: all that comes from the kernel into a recording, without a screen."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from tcctui.errors import TcctuiError
from tcctui.files.file_sizes import size
from tcctui.flows.store import Store
from tcctui.headless.matching import Followed
from tcctui.headless.read_loop import Ending, GivenUpError, rounds
from tcctui.printable import plain
from tcctui.query import Query
from tcctui.recording.idle_chunks import IdleChunks
from tcctui.recording.origin import live_origin
from tcctui.recording.tape import Tape
from tcctui.recording.timeline import Origin
from tcctui.recording.writer import PipeClosedError, RecordingWriter
from tcctui.recording.writer_thread import RecordingThread
from tcctui.source import Source

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
) -> int:
    """Record from an open source to a file, or to standard output; gives the exit code.

    With a `query`, what is of connections that match it, from the first time on that they do.

    It ends after `duration` seconds, by SIGINT, SIGTERM or SIGHUP, or when nobody reads any more.

    Raises:
        TcctuiError: the file can't be made or written, or the source is gone.

    """
    shortfall = source.shortfall
    if shortfall is not None:
        print(f"Recording less than there is: {shortfall}", file=remarks)
    with Ending() as ending:
        begin_ns = source.now_ns()
        piped = path is None and into_a_pipe()
        if piped:  # before anything is sent: whoever reads it may draw on the same terminal then
            announce(source, None, remarks, query)
        followed = None if query is None else Followed(query, forgetting=True)
        writer = RecordingWriter(path, _origin(source, query), force=force)
        output = RecordingThread(writer)
        if not piped:
            announce(source, path, remarks, query)
        progress = Progress(source, writer, remarks, quiet=piped)
        # What is known now goes into keyframes; a recording needs no histories.
        store = Store(0)
        quiet = IdleChunks(output.write)
        # Whoever reads a pipe, or a FIFO, goes by what comes each second.
        is_file = path is not None and path.is_file()
        tape = Tape(store, begin_ns, quiet.write if is_file else output.write)
        try:
            for part in rounds(source, ending, begin_ns, duration):
                if followed is not None:
                    part = part.of(followed)  # noqa: PLW2901
                part.into(store)
                for samples in part.samples:
                    tape.add_samples(samples)
                tape.add_events(part.events, part.now_ns, source.lost(), source.skipped())
                output.check()
                progress.show()
            tape.flush(source.now_ns())
            quiet.flush()
            output.close()
        except PipeClosedError as error:
            progress.end()
            print(error.reason, file=remarks)
            return 0
        except (KeyboardInterrupt, GivenUpError):
            output.give_up()
            progress.end()
            raise
        except BaseException:
            with suppress(TcctuiError):  # what came until now
                tape.flush(source.now_ns())
                quiet.flush()
                output.close()
            progress.end()
            raise
        progress.end()
    if source.shortfall is not shortfall and not piped:
        print(f"From some time on, less was recorded: {source.shortfall}", file=remarks)
    return 0


def into_a_pipe() -> bool:
    """Whether standard output is anything but a file: somebody reads it while it is written."""
    return not stat.S_ISREG(os.fstat(1).st_mode)


def _origin(source: Source, query: Query | None) -> Origin:
    """Say where it is from, and by which filter: all of it, not the kernel's part alone."""
    origin = live_origin(source)
    return origin if query is None else replace(origin, kernel_filter=query.text)


def announce(source: Source, path: Path | None, out: TextIO, query: Query | None = None) -> None:
    """Say what is recorded."""
    told = f", {source.kernel_filter}" if source.kernel_filter else ""
    if query is not None:
        told = f", what matches {query.text}"
        if source.kernel_filter:
            told += f" (in the kernel: {source.kernel_filter})"
    where = "" if path is None else f" to {path}"
    text = f"Recording {source.description}{plain(told)}{where}; Ctrl-C ends it."
    print(text, file=out, flush=True)


class Progress:
    """Says on `out` how much was recorded: each second where it is a terminal, and at the end.

    With `quiet`, nothing: also over ssh, it would be written across the screen of a replay.
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
        self._next = self._begun

    def show(self) -> None:
        """Write the line anew, if it is time to."""
        now = time.monotonic()
        if not self._terminal or self._quiet or now < self._next:
            return
        self._next = now + _APART
        self._out.write(f"\r{self._line(now)}\x1b[K")
        self._out.flush()

    def end(self) -> None:
        """Write the last line."""
        if self._quiet:
            return
        start = "\r" if self._terminal else ""
        end = "\x1b[K\n" if self._terminal else "\n"
        self._out.write(f"{start}{self._line(time.monotonic())}{end}")
        self._out.flush()

    def _line(self, now: float) -> str:
        source, writer = self._source, self._writer
        return line(
            now - self._begun, writer.events, writer.nbytes, source.lost(), source.skipped()
        )


def line(elapsed: float, events: int, nbytes: int, lost: int, skipped: int) -> str:
    """Say how much was recorded: elapsed seconds, events, size, bytes for each event, losses."""
    seconds = round(elapsed)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    parts = [clock, f"{events:,} events", size(nbytes)]
    if events:
        parts.append(f"{nbytes / events:.1f} B/event")
    parts.append(f"{lost:,} lost")
    if skipped:
        parts[-1] += f", {skipped:,} skipped by the kernel"
    return "  " + "  ".join(parts)
