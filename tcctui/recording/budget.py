"""Budget of reading one recording: what it may cost, however small its file is.

Memory that is held (the index, open connections, one batch) has limits of its own. All else is work
that comes and goes, and is weighed against the bytes it comes from: what real traffic unpacks to
costs nothing, for hours or days; what goes beyond is added up. So a bomb is refused before it is
unpacked, and neither a long file nor a pipe that runs for days meets a limit.
"""

from __future__ import annotations

from typing import TypeVar

from tcctui.arrays import I64
from tcctui.errors import TcctuiError
from tcctui.memory import READING_MEMORY
from tcctui.recording.chunks import MOST_PIECES, PIECE_NS
from tcctui.wire.events import EVENT
from tcctui.wire.samples import SAMPLE

FREE = 128
"""Bytes of records that each byte of a recording may stand for. Recordings of traffic have 4 to 25,
and 200,000 events a second that differ in nothing but their time and sequence numbers have 62.
"""

FREE_IN_KEYFRAME = 512
"""The same of a keyframe: those of connections that are alike in all but their ends have 487."""

_BEYOND = 16
"""Share of the budget for everything beyond `FREE`, as a divisor: half a million events."""

_BATCH = 4
"""Share of the budget for one batch, as a divisor: two million events, half a million samples."""

_INDEX = 8
"""Share of the budget for the index, as a divisor; see `most_batches`."""

_ENTRY = 96
"""Bytes of a batch in the index, when it is read."""

_FLOW = 8192
"""Bytes of an open connection in all that is made of it: 1,600 in a store, and its copies."""

_PIECE = 1 << 14
"""Price in bytes of each piece of silence (`PIECE_NS`) beyond the usual ten seconds of a batch."""

_USUAL_PIECES = 40

_LEAST = 1 << 16
"""Smallest amount that is added up."""


_Count = TypeVar("_Count", int, I64)


class TooMuchError(TcctuiError):
    """Refusal of a recording that costs more than its budget."""


class Budget:
    """Allowance for reading one recording, called `name` in the refusal.

    `memory` is the whole, in bytes: `--reading-memory`.
    """

    def __init__(self, name: str, memory: int = READING_MEMORY) -> None:
        self._name = name
        self.memory = memory
        self._charged: dict[int, int] = {}
        self._beyond = 0

    @property
    def most_batches(self) -> int:
        """Number of batches that an index may have: sixteen days of a batch a second."""
        return self.memory // _INDEX // _ENTRY

    @property
    def most_flows(self) -> int:
        """Number of connections that may be open at once: 131,072."""
        return self.memory // _FLOW

    @property
    def most_in_batch(self) -> int:
        """Bytes that one batch may have, packed or unpacked."""
        return self.memory // _BATCH

    def see_batches(self, sizes: I64, events: I64, samples: I64) -> None:
        """Check all batches by what they say of themselves: bytes, numbers of records.

        Raises:
            TooMuchError: it is more than may be.

        """
        if len(sizes) > self.most_batches:
            self.refuse(f"{len(sizes):,} batches", len(sizes) * _ENTRY * _INDEX)
        nbytes = records_size(events, samples)
        beyond = (nbytes - FREE * sizes).clip(0)
        if (total := int(beyond.sum())) > self.memory // _BEYOND:
            self.refuse(
                f"{int(events.sum()):,} events and {int(samples.sum()):,} samples in"
                f" {int(sizes.sum()):,} bytes",
                total * _BEYOND,
            )

    def charge(self, at: int, size: int, nbytes: int) -> None:
        """Charge what the batch at an offset, of `size` bytes, unpacks to; once, if read often.

        Raises:
            TooMuchError: it is more than may be.

        """
        if max(size, nbytes) > self.most_in_batch:
            self.refuse(f"a batch of {max(size, nbytes):,} bytes", max(size, nbytes) * _BATCH)
        if nbytes > FREE * size:
            self._add(at, nbytes - FREE * size, f"{nbytes:,} bytes unpacked from {size:,}")

    def charge_keyframe(self, at: int, size: int, nbytes: int) -> None:
        """Charge what the keyframe of the batch at an offset, of `size` bytes, unpacks to; once.

        Raises:
            TooMuchError: it is more than may be.

        """
        what = f"a keyframe of {nbytes:,} bytes unpacked from {size:,}"
        if nbytes > self.memory // _BATCH:
            self.refuse(what, nbytes * _BATCH)
        if nbytes > FREE_IN_KEYFRAME * size:
            self._add(-at, nbytes - FREE_IN_KEYFRAME * size, what)

    def _add(self, key: int, beyond: int, what: str) -> None:
        """Add up what is not free; of one thing the most that it was."""
        beyond = max(beyond, _LEAST)
        before = self._charged.get(key, 0)
        if beyond > before:
            self._charged[key] = beyond
            self._beyond += beyond - before
        if self._beyond > self.memory // _BEYOND:
            self.refuse(what, self._beyond * _BEYOND)

    def see_flows(self, count: int) -> None:
        """Check the number of open connections.

        Raises:
            TooMuchError: it is more than may be.

        """
        if count > self.most_flows:
            self.refuse(f"more than {self.most_flows:,} open connections", count * _FLOW)

    def refuse(self, what: str, needed: int = 0) -> None:
        """Refuse the recording for something it has; `needed` is the smallest budget it takes.

        Raises:
            TooMuchError: always.

        """
        needed = max(needed, self.memory + 1)
        raise TooMuchError(
            f"{self._name} is refused: it has {what}, more than recordings of traffic have.",
            f"If you trust it, allow it more memory: --reading-memory {-(-needed >> 30)}G",
        )


def records_size(events: _Count, samples: _Count) -> _Count:
    """Bytes of records in memory, of these numbers of events and samples."""
    return events * EVENT.itemsize + samples * SAMPLE.itemsize


def silence_size(begin_ns: int, end_ns: int) -> int:
    """Price of the time of a batch, in bytes: each piece of it is played."""
    return _PIECE * max(0, min((end_ns - begin_ns) // PIECE_NS, MOST_PIECES) - _USUAL_PIECES)
