"""BPF maps: arrays in memory shared with the programs, and keys of hashes deleted."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

from tcctui.arrays import U64, Array
from tcctui.sources.kernel import bpf_syscall


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
        self._values: Array | None = np.frombuffer(self._memory, value, count)

    @property
    def values(self) -> Array:
        """The values, shape (count,); invalid once this is closed."""
        assert self._values is not None
        return self._values

    def close(self) -> None:
        """Unmap the memory; no view of the values may be left."""
        self._values = None
        self._memory.close()


def delete_keys(map_fd: int, keys: U64) -> None:
    """Delete keys of a hash map; missing keys are ignored.

    Raises:
        OSError: the kernel refuses.

    """
    keys = np.ascontiguousarray(keys)
    done = 0
    while done < len(keys):
        rest = keys[done:]
        # The first missing key ends a batch.
        done += bpf_syscall.delete_batch(map_fd, rest.ctypes.data, len(rest)) + 1
