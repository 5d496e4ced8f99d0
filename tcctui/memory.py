"""What the C library and Python do with memory, so that it is little and costs no pauses."""

from __future__ import annotations

import contextlib
import ctypes
import gc

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc


def return_at_once() -> None:
    """Have large arrays go back to the system when they are done with.

    glibc keeps what a thread has freed for that thread, up to 64 MiB: batches are made in one
    thread and taken in by another. Other C libraries are left as they are.
    """
    with contextlib.suppress(AttributeError, TypeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 256 << 10)
        mallopt(_M_TRIM_THRESHOLD, 1 << 20)


def settle() -> None:
    """Leave all that there is now out of garbage collections.

    What is imported stays to the end; to look through it, all threads stand still for 50 ms, which
    a key that is pressed then has to wait.
    """
    gc.collect()
    gc.freeze()
