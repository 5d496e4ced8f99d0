"""A recording on disk as a timeline: indexed by its batches' heads, read on demand."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tcctui.errors import TcctuiError
from tcctui.flows.index import Keys
from tcctui.flows.keyframe.keyframe import unpacked_size
from tcctui.memory import READING_MEMORY
from tcctui.printable import plain
from tcctui.recording import file_index as index
from tcctui.recording import ipc_frames as frames
from tcctui.recording.arrow_reader import Decoder
from tcctui.recording.budget import Budget
from tcctui.recording.chunks import Chunk
from tcctui.recording.open_flows import OpenFlows
from tcctui.recording.timeline import Origin, Span

_PEEK = 512
"""Bytes read of each message: usually all of its metadata that is needed."""

_WITHOUT_WAITING: int = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_STRANGE = 1000
"""Messages that are no batches, after which a walk ends: tcctui writes none."""

_SLACK_NS = 1_000_000_000  # by which a chunk may begin before its predecessor ends


class Totals(NamedTuple):
    """Totals of a recording from its batches' heads; `lost` and `skipped` are those at its end."""

    batches: int
    events: int
    lost: int
    skipped: int


class Recording:
    """A complete or truncated file of `RecordingWriter`; a `Timeline`.

    `remark` is a sentence about missing parts, or empty. The file is read and not mapped: a file
    that is truncated meanwhile would kill every process that has it mapped. `memory` is the budget
    for reading it, in bytes; see `Budget`. A file that is open already comes as its `descriptor`,
    which is closed with the recording.

    Raises:
        TcctuiError: there is no such file, it can't be read, or nothing in it is a recording; or it
            is beyond the budget, which later reading may find, too.

    """

    def __init__(
        self, path: Path, memory: int = READING_MEMORY, descriptor: int | None = None
    ) -> None:
        self._path = path
        self._budget = Budget(path.name, memory)
        self._open = OpenFlows(self._budget)
        self._next = 0  # the place of the batch behind the last that was read whole
        self._lock = threading.Lock()
        self._damaged: set[int] = set()
        self._descriptor = _opened(path) if descriptor is None else descriptor
        try:
            self._size = os.fstat(self._descriptor).st_size
            self._found()
        except BaseException:
            self.close()
            raise

    @property
    def origin(self) -> Origin:
        """Origin of the recording: host, kernel, source, clock."""
        return self._decoder.origin

    @property
    def span(self) -> Span:
        """First and last moment."""
        return self._span

    @property
    def remark(self) -> str:
        """Missing parts, in a sentence; reading may find more."""
        remarks = list(self._remarks)
        if self._damaged:
            remarks.append(f"{_batches(len(self._damaged))} damaged and left out")
        return plain(f"Of {self._path.name}: {'; '.join(remarks)}.") if remarks else ""

    def totals(self) -> Totals:
        """Totals of the recording."""
        last = self._batches[-1].note
        events = int(self._batches.events.sum())
        return Totals(len(self._batches), events, last.lost, last.skipped)

    def keyframe(self, at_ns: int) -> tuple[int, bytes] | None:
        """Newest keyframe at or before `at_ns`, and its moment.

        Raises:
            TcctuiError: the file can't be read any more, or the keyframe is beyond the budget.

        """
        known = self._batches.with_keyframe
        count = np.searchsorted(self._batches.ends_ns[known], at_ns, "right")
        for place in known[:count][::-1].tolist():
            batch = self._batches[place]
            try:
                keyframe = self._decoder.keyframe(self._message(batch), batch.at, batch.note)
            except ValueError:
                self._damaged.add(batch.at)
                continue
            if keyframe:
                size = unpacked_size(keyframe)
                self._budget.charge_keyframe(batch.at, len(keyframe), size)
                return batch.note.end_ns, keyframe
        return None

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        """Chunks without keyframes; see `Timeline.chunks`.

        Raises:
            TcctuiError: the file can't be read any more.

        """
        first = int(np.searchsorted(self._batches.ends_ns, after_ns, "right"))
        for place in range(first, len(self._batches)):
            batch = self._batches[place]
            if batch.note.begin_ns > until_ns + _SLACK_NS:
                return
            if batch.note.begin_ns > until_ns:
                continue
            try:
                message = self._message(batch)
                chunk = self._decoder.chunk(message, batch.at, cookies, keyframe=False)
            except ValueError:
                self._damaged.add(batch.at)
                continue
            if (chunk.begin_ns, chunk.end_ns) == batch.note[:2]:
                if cookies is None:
                    self._count_flows(chunk, place)
                yield chunk
            else:
                self._damaged.add(batch.at)

    def _count_flows(self, chunk: Chunk, place: int) -> None:
        if place != self._next:
            self._open.begin()
        self._next = place + 1
        self._open.see(chunk)

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1

    def _read(self, at: int, size: int) -> bytes:
        with self._lock:
            if self._descriptor < 0:
                raise TcctuiError(f"{self._path} is closed.")
            try:
                os.lseek(self._descriptor, at, os.SEEK_SET)
                data = os.read(self._descriptor, size)
            except OSError as error:
                raise TcctuiError(
                    f"{self._path} can't be read: {error.strerror}.", "Copy it to another disk."
                ) from error
        return data

    def _message(self, batch: index.Batch) -> bytes:
        data = self._read(batch.at, batch.size)
        if len(data) < batch.size:
            raise TcctuiError(
                f"{self._path} was cut short while it was read.",
                "Open it again to see the rest.",
            )
        return data

    def _found(self) -> None:
        """Find schema and batches, by their heads."""
        self._remarks: list[str] = []
        size = self._schema()
        batches = self._indexed(size) or index.Batches.of(self._walked(size))
        if not batches and self._damaged:
            raise TcctuiError(
                f"{self._path} is damaged: no batch of it can be read.", "Record anew."
            )
        if not batches:
            raise TcctuiError(
                f"{self._path} has no whole batch: it was cut off in its first second.",
                "Record again, for longer.",
            )
        self._budget.see_batches(batches.sizes, batches.events, batches.samples)
        self._batches = batches.following()
        if len(self._batches) < len(batches):
            stray = len(batches) - len(self._batches)
            self._remarks.append(f"{_batches(stray)} out of order and left out")
        self._span = Span(self._batches[0].note.begin_ns, self._batches[-1].note.end_ns)

    def _schema(self) -> int:
        if not self._size:
            raise TcctuiError(f"{self._path} is empty.", "Nothing was recorded into it.")
        try:
            length = frames.metadata_length(self._read(0, frames.PREFIX).ljust(frames.PREFIX))
            size = frames.PREFIX + length
            data = self._read(0, size)
            if len(data) == size and frames.head(data[frames.PREFIX :]).kind == frames.SCHEMA:
                self._decoder = Decoder(data, self._budget)
                return size
            reason = (
                "it is cut off before its first batch" if len(data) < size else "it has no schema"
            )
        except ValueError as error:
            reason = str(error)
        except TcctuiError as error:
            raise TcctuiError(f"{self._path} can't be read. {error.reason}", error.mend) from error
        raise TcctuiError(
            f"{self._path} is not a recording of tcctui: {reason}.", "Make one: tcctui record FILE"
        )

    def _indexed(self, first: int) -> index.Batches | None:
        """Batches from the index behind the stream's end; None without a valid one."""
        trailer_at = max(0, self._size - index.TRAILER.size)
        length = self._index_length()
        packed_at = trailer_at - (length or 0)
        end = packed_at - len(frames.END)
        if length is None or end < first or self._read(end, len(frames.END)) != frames.END:
            return None
        return index.entries(self._read(packed_at, length), first, end)

    def _index_length(self) -> int | None:
        trailer = self._read(max(0, self._size - index.TRAILER.size), index.TRAILER.size)
        return index.packed_length(trailer, self._budget.most_batches)

    def _walked(self, at: int) -> Iterator[index.Batch]:
        """Batches of a walk, and no more than may be."""
        for count, batch in enumerate(self._walk(at)):
            if count >= self._budget.most_batches:
                self._budget.refuse(f"more than {count:,} batches")
            yield batch

    def _walk(self, at: int) -> Iterator[index.Batch]:
        """Walk from head to head until the end, or to the first damaged one."""
        strange = 0
        while at < self._size:
            peek = self._read(at, _PEEK)
            head = None
            try:
                if len(peek) >= frames.PREFIX:
                    length = frames.metadata_length(peek[: frames.PREFIX])
                    if not length:
                        if at + frames.PREFIX < self._size and self._index_length() is None:
                            self._left_out(at + frames.PREFIX, "come after its end")
                        return
                    if at + frames.PREFIX + length <= self._size:
                        head = self._head(peek, at, length)
            except ValueError:
                self._left_out(at, "can't be understood")
                return
            size = 0 if head is None else frames.PREFIX + length + head.body
            self._budget.charge(at, size, 0)
            if head is None or at + size > self._size:
                self._left_out(at, "are a batch that was cut off")
                return
            try:
                if head.kind == frames.BATCH and size >= frames.LEAST_BATCH:
                    yield index.Batch(at, size, self._note(head, at, size))
                else:
                    strange += 1
            except ValueError:
                self._damaged.add(at)
            at += size
            if strange > _STRANGE:
                self._left_out(at, "are no batches")
                return
        self._remarks.append("it has no end mark; it is still written to, or was cut off")

    def _head(self, peek: bytes, at: int, length: int) -> frames.Head:
        if length > len(peek) - frames.PREFIX:
            try:
                head = frames.head(memoryview(peek)[frames.PREFIX :])
                if head.note:
                    return head
            except ValueError:
                pass
            peek = self._read(at, frames.PREFIX + length)
        return frames.head(memoryview(peek)[frames.PREFIX : frames.PREFIX + length])

    def _note(self, head: frames.Head, at: int, size: int) -> frames.Note:
        """Note of a batch; a batch without one is read to make it."""
        if head.note:
            return frames.Note.from_bytes(head.note)
        return frames.Note.of(self._decoder.chunk(self._read(at, size), at))

    def _left_out(self, at: int, why: str) -> None:
        self._remarks.append(f"the last {self._size - at} bytes {why} and are left out")


def _batches(count: int) -> str:
    return "one batch is" if count == 1 else f"{count} batches are"


def _opened(path: Path) -> int:
    try:
        # A FIFO would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | _WITHOUT_WAITING)
    except OSError as error:
        mends = {
            errno.EACCES: "Read it as its owner, or with sudo.",
            errno.ENOENT: f"Make one: tcctui record {path.with_suffix('.arrows').name}",
        }
        mend = mends.get(error.errno or 0, "Name a recording.")
        raise TcctuiError(f"{path} can't be opened: {error.strerror}.", mend) from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise TcctuiError(f"{path} is a directory.", "Name a recording in it.")
    raise TcctuiError(
        f"{path} is not a file.",
        "Only tcctui replay reads a pipe; for other commands, save it to a file first.",
    )
