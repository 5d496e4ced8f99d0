"""Options that the BPF program is loaded with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

SLOTS = 1 << 17
"""Flows that the kernel can coalesce at a time, at 240 bytes each."""

MAX_FOCUS = 8
"""Flows that can be in focus at a time."""

INSIDES = 4096
"""Slots, the first of all, whose flows can be looked into while they are coalesced: at 256 bytes
each. Those in focus have a place of their own.
"""

NO_SLOTS = 1
"""Slots where every ACK is reported, as none is taken: a map can't have fewer."""


class LoadOptions(NamedTuple):
    """Options of `Loading`, by name."""

    kernel_headers: Path | None
    ring_bytes: int
    slots: int
