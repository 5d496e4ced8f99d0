"""BPF maps without bcc: arrays in memory shared with the programs, and keys of hashes deleted."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
from typing import Any

import numpy as np

from tcctui.arrays import U64, Array

_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_MAP_DELETE_BATCH = 27  # enum bpf_cmd, include/uapi/linux/bpf.h; since 5.6


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


class _Batch(ctypes.Structure):
    """`union bpf_attr`, its part `batch`."""

    _fields_ = (
        ("in_batch", ctypes.c_uint64),
        ("out_batch", ctypes.c_uint64),
        ("keys", ctypes.c_uint64),
        ("values", ctypes.c_uint64),
        ("count", ctypes.c_uint32),
        ("map_fd", ctypes.c_uint32),
        ("elem_flags", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
    )


def delete_keys(map_fd: int, keys: U64) -> None:
    """Delete keys of a hash map; missing keys are ignored.

    Raises:
        OSError: the kernel refuses.

    """
    keys = np.ascontiguousarray(keys)
    done = 0
    while done < len(keys):
        batch = _Batch(keys=keys[done:].ctypes.data, count=len(keys) - done, map_fd=map_fd)
        try:
            bpf(_MAP_DELETE_BATCH, batch)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
        # The first missing key ends a batch; `count` is the number of keys deleted before it.
        done += batch.count + 1


def bpf(command: int, attributes: ctypes.Structure) -> int:
    """Make the system call bpf; gives what it returns.

    Raises:
        OSError: the kernel refuses.

    """
    libc = ctypes.CDLL(None, use_errno=True)
    number = _NUMBERS[platform.machine()]
    result = libc.syscall(number, command, ctypes.byref(attributes), ctypes.sizeof(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(result)
