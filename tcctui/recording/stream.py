"""A recording from a pipe, as a source like any other."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Protocol

from tcctui.arrays import Records
from tcctui.errors import TcctuiError
from tcctui.memory import READING_MEMORY
from tcctui.recording import ipc_frames as frames
from tcctui.recording.arrow_reader import Decoder
from tcctui.recording.budget import Budget
from tcctui.recording.chunks import NO_EVENTS
from tcctui.recording.open_flows import OpenFlows
from tcctui.recording.pacing import Pace
from tcctui.recording.timeline import Origin
from tcctui.wire.events import Events
from tcctui.wire.inside import NO_INSIDES, Asked, Insides, together
from tcctui.wire.records import joined
from tcctui.wire.samples import NO_SAMPLES, Samples

if TYPE_CHECKING:
    from tcctui.query import Query

STEP = 0.1
"""Seconds between two deliveries."""

_ROOM = 256 << 20
"""Largest backlog in bytes; beyond it the pipe is not read, and its writer waits."""

_PIECE = 1 << 20


class _EndError(Exception):
    """End of the pipe, or of the source."""


class Writer(Protocol):
    """Program at the pipe's other end, where it was started here."""

    def said(self) -> str:
        """Its own reason for having ended, in a sentence; empty without one."""

    def end(self) -> None:
        """End it, and wait until it has; may be called twice."""


class RecordingStream:
    """Reads a recording from `file`, which has a descriptor, and plays it; see `Pace`.

    The constructor waits for the head and the first chunk, which set the clock. `shortfall`
    describes damage on the way. `memory` is the budget for reading it, in bytes; see `Budget`. A
    `writer` is ended with it.

    Raises:
        TcctuiError: there is no input, or it is no recording, or one of a newer version.

    """

    def __init__(
        self, file: BinaryIO, memory: int = READING_MEMORY, writer: Writer | None = None
    ) -> None:
        self._writer = writer
        self._budget = Budget("The recording", memory)
        self._open = OpenFlows(self._budget)
        self._file = file  # or garbage collection would close it
        self._descriptor = file.fileno()
        self._wake, self._waker = os.pipe()
        self._closed = False
        self._end: TcctuiError | None = None
        self._changed = threading.Condition()
        self._samples = NO_SAMPLES
        self._insides: list[Insides] = []
        self._delivered = 0.0
        self._damaged = 0
        self._come = 0
        self._thread: threading.Thread | None = None
        try:
            self._decoder = self._head()
        except BaseException:
            self.close()
            raise
        self.origin: Origin = self._decoder.origin
        """Origin of the recording: host, kernel, source, clock."""
        self._pace = Pace(self.origin.wall_offset_ns, self.origin.live_from_ns)
        self._thread = threading.Thread(target=self._receive, name="pipe", daemon=True)
        self._thread.start()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    @property
    def description(self) -> str:
        """The recorder's source."""
        return self.origin.description

    @property
    def kernel_filter(self) -> str:
        """The recorder's filter."""
        return self.origin.kernel_filter

    kernel_exact = True
    can_narrow = False

    def narrow(self, query: Query | None) -> None:
        """No effect: a pipe has no way back to the recorder."""

    @property
    def interval_ns(self) -> int:
        """Nanoseconds that one event of a flow may stand for."""
        return self.origin.interval_ns

    attaching = False

    @property
    def shortfall(self) -> TcctuiError | None:
        """Damage, if any."""
        if not self._damaged:
            return None
        return TcctuiError(f"{self._damaged} parts of the recording came damaged and are left out.")

    @property
    def behind_s(self) -> float:
        """Delay in seconds; 0 while it keeps up."""
        return self._pace.behind_s(time.monotonic_ns())

    @property
    def catching_up(self) -> bool:
        """True until all of the recorder's past has been delivered."""
        past = self.origin.live_from_ns > 0
        return past and not self._pace.live and self._end is None

    def focus(self, cookies: Iterable[int]) -> None:
        """No effect: a pipe has no way back to the recorder."""

    def look_inside(self, asked: Asked) -> bool:  # noqa: ARG002
        """No effect: a pipe has no way back to the recorder."""
        return False

    def look_for(self, query: Query, *, half_open: bool = False) -> None:
        """No effect: a pipe has no way back to the recorder."""

    def watch(self, sockets: Records) -> None:
        """No effect: a pipe has no way back to the recorder."""

    def own_queue(self, netns: int, ends: object, bound: int = 0) -> None:
        """None is known here."""

    def sample_all(self) -> None:
        """No effect: a pipe has no way back to the recorder."""

    @property
    def all_sampled_ns(self) -> int:
        """The present: no more samples come for being asked for."""
        return self.now_ns()

    def now_ns(self) -> int:
        """Moment being played, on the recorder's clock; initially the first chunk's begin."""
        return max(self._pace.moment_ns, self._pace.begin_ns)

    def lost(self) -> int:
        """Events that the recorder had lost by then."""
        return self._pace.losses[0]

    def skipped(self) -> int:
        """Events for which the recorder's kernel had run no program by then."""
        return self._pace.losses[1]

    def read(self, timeout: float) -> Events:
        """Deliver the events until now, ten times a second; those of the past without a pause.

        Raises:
            TcctuiError: the recording has ended, and everything was delivered.

        """
        now = time.monotonic()
        deadline = now + timeout
        with self._changed:
            next_ = self._delivered + STEP
            pace = self._pace
            while now < next_ and now < deadline and not self._closed and not pace.past:
                self._changed.wait(min(next_, deadline) - now)
                now = time.monotonic()
            if now < next_ and not pace.past:
                return NO_EVENTS
            if self._pace.over and self._end is not None:
                raise self._end
            self._delivered = now
            events, samples, insides = self._pace.step(time.monotonic_ns())
            if len(samples):
                self._samples = joined([self._samples, samples])
            if insides:
                self._insides.append(insides)
            self._changed.notify_all()
        return events

    def sampled(self) -> Samples:
        """Samples of the last read."""
        with self._changed:
            samples, self._samples = self._samples, NO_SAMPLES
        return samples

    def inside(self) -> Insides:
        """Give what the recorder read of sockets with the events of the last read."""
        with self._changed:
            insides, self._insides = self._insides, []
        return together(insides) if insides else NO_INSIDES

    def close(self) -> None:
        """Stop reading; may be called twice."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        os.close(self._waker)
        if self._thread is not None:
            self._thread.join()
        os.close(self._wake)
        if self._writer is not None:
            self._writer.end()

    def _head(self) -> Decoder:
        if os.isatty(self._descriptor):
            raise TcctuiError(
                "A recording is read from a pipe, and this is a terminal.",
                "Try: ssh HOST sudo tcctui record - | tcctui replay -",
            )
        try:
            prefix = self._exactly(frames.PREFIX)
            metadata = self._exactly(frames.metadata_length(prefix))
            if metadata and frames.head(metadata).kind == frames.SCHEMA:
                return Decoder(prefix + metadata, self._budget)
            reason = "it has no schema"
        except _EndError as error:
            if said := self._said():
                raise TcctuiError(said) from error
            if not self._come:
                raise TcctuiError(
                    "The pipe is empty: its writer ended before it recorded.",
                    "See its own message above, or run it alone.",
                ) from error
            reason = "it breaks off in its first bytes"
        except ValueError as error:
            reason = str(error)
        raise TcctuiError(
            f"The input is not a recording of tcctui: {reason}.",
            "Let it come from: tcctui record -",
        )

    def _begin(self) -> None:
        """Wait for the first chunk.

        Raises:
            TcctuiError: the recording ended before.

        """
        with self._changed:
            self._changed.wait_for(lambda: self._pace.begun or self._end is not None)
            if not self._pace.begun and self._end is not None:
                raise self._end

    def _receive(self) -> None:
        end = TcctuiError("The recording ended: its writer stopped.")
        try:
            while (chunk_came := self._message()) is not None:
                if not chunk_came:
                    self._damaged += 1
        except _EndError:
            said = self._said()
            end = TcctuiError(
                said or "The recording broke off: its writer is gone.",
                "" if said else "Restart both to go on.",
            )
        except (ValueError, MemoryError) as error:
            end = TcctuiError(f"The recording is damaged here: {error}.", "Restart both.")
        except OSError as error:
            end = TcctuiError(f"The pipe can't be read: {error.strerror}.", "Restart both.")
        except TcctuiError as error:  # it is beyond the budget
            end = error
        with self._changed:
            self._end = end
            self._changed.notify_all()

    def _said(self) -> str:
        return "" if self._writer is None or self._closed else self._writer.said()

    def _message(self) -> bool | None:
        """Process the next message; True for a complete one, None at the end."""
        at = self._come
        prefix = self._exactly(frames.PREFIX)
        length = frames.metadata_length(prefix)
        if not length:
            return None
        metadata = self._exactly(length)
        head = frames.head(metadata)
        self._budget.charge(at, len(metadata) + head.body, 0)
        body = self._exactly(head.body)
        if head.kind != frames.BATCH:
            return True
        with suppress(ValueError):
            chunk = self._decoder.chunk(prefix + metadata + body, at, keyframe=False)
            self._open.see(chunk)
            at_ns = time.monotonic_ns()
            with self._changed:
                followed = self._pace.add(chunk, at_ns, time.time_ns())
                self._changed.notify_all()
                while self._pace.nbytes > _ROOM and not self._closed:
                    self._changed.wait()
            return followed
        return False

    def _exactly(self, count: int) -> bytes:
        """Read `count` bytes.

        Raises:
            _EndError: there are no more.

        """
        parts: list[bytes] = []
        while count:
            ready, _, _ = select.select([self._descriptor, self._wake], [], [])
            part = b"" if self._wake in ready else os.read(self._descriptor, min(count, _PIECE))
            if not part:
                raise _EndError
            self._come += len(part)
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
