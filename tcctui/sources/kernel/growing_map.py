"""Values of a large BPF map in shared memory, mapped as far as they are used."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Any

import numpy as np

from tcctui.arrays import Array

_MAP_FIXED = 0x10  # include/uapi/asm-generic/mman-common.h

_LEAST = 1024
"""Values that are mapped at first; then twice as many, and so on: few pieces."""


class GrowingArray:
    """Maps values of a BPF_MAP_TYPE_ARRAY made with BPF_F_MMAPABLE, those of low index first.

    The kernel maps such a map's pages at once, touched or not, and all count as memory of this
    process. Those not reached yet are zeros that nobody shares: not to be written to. `map_fd`
    stays its owner's; the values' size must be a multiple of 8, as with `MappedArray`.

    Raises:
        OSError: the kernel refuses the mapping.

    """

    def __init__(self, map_fd: int, value: np.dtype[Any], count: int) -> None:
        self._map_fd = map_fd
        self._bytes = -(-value.itemsize * count // mmap.PAGESIZE) * mmap.PAGESIZE
        self._memory = mmap.mmap(-1, self._bytes, mmap.MAP_PRIVATE)
        self._values: Array | None = np.frombuffer(self._memory, value, count)
        self._mapped = 0

    @property
    def values(self) -> Array:
        """The values, shape (count,); invalid once this is closed."""
        assert self._values is not None
        return self._values

    def reach(self, count: int) -> None:
        """Map the first `count` values, and perhaps some more.

        Raises:
            OSError: the kernel refuses the mapping.

        """
        values = self.values
        wanted = _LEAST
        while wanted < count:
            wanted *= 2
        end = -(-values.itemsize * wanted // mmap.PAGESIZE) * mmap.PAGESIZE
        size = min(end, self._bytes) - self._mapped
        if size > 0:
            _map_at(values.ctypes.data + self._mapped, size, self._map_fd, self._mapped)
            self._mapped += size

    def close(self) -> None:
        """Unmap the memory; no view of the values may be left."""
        self._values = None
        self._memory.close()


def _map_at(address: int, size: int, descriptor: int, offset: int) -> None:
    """Map a part of a file over memory that is there, which the mmap module can't do."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (
        *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int),
        ctypes.c_long,
    )
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    there = libc.mmap(address, size, protection, mmap.MAP_SHARED | _MAP_FIXED, descriptor, offset)
    if there != address:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
