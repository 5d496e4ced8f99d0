"""Ring buffers, one for each of some processors, read as one in the order of time."""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence

import numpy as np

from tcctui.sources import kernel_clock
from tcctui.sources.kernel.ringbuf import Ring
from tcctui.wire.events import EVENT, Events
from tcctui.wire.records import joined, pick

CROWDED = 4
"""The program wakes the reader where a ring has more waiting in it than this part of it."""

_FULL = 8  # there is no need to wait for more
_TRIES = 3

NOTHING: Events = np.empty(0, EVENT)


class Rings:
    """Reads all rings.

    The records of one flow come in the order in which they were written, whatever ring they are in,
    and all others in the order of time as far as they are read together. What one program has
    written before another one began has been seen, where the other's moment is before positions
    were read: what is younger is held back until the next read. `descriptors` are those of the
    maps, for `wait`; `now_ns` is the clock of the records.
    """

    def __init__(
        self,
        rings: Sequence[Ring],
        descriptors: Sequence[int] = (),
        now_ns: Callable[[], int] = kernel_clock.now_ns,
    ) -> None:
        self._rings = rings
        self._now_ns = now_ns
        self._held: list[Events] = []
        self._ready: Events | None = None
        self._poll = select.epoll()
        for descriptor in descriptors:
            # The edge alone: records wait in there nearly always, which is no reason to wake up.
            self._poll.register(descriptor, select.EPOLLIN | select.EPOLLET)

    @property
    def used(self) -> float:
        """Share in use of the ring that is the fullest, from 0 to 1."""
        return max(ring.used / ring.size for ring in self._rings)

    def wait(self, end_ns: int) -> None:
        """Wait until a moment of `now_ns`, or until a ring is filling up."""
        while self._ready is None and self.used < 1 / _FULL:
            rest_ns = end_ns - self._now_ns()
            if rest_ns <= 0:
                return
            self._poll.poll(rest_ns / 1e9)

    def read(self, limit: int) -> tuple[Events, bool]:
        """Take up to `limit` records, and say if all are taken that were there before the call."""
        if len(self._rings) == 1:
            ring = self._rings[0]
            produced = ring.produced
            return ring.read(limit), ring.consumed >= produced
        ready, all_read = self._ready, False
        if ready is None:
            ready, all_read = self._merged()
        taken, rest = ready[:limit], ready[limit:]
        self._ready = rest if len(rest) else None
        return taken, all_read and self._ready is None

    def _merged(self) -> tuple[Events, bool]:
        """Take the records of all rings that are older than this call; False if some are hidden."""
        before = np.uint64(self._now_ns())
        produced = [ring.produced for ring in self._rings]
        for _ in range(_TRIES):
            self._held += [part for ring in self._rings if len(part := ring.read(ring.size))]
            # A record that is still being written hides those behind it.
            if all(ring.consumed >= at for ring, at in zip(self._rings, produced, strict=True)):
                break
        else:
            return NOTHING, False
        parts, self._held = self._held, []
        if not parts:
            return NOTHING, True
        events = joined(parts)
        if len(parts) > 1:
            events = pick(events, np.argsort(events["ts_ns"], kind="stable"))
        young = events["ts_ns"] >= before
        if young.any():
            self._held = [pick(events, young)]
            events = pick(events, ~young)
        return events, True

    def close(self) -> None:
        """Let go of the rings, before they are unmapped."""
        self._poll.close()
        self._rings = ()
