"""Batches without a screen: of a source until a signal or its time, or of a recording."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import TextIO

import numpy as np

from tcctui import last_look
from tcctui.arrays import Records
from tcctui.errors import TcctuiError
from tcctui.flows.store import Store
from tcctui.pump import poll
from tcctui.recording.chunks import NO_EVENTS, pieces
from tcctui.recording.timeline import Timeline
from tcctui.source import EventSource, Source
from tcctui.wire.batch import Batch
from tcctui.wire.inside import NO_INSIDES
from tcctui.wire.records import pick

_WAIT = 0.1
"""Seconds between two polls of the source."""

_PATIENCE = 10
"""Seconds allowed for finishing after a signal."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class GivenUpError(TcctuiError):
    """Finishing after a signal took too long."""


class Ending:
    """Catches the signals that end a command, in the main thread, for the time of the context.

    After the first one there is time to finish; a second one, or 10 s, aborts. A signal ignored
    from the start stays ignored, as nohup requires.
    """

    def __init__(self) -> None:
        self.asked = False
        """True once a signal has come."""
        self._at_once = False

    def __enter__(self) -> Ending:
        self._previous = {
            number: signal.signal(number, self._ask)
            for number in _SIGNALS
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        self._previous[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._give_up)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.alarm(0)
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let the first signal abort, for the time of the context: nothing is to be finished yet.

        Opening a FIFO waits for its reader.
        """
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False

    def _ask(self, *_: object) -> None:
        if self.asked or self._at_once:
            raise KeyboardInterrupt
        self.asked = True
        signal.alarm(_PATIENCE)

    def _give_up(self, *_: object) -> None:
        raise GivenUpError(f"The output takes nothing any more: given up after {_PATIENCE} s.")


def announce(source: Source, remarks: TextIO) -> None:
    """Say what is read, and what is lacking."""
    if source.shortfall is not None:
        print(f"There is less to go by than there could be: {source.shortfall}", file=remarks)
    if source.kernel_filter:
        print(f"Filter in the kernel: {source.kernel_filter}", file=remarks)
    print(f"Reading {source.description}; Ctrl-C ends it.", file=remarks, flush=True)


def losses(lost: int, skipped: int) -> str:
    """Say how many events were lost; those that the kernel skipped, of any flow, if there are."""
    return f"{lost} lost" + (f", {skipped} skipped by the kernel" if skipped else "")


def live(
    source: EventSource, ending: Ending, begin_ns: int, duration: float | None, wait: float = _WAIT
) -> Iterator[Batch]:
    """Poll a source each `wait` seconds, until `duration` seconds after `begin_ns` or a signal.

    Events until then are in the batches, later ones are not.

    Raises:
        TcctuiError: the source is gone.

    """
    end_ns = None if duration is None else begin_ns + int(duration * 1e9)
    while True:
        # Decide on the last batch before reading: what came until then is printed, and on a host
        # that is never quiet no more than that.
        now = source.now_ns()
        if ending.asked:
            end_ns = min(now, end_ns or now)
        timeout = wait if end_ns is None else min(wait, max(0.0, (end_ns - now) / 1e9))
        batch = poll(source, timeout)
        if end_ns is not None and (batch.events["ts_ns"] >= end_ns).any():
            batch = _until(batch, end_ns)
        yield batch
        if end_ns is not None and now >= end_ns and not len(batch.events):
            return


def _until(batch: Batch, end_ns: int) -> Batch:
    """Leave out what events tell of later, and what was read of sockets with them."""

    def earlier(records: Records) -> Records:
        return pick(records, records["ts_ns"] < np.uint64(end_ns))

    return replace(batch, events=earlier(batch.events), insides=batch.insides.each(earlier))


def last_samples(source: Source, store: Store) -> Iterator[Batch]:
    """Last samples of all sockets, as `last_look` has them, without events."""
    for batch in last_look.last_batches(source, store, last_look.FINAL):
        yield replace(batch, events=NO_EVENTS, insides=NO_INSIDES)


class Played:
    """Batches of a recording until `duration` seconds after its beginning, at full speed.

    `lost` and `skipped` are the recorder's counts of events by the newest batch. Iterating raises
    TcctuiError where the recording can't be read any more.
    """

    def __init__(self, timeline: Timeline, duration: float | None) -> None:
        self._timeline = timeline
        self.first_ns, self.until_ns = timeline.span
        if duration is not None:
            self.until_ns = min(self.until_ns, self.first_ns + int(duration * 1e9))
        self.lost = self.skipped = 0

    def __iter__(self) -> Iterator[Batch]:
        for chunk in self._timeline.chunks(self.first_ns - 1, self.until_ns):
            self.lost, self.skipped = chunk.lost, chunk.skipped
            yield from pieces(chunk, self.until_ns)
