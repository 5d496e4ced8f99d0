"""Right of way of a key: work in other threads waits until what the key does is painted.

Of Python's threads one runs at a time, five milliseconds each in turn: a key that comes while
another thread is at work takes twice as long and more. So work in the background comes in pieces of
some milliseconds, and asks before each whether to wait. This is one per process, as the turn is.
"""

from __future__ import annotations

import math
import threading
import time

_LONGEST = 0.2
"""Seconds that a piece of work waits at most: opening a dialog takes a tenth."""

_free = threading.Event()
_free.set()
_taken_by = 0
_own_turn = 0.0
_taken_at = -math.inf


def take() -> None:
    """Have other threads wait from now on, until `give_back`."""
    global _taken_by, _taken_at
    _taken_by, _taken_at = threading.get_ident(), time.monotonic()
    _free.clear()


def give_back() -> None:
    """Let all threads go on."""
    _free.set()


def rest() -> float:
    """Seconds since the last key; 0 while what it did is not painted."""
    return time.monotonic() - _taken_at if _free.is_set() else 0.0


def give_way() -> None:
    """Wait while another thread has the right of way.

    At least half of the time is the background's own: after a wait, it runs as long as it waited.
    """
    global _own_turn  # noqa: PLW0603 - threads that race for it wait a little more or less
    if _free.is_set() or threading.get_ident() == _taken_by:
        return
    begun = time.monotonic()
    if begun >= _own_turn:
        _free.wait(_LONGEST)
        ended = time.monotonic()
        _own_turn = ended + (ended - begun)
