"""Tuning of the C library's and Python's memory management: less memory, no pauses."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

READING_MEMORY = 1 << 30
"""Default budget for reading a recording, in bytes; see `recording.budget`."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h of glibc


_NEW_OBJECTS = 20_000
"""New objects among which garbage is looked for: a few frames' worth."""

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
    thread and consumed in another. All share one arena: of Python's threads one runs at a time.
    Other C libraries are left as they are.
    """
    import ctypes  # noqa: PLC0415

    with contextlib.suppress(AttributeError, TypeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 256 << 10)
        mallopt(_M_TRIM_THRESHOLD, 1 << 20)
        mallopt(_M_ARENA_MAX, 1)


@contextlib.contextmanager
def limited(nbytes: int) -> Iterator[None]:
    """Let this process have so many more bytes of address space, for the time of the context.

    What asks for more raises MemoryError: a recording from a stranger must not take the machine's.
    Elsewhere than on Linux nothing is limited.
    """
    if sys.platform != "linux":
        yield
        return
    import resource  # noqa: PLC0415 - for commands that read recordings

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + nbytes
    others = [limit for limit in (before, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([most, *others]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


def started() -> None:
    """Collect garbage from now on: all is imported."""
    gc.enable()


def settle() -> None:
    """Exclude all present objects from garbage collection, and begin with it.

    Imported modules stay until exit; scanning them stops all threads for 50 ms, during which no key
    is handled. A frame makes some thousands of objects and leaves no cycles: to look among the new
    ones after each 700 was a tenth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    gc.enable()
