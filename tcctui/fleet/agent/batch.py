"""One window's rows on their way to the engine: an Arrow stream for each table, and a token.

In a file: a line of JSON that says what follows, then the streams. Whoever finds such a file needs
nothing else to send it, and to send it as what it was: the engine leaves out a token that it knows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

_VERSION = 1


class Part(NamedTuple):
    """Rows of one table: an Arrow IPC stream, compressed with zstd, and their number."""

    table: str
    rows: int
    body: bytes


class Batch(NamedTuple):
    """Rows of several tables.

    `token` names them for ever: host, boot, start of the agent, number. `ready_s` is the time, in
    seconds since 1970, at which they may be sent. `told` are rows by table that were dropped before
    and that its row of `host` tells: where that row is dropped itself, another one has to.
    """

    token: str
    ready_s: float
    parts: tuple[Part, ...]
    told: Mapping[str, int] = MappingProxyType({})

    @property
    def rows(self) -> Mapping[str, int]:
        """Number of rows by table."""
        return {part.table: part.rows for part in self.parts}

    def packed(self) -> bytes:
        """Give the bytes of a file."""
        head = {
            "version": _VERSION,
            "token": self.token,
            "ready_s": self.ready_s,
            "parts": [[part.table, part.rows, len(part.body)] for part in self.parts],
            "told": dict(self.told),
        }
        return b"".join([json.dumps(head).encode(), b"\n", *(part.body for part in self.parts)])


def lost_with(packed: bytes) -> Counter[str]:
    """Rows by table that are not told where this is dropped; nothing of what is no batch."""
    try:
        head = _head(packed)
        return Counter({table: rows for table, rows, _ in head["parts"]}) + _told(head)
    except (ValueError, KeyError, TypeError):
        return Counter()


def unpacked(packed: bytes) -> Batch | None:
    """Read the bytes of a file; None where they are not those of a batch, or not all."""
    try:
        head = _head(packed)
        at, parts = packed.index(b"\n") + 1, []
        for table, rows, size in head["parts"]:
            parts.append(Part(str(table), int(rows), packed[at : at + size]))
            at += size
        batch = Batch(str(head["token"]), float(head["ready_s"]), tuple(parts), _told(head))
    except (ValueError, KeyError, TypeError):
        return None
    return batch if at == len(packed) else None


def _told(head: Mapping[str, Any]) -> Counter[str]:
    told = dict(head.get("told", {}))
    return Counter({str(table): int(rows) for table, rows in told.items()})


def _head(packed: bytes) -> dict[str, Any]:
    """Read the first line.

    Raises:
        ValueError: it is none of a batch's.

    """
    head = json.loads(packed[: packed.index(b"\n")])
    if not isinstance(head, dict) or head.get("version") != _VERSION:
        raise ValueError("not a batch")
    return head
