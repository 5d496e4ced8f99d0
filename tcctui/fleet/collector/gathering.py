"""Batches that are gathered, so that one INSERT stores those of many hosts.

An INSERT of one batch takes the engine some 14 ms of CPU, of fifty 1 ms each: they wait for each
other for a moment where there are many. Each has its answer when it is stored.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from tcctui.fleet.collector.engine_error import NOT_ENOUGH_SPACE, OVERLOADED, EngineError
from tcctui.fleet.collector.journal import Journal, Segment
from tcctui.fleet.engine_codes import PASSING, REFUSED, TRIES

PACE_S = 0.5
"""Seconds from an INSERT of a table to its next one."""

_MOST = 200
"""Batches of a segment."""

_MOST_WAITING = 64 << 20
"""Bytes of batches that wait."""


class _Engine(Protocol):
    def insert_segment(self, segment: Segment) -> None: ...


class _Batch(NamedTuple):
    token: str
    data: memoryview
    answer: asyncio.Future[None]


class _Kind(NamedTuple):
    table: str
    columns: str


class Gathering:
    """Batches that wait, by table and columns.

    `left` are segments that are not stored yet: they come before any other, with `resume`.
    """

    def __init__(
        self,
        engine: _Engine,
        journal: Journal,
        inserting: asyncio.Semaphore,
        *,
        left: Iterable[Segment] = (),
        pace_s: float = PACE_S,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._pace_s = pace_s
        self._inserting = inserting
        self._writing = asyncio.Lock()
        self._waiting: dict[_Kind, list[_Batch]] = {}
        self._left: dict[_Kind, list[Segment]] = {}
        for segment in left:
            self._left.setdefault(_Kind(segment.table, segment.columns), []).append(segment)
        self._failures: Counter[_Kind] = Counter()  # in a row, of a code that says not whose it is
        self._tasks: dict[_Kind, asyncio.Task[None]] = {}
        self._bytes = 0

    async def insert(self, table: str, columns: str, token: str, data: memoryview) -> None:
        """Insert a batch, an Arrow stream; it is stored when this returns, and only once.

        Raises:
            EngineError: it is not stored.

        """
        if self._journal.knows(table, token):
            return
        if self._bytes and self._bytes + len(data) > _MOST_WAITING:
            raise EngineError(OVERLOADED, "Too many simultaneous queries: batches wait already")
        kind = _Kind(table, columns)
        waiting = self._waiting.setdefault(kind, [])
        batch = _Batch(token, data, asyncio.get_running_loop().create_future())
        waiting.append(batch)
        self._bytes += len(data)
        self._begin(kind)
        try:
            await asyncio.shield(batch.answer)
        finally:
            self._bytes -= len(data)

    def resume(self) -> None:
        """Begin to insert the segments that were left."""
        for kind in self._left:
            self._begin(kind)

    def _begin(self, kind: _Kind) -> None:
        if kind not in self._tasks:
            self._waiting.setdefault(kind, [])
            self._tasks[kind] = asyncio.create_task(self._insert_all(kind))

    async def _insert_all(self, kind: _Kind) -> None:
        """Insert what was left and what waits, until nothing does."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                waiting = self._waiting[kind]
                taken, self._waiting[kind] = waiting[:_MOST], waiting[_MOST:]
                begun = loop.time()
                await self._insert_some(kind, taken)
                await asyncio.sleep(max(0.0, begun + self._pace_s - loop.time()))
                if not self._waiting[kind]:
                    break
        finally:
            del self._waiting[kind], self._tasks[kind]

    async def _insert_some(
        self, kind: _Kind, batches: Sequence[_Batch], *, apart: bool = False
    ) -> None:
        """Insert batches, one by one if one of them is wrong, and answer each."""
        try:
            await self._insert_left(kind)
            error = await self._insert_together(kind, self._new(kind, batches), apart=apart)
        except EngineError as passing:
            error = passing
        waits = error is None or error.code in PASSING or bool(self._left.get(kind))
        if not waits and len(batches) > 1:
            for batch in batches:
                await self._insert_some(kind, [batch], apart=True)
            return
        for batch in batches:
            if batch.answer.done():
                continue
            if error is None:
                batch.answer.set_result(None)
            else:
                batch.answer.set_exception(error)
                batch.answer.exception()  # its sender may be gone

    async def _insert_left(self, kind: _Kind) -> None:
        """Insert the segments that could not be stored the last time, before any other.

        Raises:
            EngineError: they still can't be.

        """
        left = self._left.get(kind, [])
        while left:
            try:
                await self._insert_segment(left[0])
            except EngineError as error:
                if self._may_pass(kind, error):
                    raise
                self._journal.drop(left[0])
            del left[0]

    def _may_pass(self, kind: _Kind, error: EngineError, *, apart: bool = False) -> bool:
        """Check if the same segment is to be tried again; no single one for an error of its own."""
        if error.code in PASSING:
            return True
        if error.code in REFUSED or apart:
            return False
        self._failures[kind] += 1
        return self._failures[kind] < TRIES

    def _new(self, kind: _Kind, batches: Sequence[_Batch]) -> list[_Batch]:
        """Batches that are not stored, each token once."""
        tokens = set()
        new = []
        for batch in batches:
            if batch.token in tokens or self._journal.knows(kind.table, batch.token):
                continue
            if batch.token:
                tokens.add(batch.token)
            new.append(batch)
        return new

    async def _insert_together(
        self, kind: _Kind, batches: Sequence[_Batch], *, apart: bool
    ) -> EngineError | None:
        if not batches:
            return None
        parts = [(batch.token, batch.data) for batch in batches]
        try:
            async with self._writing:
                segment = await asyncio.to_thread(self._journal.write, *kind, parts)
        except OSError as error:
            return EngineError(NOT_ENOUGH_SPACE, f"Cannot write the journal: {error.strerror}")
        try:
            await self._insert_segment(segment)
        except EngineError as error:
            if self._may_pass(kind, error, apart=apart):
                self._left.setdefault(kind, []).append(segment)
            else:
                self._journal.drop(segment)
            return error
        return None

    async def _insert_segment(self, segment: Segment) -> None:
        async with self._inserting:
            await asyncio.to_thread(self._engine.insert_segment, segment)
        del self._failures[_Kind(segment.table, segment.columns)]
        async with self._writing:
            await asyncio.to_thread(self._journal.stored, segment)
