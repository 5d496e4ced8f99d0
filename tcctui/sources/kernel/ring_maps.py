"""The maps of the ring buffers: as many as the machine's processors need, in a map of maps."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Mapping

from tcctui.sources.kernel.bpf_maps import bpf

MOST = 8
"""Ring buffers at most: their memory is shared among them, and each has to hold a flood."""

_MAP_CREATE, _MAP_UPDATE_ELEM = 0, 2  # enum bpf_cmd, include/uapi/linux/bpf.h
_RINGBUF = 27  # enum bpf_map_type


class _Create(ctypes.Structure):
    """`union bpf_attr`, its part for BPF_MAP_CREATE."""

    _fields_ = tuple(
        (name, ctypes.c_uint32) for name in ("type", "key_size", "value_size", "entries", "flags")
    )


class _Element(ctypes.Structure):
    """`union bpf_attr`, its part for elements."""

    _fields_ = (
        ("map_fd", ctypes.c_uint64),
        ("key", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
    )


def count(ring_bytes: int) -> int:
    """Number of ring buffers for this machine, of so many bytes together: a power of two.

    One lock is enough for two processors. Beyond, each has its own ring up to `MOST`.
    """
    processors = os.cpu_count() or 1
    most = min(processors if processors > 2 else 1, MOST, ring_bytes // mmap.PAGESIZE)
    return 1 << (max(most, 1).bit_length() - 1)


def fill(maps: Mapping[str, int], ring_bytes: int, rings: int) -> list[int]:
    """Put the ring buffers into the map of them; gives their descriptors, the first `events`.

    `ring_bytes` is the size of each. The others' descriptors are the caller's to close.

    Raises:
        OSError: the kernel refuses.

    """
    descriptors = [maps["events"]]
    try:
        while len(descriptors) < rings:
            descriptors.append(bpf(_MAP_CREATE, _Create(_RINGBUF, 0, 0, ring_bytes, 0)))
        for number, descriptor in enumerate(descriptors):
            pair = (ctypes.c_uint32 * 2)(number, descriptor)
            at = ctypes.addressof(pair)
            bpf(_MAP_UPDATE_ELEM, _Element(maps["rings"], at, at + 4, 0))
    except BaseException:
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        raise
    return descriptors
