"""The one bpf(2) call made without bcc: deleting keys of a map."""

from __future__ import annotations

import ctypes
import errno
import os
import platform

import numpy as np
import numpy.typing as npt

_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_MAP_DELETE_BATCH = 27  # enum bpf_cmd, include/uapi/linux/bpf.h; since 5.6


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


def delete_keys(map_fd: int, keys: npt.NDArray[np.uint64]) -> None:
    """Delete keys of a hash map; missing keys are ignored.

    Raises:
        OSError: the kernel refuses.

    """
    keys = np.ascontiguousarray(keys)
    libc = ctypes.CDLL(None, use_errno=True)
    done = 0
    while done < len(keys):
        batch = _Batch(keys=keys[done:].ctypes.data, count=len(keys) - done, map_fd=map_fd)
        number = _NUMBERS[platform.machine()]
        if libc.syscall(number, _MAP_DELETE_BATCH, ctypes.byref(batch), ctypes.sizeof(batch)) == 0:
            return
        if ctypes.get_errno() != errno.ENOENT:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        # The first missing key ends a batch; `count` is the number of keys deleted before it.
        done += batch.count + 1
