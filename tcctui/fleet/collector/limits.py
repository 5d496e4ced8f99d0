"""Limits of the collector on what others ask of it."""

from __future__ import annotations

from typing import NamedTuple

MIB = 1 << 20


class Limits(NamedTuple):
    """Bytes of a request's body as sent and unpacked, bytes of a result; seconds, and memory.

    `inserting` and `reading` are statements at once: see tests/bench/collector.py. Others wait for
    `patience_s`, and are told that there are too many then.
    """

    body: int = 16 * MIB
    unpacked: int = 128 * MIB
    result: int = 256 * MIB
    seconds: float = 30.0
    memory: int = 1024 * MIB
    inserting: int = 2
    reading: int = 2
    patience_s: float = 20.0
