"""Waiting for something to come true, but not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that anything may take, on the slowest machine: what takes longer hangs."""


def until(what: str, look: Callable[[], T], *, seconds: float = PATIENCE, pause: float = 0.05) -> T:
    """Look again and again until it gives something true, and give that.

    Raises:
        AssertionError: it did not come true in time; `what` says what was waited for.

    """
    deadline = time.monotonic() + seconds
    while True:
        late = time.monotonic() > deadline
        found = look()
        if found:
            return found
        assert not late, f"not within {seconds:g} s: {what}"
        time.sleep(pause)
