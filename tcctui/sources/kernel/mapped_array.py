"""A BPF array map as a numpy array in memory shared with the kernel's programs."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt


class MappedArray:
    """Maps the values of a BPF_MAP_TYPE_ARRAY made with BPF_F_MMAPABLE.

    `map_fd` stays its owner's. The values' size must be a multiple of 8, as the kernel rounds it up
    to that (array_map_alloc, kernel/bpf/arraymap.c).

    Raises:
        OSError: the kernel refuses the mapping.

    """

    def __init__(self, map_fd: int, value: np.dtype[Any], count: int) -> None:
        size = -(-value.itemsize * count // mmap.PAGESIZE) * mmap.PAGESIZE
        self._memory = mmap.mmap(map_fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._values: npt.NDArray[Any] | None = np.frombuffer(self._memory, value, count)

    @property
    def values(self) -> npt.NDArray[Any]:
        """The values, shape (count,); invalid once this is closed."""
        assert self._values is not None
        return self._values

    def close(self) -> None:
        """Unmap the memory; no view of the values may be left."""
        self._values = None
        self._memory.close()
