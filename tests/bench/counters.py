"""Numbers that one process tells and another looks at, whenever it likes: shared memory."""

from __future__ import annotations

import mmap
import os

import numpy as np
import numpy.typing as npt

NAMES = ("requests", "events", "records", "lost", "reading_cpu", "batches", "ready")


class Counters:
    """A number for each of `NAMES`, 0 at first.

    Made anew, or those of the process that hands `descriptor` down.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        if descriptor is None:
            descriptor = os.memfd_create("counters")
            os.ftruncate(descriptor, mmap.PAGESIZE)
        self.descriptor = descriptor
        """To be handed down to a child."""
        self._values: npt.NDArray[np.float64] = np.frombuffer(
            mmap.mmap(descriptor, mmap.PAGESIZE), "f8", len(NAMES)
        )

    def __getitem__(self, name: str) -> float:
        return float(self._values[NAMES.index(name)])

    def __setitem__(self, name: str, value: float) -> None:
        self._values[NAMES.index(name)] = value

    def close(self) -> None:
        """Close the descriptor; the memory goes with the last one who looks at it."""
        os.close(self.descriptor)
