"""Tuning of the C library's and Python's memory management: less memory, no pauses."""

from __future__ import annotations

import contextlib
import ctypes
import gc

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc


def return_at_once() -> None:
    """Return large arrays to the system as soon as they are freed.

    glibc keeps what a thread has freed for that thread, up to 64 MiB: batches are made in one
    thread and consumed in another. Other C libraries are left as they are.
    """
    with contextlib.suppress(AttributeError, TypeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 256 << 10)
        mallopt(_M_TRIM_THRESHOLD, 1 << 20)


def settle() -> None:
    """Exclude all present objects from garbage collection.

    Imported modules stay until exit; scanning them stops all threads for 50 ms, during which no key
    is handled.
    """
    gc.collect()
    gc.freeze()
