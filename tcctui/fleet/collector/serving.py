"""The collector as a process: its store, its server, its end."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.errors import TcctuiError
from tcctui.fleet.collector import deduplication_logs
from tcctui.fleet.collector.engine_error import EngineError
from tcctui.fleet.collector.journal import Journal, Segment
from tcctui.fleet.collector.limits import Limits
from tcctui.fleet.collector.place import Listener
from tcctui.fleet.collector.users import Users
from tcctui.fleet.engine_codes import REFUSED
from tcctui.fleet.schema import migrations

if TYPE_CHECKING:
    from tcctui.fleet.collector.engine import Engine

try:
    import uvicorn

    from tcctui.fleet.collector.application import Application
except ImportError as error:
    raise TcctuiError(
        f"The collector needs uvicorn and starlette, which can't be loaded: {error}.",
        "Install them: pip install 'tcctui[fleet]'",
    ) from error

_LOCK, _DATA, _JOURNAL, _TEMPORARY = "collector.lock", "data", "journal", "temporary"
_GRACE_S = 30
"""Seconds for requests that are under way at the end."""

_KEEP_ALIVE_S = 30
_HEAD = 1 << 16  # bytes of a request's line and headers: with the statement


def serve(listener: Listener, store: Path, users: Users | None) -> int:
    """Serve until SIGTERM or SIGINT; then finish what is under way.

    Raises:
        TcctuiError: the store is in use or can't be read, or chDB is missing.

    """
    with locked(store):
        _keep_temporary_files_in(store)
        from tcctui.fleet.collector.engine import Engine  # noqa: PLC0415 - with that directory

        limits = Limits()
        _repair(store / _DATA)
        engine = Engine(store / _DATA, limits)
        try:
            migrations.apply(engine)
            journal, left = _journal(store, engine)
            application = Application(engine, journal, users, limits, left=left)
            asyncio.run(run(listener, application))
        finally:
            engine.close()
    return 0


def _journal(store: Path, engine: Engine) -> tuple[Journal, list[Segment]]:
    """Open the journal, and insert what a process before this one left in it.

    Gives the journal, and those segments that the engine can't store now.

    Raises:
        TcctuiError: the journal can't be used.

    """
    journal = opened(store)
    later = []
    for segment in journal.left():
        try:
            engine.insert_segment(segment)
        except EngineError as error:
            if error.code in REFUSED:
                journal.drop(segment)  # nobody was told that it is stored
            else:
                later.append(segment)
        else:
            journal.stored(segment)
    return journal, later


def opened(directory: Path) -> Journal:
    """Open the journal in a directory.

    Raises:
        TcctuiError: it can't be used.

    """
    try:
        return Journal(directory / _JOURNAL)
    except OSError as error:
        raise TcctuiError(f"The journal in {directory} can't be used: {error.strerror}.") from error


async def run(listener: Listener, application: Application) -> None:
    """Answer requests until SIGTERM, SIGINT or SIGHUP."""
    config = uvicorn.Config(
        application.asgi,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_HEAD,
        http="h11",
        ws="none",
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
    config.load()
    config.ssl = listener.tls
    server = uvicorn.Server(config)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGHUP, server.handle_exit, signal.SIGHUP, None
        )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # the server raises them again at its end
    application.resume()
    print(f"Listening on {listener.place.url}", file=sys.stderr, flush=True)
    await server.serve([listener.socket])


def _repair(data: Path) -> None:
    try:
        deduplication_logs.repair(data)
    except OSError as error:
        raise TcctuiError(f"{error.filename} can't be read: {error.strerror}.") from error


def _keep_temporary_files_in(store: Path) -> None:
    """Have chDB make its temporary files there: when it is imported, it makes some at once."""
    temporary = store / _TEMPORARY
    temporary.mkdir(mode=0o700, exist_ok=True)
    os.environ["TMPDIR"] = str(temporary)


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Hold a directory for this process alone: the engine would wait, or break it.

    Raises:
        TcctuiError: another process has it, or it can't be written.

    """
    try:
        descriptor = os.open(store / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TcctuiError(f"{store} can't be written: {error.strerror}.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TcctuiError(
                f"Another process has {store}.", "End that one, or choose another directory."
            ) from error
        yield
    finally:
        os.close(descriptor)
