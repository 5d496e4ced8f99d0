"""The maps of the ring buffers: as many as the machine's processors need, in a map of maps."""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping

from tcctui.sources.kernel import bpf_syscall

MOST = 8
"""Ring buffers at most: their memory is shared among them, and each has to hold a flood."""


def count(ring_bytes: int) -> int:
    """Number of ring buffers for this machine, of so many bytes together: a power of two.

    One lock is enough for two processors. Beyond, each has its own ring up to `MOST`.
    """
    processors = os.cpu_count() or 1
    most = min(processors if processors > 2 else 1, MOST, ring_bytes // mmap.PAGESIZE)
    return 1 << (max(most, 1).bit_length() - 1)


def fill(maps: Mapping[str, int], *, ring_bytes: int, rings: int) -> list[int]:
    """Make the ring buffers, and put them into the map of them; gives their descriptors.

    The first ring is the map `events`; the others, of `ring_bytes` too, are the caller's to close.
    For each of them the kernel waits for a grace period of RCU, some 10 ms (maybe_wait_bpf_programs
    in kernel/bpf/syscall.c).

    Raises:
        RefusedError: the kernel refuses.

    """
    descriptors = [maps["events"]]
    try:
        while len(descriptors) < rings:
            kind = bpf_syscall.RINGBUF
            descriptors.append(bpf_syscall.create_map("events", kind, 0, 0, ring_bytes, 0))
        for number, descriptor in enumerate(descriptors):
            bpf_syscall.set_element(maps["rings"], number, descriptor)
    except BaseException:
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        raise
    return descriptors
