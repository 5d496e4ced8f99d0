"""The maps of the ring buffers: as many as the machine's processors need, in a map of maps."""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping

from tcctui.sources.kernel import bpf_syscall

MOST = 8
"""Ring buffers at most, RINGS in bpf/tcc.c: they share the memory, and each has to hold a flood."""


def count(ring_bytes: int) -> int:
    """Number of ring buffers for this machine, of so many bytes together: a power of two.

    One lock is enough for two processors. Beyond, each has its own ring up to `MOST`.
    """
    processors = os.cpu_count() or 1
    most = min(processors if processors > 2 else 1, MOST, ring_bytes // mmap.PAGESIZE)
    return 1 << (max(most, 1).bit_length() - 1)


def fill(maps: Mapping[str, int], ring_bytes: int, rings: int) -> list[int]:
    """Put the ring buffers into the map of them; gives their descriptors, the first `events`.

    `ring_bytes` is the size of each. Where there are fewer than `MOST`, processors share them. The
    others' descriptors are the caller's to close.

    Raises:
        RefusedError: the kernel refuses.

    """
    descriptors = [maps["events"]]
    try:
        while len(descriptors) < rings:
            made = bpf_syscall.create_map("events", bpf_syscall.RINGBUF, 0, 0, ring_bytes, 0)
            descriptors.append(made)
        for number in range(MOST):
            bpf_syscall.set_element(maps["rings"], number, descriptors[number % rings])
    except BaseException:
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        raise
    return descriptors
