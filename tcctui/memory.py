"""Tuning of the C library's and Python's memory management: less memory, no pauses."""

from __future__ import annotations

import contextlib
import gc
import os

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc


_BLAS_THREADS = "OPENBLAS_NUM_THREADS"


def start() -> None:
    """Import numpy for one thread, and collect no garbage until `started` or `settle`.

    Imports and the first screen make objects that stay: looking for garbage among them was a
    seventh of a start. Each of OpenBLAS's threads takes memory and 50 ms of CPU time to begin with,
    and nothing here multiplies matrices.
    """
    gc.disable()
    if _BLAS_THREADS not in os.environ:
        os.environ[_BLAS_THREADS] = "1"
        import numpy  # noqa: F401, PLC0415 - it reads the environment

        del os.environ[_BLAS_THREADS]  # it is not for the commands that alerts run


def return_at_once() -> None:
    """Return large arrays to the system as soon as they are freed.

    glibc keeps what a thread has freed for that thread, up to 64 MiB: batches are made in one
    thread and consumed in another. Other C libraries are left as they are.
    """
    import ctypes  # noqa: PLC0415

    with contextlib.suppress(AttributeError, TypeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 256 << 10)
        mallopt(_M_TRIM_THRESHOLD, 1 << 20)


def started() -> None:
    """Collect garbage from now on: all is imported."""
    gc.enable()


def settle() -> None:
    """Exclude all present objects from garbage collection, and begin with it.

    Imported modules stay until exit; scanning them stops all threads for 50 ms, during which no key
    is handled.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
