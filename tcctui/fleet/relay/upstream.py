"""The engine of a relay: one that is elsewhere, behind ClickHouse's HTTP interface."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

from tcctui.errors import TcctuiError
from tcctui.fleet.client import Refused, Unreachable
from tcctui.fleet.collector.engine_error import (
    ACCESS_DENIED,
    NETWORK,
    NOT_IMPLEMENTED,
    TOO_MANY_BYTES,
    EngineError,
)
from tcctui.fleet.collector.outcome import Outcome
from tcctui.fleet.collector.request import Asked
from tcctui.fleet.collector.statement import GREETINGS, Insert, Statement
from tcctui.fleet.engine_codes import WITHOUT_RIGHT, WRONG

if TYPE_CHECKING:
    from tcctui.fleet.collector.journal import Segment

_TOO_LARGE = "HTTP status 413"
"""Refusal of a proxy before the engine, which has no code."""

_MOST_KEPT = 50
"""Answers to clients that connect: a few statements in a few formats."""


class Sink(Protocol):
    """Receiver of the rows: ClickHouse, or a Kafka that it reads."""

    @property
    def version(self) -> str:
        """Version of the engine."""

    def store(self, segment: Segment) -> None:
        """Store the batches of a segment. Raises TcctuiError."""

    def greet(self, statement: Statement, form: str) -> bytes:
        """Answer to a statement of a client that connects. Raises TcctuiError."""


class Upstream:
    """Engine that `connect` makes, when it is needed; threads may share it.

    Its failures, and the ends of them, are sentences on `remarks`.
    """

    timezone = "UTC"
    sources: frozenset[str] = frozenset()

    def __init__(self, connect: Callable[[], Sink], remarks: TextIO) -> None:
        self._connect = connect
        self._remarks = remarks
        self._lock = threading.Lock()
        self._sink: Sink | None = None
        self._greetings: dict[tuple[str, str], bytes] = {}
        self._failing = False

    @property
    def version(self) -> str:
        """Version of the engine; of a relay where it is not known yet."""
        return "relay" if self._sink is None else self._sink.version

    @property
    def trouble(self) -> str:
        """Reason why it stores no rows now; its address is not everybody's."""
        return "The relay has no engine, or is refused." if self._failing else ""

    def insert_segment(self, segment: Segment) -> None:
        """Insert the batches of a segment; they are stored when it returns.

        Raises:
            EngineError: they are not stored; with the code of the engine.

        """
        try:
            self._connected().store(segment)
        except OSError as error:
            raise EngineError(NETWORK, f"The relay can't read its journal: {error}") from error
        except TcctuiError as error:
            raise self._failure(error) from error
        self._succeeds()

    def insert(
        self,
        insert: Insert,  # noqa: ARG002 - as the collector's engine
        data: memoryview,  # noqa: ARG002
        wanted: Asked,  # noqa: ARG002
    ) -> Outcome:
        """Refuse rows that no agent sends.

        Raises:
            EngineError: always.

        """
        raise EngineError(
            NOT_IMPLEMENTED, "A relay takes inserts of FORMAT ArrowStream without settings"
        )

    def run(
        self,
        statement: Statement,
        wanted: Asked,
        *,
        readonly: bool,  # noqa: ARG002 - as the collector's engine
    ) -> Outcome:
        """Answer clients that connect, as the engine does; its answers are kept.

        Raises:
            EngineError: it is any other statement, or the engine is away.

        """
        plain = statement.plain()
        if plain not in GREETINGS:
            raise EngineError(
                ACCESS_DENIED, "Not enough privileges: a relay takes inserts; ask the engine itself"
            )
        form = statement.format or wanted.format
        kept = self._greetings.get((plain, form))
        if kept is None:
            try:
                kept = self._connected().greet(statement, form)
            except TcctuiError as error:
                raise self._failure(error) from error
            if len(self._greetings) < _MOST_KEPT:
                self._greetings[plain, form] = kept
        return Outcome(kept, form, 0, 0, 0.0)

    def _connected(self) -> Sink:
        with self._lock:
            self._sink = self._sink or self._connect()
            return self._sink

    def _failure(self, error: TcctuiError) -> EngineError:
        """Failure as agents are to see it: what is amiss with the relay passes, for them."""
        code = error.code if isinstance(error, Refused | Unreachable) else 0
        if _TOO_LARGE in error.reason:
            return EngineError(TOO_MANY_BYTES, error.reason)
        if code in WRONG:
            return EngineError(code, error.reason)
        if not self._failing:
            self._failing = True
            self._say(f"{error.reason} Agents keep their batches.")
        if not code or code in WITHOUT_RIGHT:
            return EngineError(NETWORK, f"The relay has no engine: {error.reason}")
        return EngineError(code, error.reason)

    def _succeeds(self) -> None:
        if self._failing:
            self._failing = False
            self._say("The engine takes rows again.")

    def _say(self, sentence: str) -> None:
        print(sentence, file=self._remarks, flush=True)
