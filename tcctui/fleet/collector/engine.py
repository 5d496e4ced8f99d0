"""chDB: ClickHouse's engine in this process, with its store in one directory."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tcctui.errors import TcctuiError
from tcctui.fleet.collector.engine_error import EngineError
from tcctui.fleet.collector.journal import Segment
from tcctui.fleet.collector.limits import Limits
from tcctui.fleet.collector.outcome import Outcome
from tcctui.fleet.collector.request import Asked
from tcctui.fleet.collector.statement import Insert, Statement
from tcctui.fleet.schema.ddl import literal, quoted

try:
    import chdb
except ImportError as error:
    raise TcctuiError(
        f"The collector needs chDB, which can't be loaded: {error}.",
        "Install it: pip install 'tcctui[fleet]'",
    ) from error

_WITHIN = frozenset(
    {
        *("numbers", "numbers_mt", "zeros", "zeros_mt", "null", "values", "format", "input"),
        *("generaterandom", "generateseries", "generate_series", "primes", "view", "dictionary"),
        *("merge", "viewifpermitted", "viewexplain"),
    }
)
"""Table functions that reach nothing outside of the engine."""

_FILES = frozenset({"file", "catboostevaluate", "addresstoline", "addresstolinewithinlines"})
"""Functions that are none of tables, and read files."""


_connect: Callable[[str], Any] = chdb.connect
"""Opens a handle, which has settings of its own: 0.4 ms."""


_SET_NAME, _GET_NAME = 15, 16  # include/uapi/linux/prctl.h


@contextmanager
def own_name() -> Iterator[None]:
    """Keep the thread's name, which is the process's: the engine gives it another."""
    prctl, name = ctypes.CDLL(None).prctl, ctypes.create_string_buffer(16)
    prctl(_GET_NAME, name)
    try:
        yield
    finally:
        prctl(_SET_NAME, name)


_PATTERN = frozenset("?*{}[]")
"""Signs that mean something to the engine in the name of a file."""


class Engine:
    """The engine; threads may share it."""

    trouble = ""
    """It is there as long as this process is."""

    def __init__(self, store: Path, limits: Limits) -> None:
        if _PATTERN & {*str(store)}:
            raise TcctuiError(
                f"{store} has one of {' '.join(sorted(_PATTERN))} in its name.",
                "Choose another --store.",
            )
        self._path = str(store)
        self._limits = limits
        try:
            with own_name():
                self._first = _connect(self._path)
            facts = self._ask(self._first, "SELECT version(), timezone()").split("\t")
        except (RuntimeError, EngineError) as error:
            raise TcctuiError(f"The engine can't open {store}: {error}") from error
        self.version, self.timezone = facts[0], facts[1].strip()
        names = self._ask(self._first, "SELECT lower(name) FROM system.table_functions").split()
        self.sources = frozenset(names) - _WITHIN | _FILES
        self._inserting: SimpleQueue[Any] = SimpleQueue()
        for _ in range(limits.inserting):
            self._inserting.put(self._inserter())

    def insert(self, insert: Insert, data: memoryview, wanted: Asked) -> Outcome:
        """Insert rows; they are stored when it returns.

        Raises:
            EngineError: they are not of this format or table, or there is no room.

        """
        into = insert.within(wanted.database)
        columns = f" ({insert.columns})" if insert.columns else ""
        settings = _clause(wanted.settings)
        handle = self._inserting.get()
        try:
            with _as_file(data) as path:
                return self._run(
                    handle,
                    f"INSERT INTO {into}{columns} FROM INFILE {literal(path)}{settings}"
                    f" FORMAT {insert.format}",
                    inserted=True,
                )
        finally:
            self._inserting.put(handle)

    def insert_segment(self, segment: Segment) -> None:
        """Insert the batches of a segment as one block, once; they are stored when it returns.

        Raises:
            EngineError: one of them is wrong, or there is no room.

        """
        columns = f" ({segment.columns})" if segment.columns else ""
        handle = self._inserting.get()
        try:
            self._run(
                handle,
                f"INSERT INTO {segment.table}{columns} FROM INFILE {literal(segment.files)}"
                f" SETTINGS insert_deduplication_token = {literal(segment.name)}"
                " FORMAT ArrowStream",
            )
        finally:
            self._inserting.put(handle)

    def run(self, statement: Statement, wanted: Asked, *, readonly: bool) -> Outcome:
        """Run a statement; if `readonly`, it can change nothing, and reach no files.

        Raises:
            EngineError: it is wrong, or takes longer or more memory than it may.

        """
        with closing(_connect(self._path)) as handle:
            self._prepare(handle, wanted, readonly=readonly)
            form = statement.format or wanted.format
            outcome = self._run(handle, statement.text, form, wanted.parameters)
            return outcome._replace(format=form if statement.reads else "")

    def execute(self, statement: str) -> None:
        """Run a statement of this program itself.

        Raises:
            TcctuiError: the engine refuses it.

        """
        try:
            self._ask(self._first, statement)
        except EngineError as error:
            raise TcctuiError(f"The engine refuses a statement: {error}.") from error

    def numbers(self, sql: str) -> list[int]:
        """Numbers in the only column of a result."""
        return [int(line) for line in self._ask(self._first, sql).split()]

    def close(self) -> None:
        """Close the store; may be called twice."""
        while not self._inserting.empty():
            self._inserting.get().close()
        with suppress(RuntimeError):
            self._first.close()

    def _inserter(self) -> Any:
        handle = _connect(self._path)
        for name, value in {
            "max_execution_time": self._limits.seconds,
            "max_memory_usage": self._limits.memory,
            "max_threads": 1,
            "max_insert_threads": 1,
            "async_insert": 0,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
        }.items():
            self._ask(handle, f"SET {name} = {value}")
        return handle

    def _prepare(self, handle: Any, wanted: Asked, *, readonly: bool) -> None:
        if wanted.database:
            self._ask(handle, f"USE {quoted(wanted.database)}")
        settings = {
            "max_memory_usage": str(self._limits.memory),
            "max_result_bytes": str(self._limits.result),
            **wanted.settings,
        }
        settings["max_execution_time"] = str(self._seconds(settings.get("max_execution_time", "")))
        if readonly:
            settings["readonly"] = "1"
        self._ask(handle, f"SET {_pairs(settings)}")

    def _seconds(self, wanted: str) -> float:
        try:
            seconds = float(wanted)
        except ValueError:
            seconds = 0
        return min(seconds, self._limits.seconds) if seconds > 0 else self._limits.seconds

    def _ask(self, handle: Any, statement: str) -> str:
        return self._run(handle, statement).body.decode()

    def _run(
        self,
        handle: Any,
        statement: str,
        form: str = "TabSeparated",
        parameters: Mapping[str, str] | None = None,
        *,
        inserted: bool = False,
    ) -> Outcome:
        begun = time.monotonic()
        try:
            result = handle.query(statement, form, params=dict(parameters or {}))
        except RuntimeError as error:
            raise EngineError.of(str(error)) from None
        seconds = time.monotonic() - begun
        body = result.bytes() or b""
        return Outcome(body, form, result.rows_read(), result.bytes_read(), seconds, inserted)


@contextmanager
def _as_file(data: memoryview) -> Iterator[str]:
    """Path of a file in memory with these bytes: the engine takes rows from files."""
    descriptor = os.memfd_create("tcctui rows", os.MFD_CLOEXEC)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _clause(settings: Mapping[str, str]) -> str:
    return f" SETTINGS {_pairs(settings)}" if settings else ""


def _pairs(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {literal(value)}" for name, value in settings.items())
