"""Text of tcp_probe's `format`, for recordings: they keep it."""

from __future__ import annotations

import functools
from contextlib import suppress

_PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")


@functools.cache
def probe_format() -> str:
    """Read it once: a process that gives up its rights does so before.

    Raises:
        OSError: tracefs is not there, or can't be read.

    """
    for place in _PLACES:
        with suppress(FileNotFoundError), open(f"{place}/events/tcp/tcp_probe/format") as file:
            return file.read()
    raise FileNotFoundError("tracefs is not mounted")
