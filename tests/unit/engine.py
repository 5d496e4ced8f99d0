"""An engine in a test: what it was sent, and a client that fails when it is told to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tcctui.errors import TcctuiError
from tcctui.fleet.agent.batch import Batch, Part
from tcctui.fleet.client import Refused, Unreachable


class Engine:
    """Tables that remember tokens, as ClickHouse does."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.stored: dict[tuple[str, str], bytes] = {}
        self.calls = 0
        self.away = False
        self.refuses: set[str] = set()
        self.code = 0
        """Code of refusals."""
        self.time_s: float | None = None
        self.loses_answers = 0
        """Answers that get lost from now on: rows are stored, and the client does not know."""

    def insert(self, table: str, body: bytes, token: str) -> None:
        """Store rows once."""
        with self.lock:
            self.calls += 1
            self.lock.notify_all()
            if self.away:
                raise Unreachable("http://engine does not answer.")
            if table in self.refuses:
                raise Refused("http://engine refuses the request.", self.code)
            self.stored.setdefault((table, token), body)
            if self.loses_answers:
                self.loses_answers -= 1
                raise Unreachable("http://engine does not answer.")

    def clock(self) -> float | None:
        """Tell the time, which stands still; None unless it was set."""
        return self.time_s

    def connect(self) -> Any:
        """Connect, unless it is away."""
        if self.away:
            raise Unreachable("http://engine does not answer.")
        return self

    def waited_for(self, calls: int) -> None:
        """Wait until it was called so many times."""
        with self.lock:
            assert self.lock.wait_for(lambda: self.calls >= calls, 60)

    @property
    def tables(self) -> Counter[str]:
        """Number of inserts that were stored, by table."""
        return Counter(table for table, _ in self.stored)


class Down:
    """A connection that can't be made."""

    def __init__(self, error: TcctuiError) -> None:
        self.error = error

    def __call__(self) -> Any:
        """Fail."""
        raise self.error


def batch(
    number: int, size: int = 100, told: Mapping[str, int] = MappingProxyType({}), **rows: int
) -> Batch:
    """Make a batch with as many rows of some tables as is said, 10 of `host` by default."""
    body = str(number).encode().rjust(size, b".")
    parts = (Part(table, count, body) for table, count in (rows or {"host": 10}).items())
    return Batch(f"a-host/a-boot/a-run/{number}", 0.0, tuple(parts), told)
