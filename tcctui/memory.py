"""Tuning of the C library's and Python's memory management: less memory, no pauses."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

READING_MEMORY = 1 << 30
"""Default budget for reading a recording, in bytes; see `recording.budget`."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h of glibc


_NEW_OBJECTS = 20_000
"""New objects among which `tidy` looks for garbage: a closed dialog's."""

_LOOKS = 4
"""Looks at new objects after which `tidy` looks at all: what outlived one may be garbage since."""

_TYPING = 1.0
"""Seconds after a key in which the next one is likely to come."""

_MOST_OBJECTS = 200_000
"""New objects among which garbage is looked for wherever that is: nobody has called `tidy`."""

_BLAS_THREADS = "OPENBLAS_NUM_THREADS"


_TEXTS = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")
"""Modules of numpy that write the texts of its help, and nothing else."""


@contextlib.contextmanager
def _without(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """Have others in place of modules while something is imported; None if there is to be none."""
    placed = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(placed)  # type: ignore[arg-type] # None is Python's own way to say so
    try:
        yield
    finally:
        for name in placed:
            del sys.modules[name]


def start() -> None:
    """Import numpy for one thread, and collect no garbage until `started` or `settle`.

    Imports and the first screen make objects that stay: looking for garbage among them was a
    seventh of a start. Each of OpenBLAS's threads takes memory and 50 ms of CPU time to begin with,
    and nothing here multiplies matrices. numpy's help is read in no dashboard: it took 4 ms.
    """
    gc.disable()
    ours = _BLAS_THREADS not in os.environ
    if ours:
        os.environ[_BLAS_THREADS] = "1"
    with _without({name: ModuleType(name) for name in _TEXTS}):
        import numpy  # noqa: F401, PLC0415 - it reads the environment

    if ours:
        del os.environ[_BLAS_THREADS]  # it is not for the commands that alerts run


def start_screen() -> None:
    """Import asyncio without TLS: OpenSSL takes 4 MB and 4 ms, and no screen talks to a network.

    Whoever needs TLS imports it later as usual.
    """
    with _without({"ssl": None}):
        import asyncio  # noqa: F401, PLC0415


def import_hashes() -> None:
    """Import hashlib with Python's own algorithms, where it has all of them, for that reason."""
    if all(map(find_spec, ("_md5", "_sha1", "_sha3", "_blake2"))):
        with _without({"_hashlib": None}):
            import hashlib  # noqa: F401, PLC0415


def return_at_once() -> None:
    """Return large arrays to the system as soon as they are freed.

    glibc keeps what a thread has freed for that thread, up to 64 MiB: batches are made in one
    thread and consumed in another. All share one arena: of Python's threads one runs at a time.
    Other C libraries are left as they are.
    """
    _allocate(mapped=256 << 10, spare=1 << 20)


def use_again() -> None:
    """Take large arrays from memory that was used before, where there are some for each batch.

    The kernel clears each page that it gives: of a program that takes in 10,000 connections at a
    time, that was a third of its work. The most that it takes at a time is the same; between two
    batches up to 8 MiB stay. All threads share one arena, as in `return_at_once`.
    """
    _allocate(mapped=4 << 20, spare=8 << 20)


def _allocate(mapped: int, spare: int) -> None:
    """Map what takes so many bytes, and return more than so many spare ones."""
    import ctypes  # noqa: PLC0415

    with contextlib.suppress(AttributeError, TypeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, mapped)
        mallopt(_M_TRIM_THRESHOLD, spare)
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
    ones after each 700 was a tenth of its time. See `tidy`.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_MOST_OBJECTS)
    gc.enable()


def tidy(rest: float) -> None:
    """Collect garbage now if there may be much, `rest` seconds after the last key.

    That stops all threads: for some milliseconds where only new objects are looked at, and for 40,
    on a loaded machine for 100, where all are. A dialog is made of 20,000 objects, and a key that
    comes in the middle waits. So all of them are looked at where nobody is typing.
    """
    new, _, looks = gc.get_count()
    if rest > _TYPING and looks > _LOOKS:
        gc.collect()
    elif rest > 0 and new > _NEW_OBJECTS:
        gc.collect(1)
