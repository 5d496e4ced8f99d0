"""Options that the BPF program is loaded with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

SLOTS = 1 << 17
"""Flows that the kernel can coalesce at a time, at 240 bytes each."""

NO_SLOTS = 1
"""Slots where every ACK is reported, as none is taken: a map can't have fewer."""


class LoadOptions(NamedTuple):
    """Options of `Loading`, by name."""

    kernel_headers: Path | None
    ring_bytes: int
    slots: int
