"""ASGI application: ClickHouse's HTTP interface on the engine of this process.

https://clickhouse.com/docs/interfaces/http says what it is. An answer is whole before its first
byte is sent: its status is true, and a slow reader holds nothing up.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import uuid
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tcctui.fleet.collector.body import packed, too_large, unpacked
from tcctui.fleet.collector.engine_error import (
    ACCESS_DENIED,
    AUTHENTICATION_FAILED,
    NOT_IMPLEMENTED,
    OVERLOADED,
    READONLY,
    SYNTAX,
    TIMEOUT,
    EngineError,
)
from tcctui.fleet.collector.gathering import PACE_S, Gathering
from tcctui.fleet.collector.journal import Journal, Segment
from tcctui.fleet.collector.limits import Limits
from tcctui.fleet.collector.outcome import NOTHING, Outcome
from tcctui.fleet.collector.request import (
    OF_INSERTS,
    OF_TEXTS,
    Asked,
    asked,
    credentials_of,
    require_allowed,
)
from tcctui.fleet.collector.statement import (
    GREETINGS,
    Insert,
    Statement,
    begins_insert,
    insert_of,
    statement_of,
)
from tcctui.fleet.collector.users import ANYONE, Role, User, Users
from tcctui.fleet.tables.every_table import TABLES

_T = TypeVar("_T")

_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNamesAndTypes": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
    "Parquet": "application/octet-stream",
}
"""Content types by format; others are plain text, as ClickHouse has them."""

_INSERTED = frozenset(table.name for table in TABLES)
_BODY_S = 60.0
"""Seconds that a request may take to arrive."""

_READ_ON = 8
"""Times of the largest body that are read of one that is larger."""

_ARRIVING = 32
"""Requests whose bodies arrive at the same time; of others nothing is read yet."""

_MOST_PARAMETERS = 1000


class Engine(Protocol):
    """Store of rows that answers statements: in this process, or elsewhere."""

    @property
    def version(self) -> str:
        """Version of the engine."""

    @property
    def timezone(self) -> str:
        """Time zone in which it writes times."""

    @property
    def trouble(self) -> str:
        """Reason why it stores no rows now, for everybody to read; empty for none."""

    @property
    def sources(self) -> Collection[str]:
        """Functions that reach files, processes or other machines."""

    def insert(self, insert: Insert, data: memoryview, wanted: Asked) -> Outcome:
        """Insert rows; they are stored when it returns."""

    def insert_segment(self, segment: Segment) -> None:
        """Insert the batches of a segment, once; they are stored when it returns."""

    def run(self, statement: Statement, wanted: Asked, *, readonly: bool) -> Outcome:
        """Run a statement; if `readonly`, it can change nothing."""


class Application:
    """Answers requests; `asgi` is what a server runs."""

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        users: Users | None,
        limits: Limits,
        *,
        left: Iterable[Segment] = (),
        pace_s: float = PACE_S,
    ) -> None:
        self._engine = engine
        self._users = users
        self._limits = limits
        self._arriving = asyncio.Semaphore(_ARRIVING)
        self._checking = asyncio.Semaphore(1)
        self._inserting = asyncio.Semaphore(limits.inserting)
        self._reading = asyncio.Semaphore(limits.reading)
        self._gathering = Gathering(engine, journal, self._inserting, left=left, pace_s=pace_s)
        self.asgi = Starlette(
            routes=[
                Route("/ping", _ok, methods=["GET", "HEAD"]),
                Route("/replicas_status", self._status, methods=["GET", "HEAD"]),
                Route("/", self._handle, methods=["GET", "HEAD", "POST"]),
            ],
        )

    def resume(self) -> None:
        """Begin to insert what an earlier process left."""
        self._gathering.resume()

    async def _status(self, _: Request) -> Response:
        """Say if rows can be stored, to whoever asks, such as a load balancer."""
        trouble = self._engine.trouble
        return PlainTextResponse(f"{trouble}\n", 503) if trouble else _ok_response()

    async def _handle(self, request: Request) -> Response:
        url = dict(request.query_params)
        query_id = url.get("query_id", "") or str(uuid.uuid4())
        try:
            user = await self._user(request)
            if len(url) > _MOST_PARAMETERS:
                raise EngineError(NOT_IMPLEMENTED, "There are too many parameters")
            wanted = asked(request.headers, url)
            body = await self._body(request)
            if not wanted.query and not body:
                return _ok_response() if request.method != "POST" else _nothing()
            outcome = await self._answer(user, request.method, wanted, body)
            return self._response(outcome, request, query_id)
        except EngineError as error:
            return self._failure(error, query_id)
        except ClientDisconnect:
            return Response(status_code=499)

    async def _user(self, request: Request) -> User:
        if self._users is None:
            _require_no_browser(request)
            return ANYONE
        given = credentials_of(request.headers, request.query_params)
        if given.token:
            user = self._users.bearer(given.token)
        else:
            user = self._users.known(given.name, given.password)
            if user is None:
                async with self._checking:  # one core at the most for whoever tries passwords
                    user = await run_in_threadpool(
                        self._users.authenticate, given.name, given.password
                    )
        if user is None:
            raise EngineError(
                AUTHENTICATION_FAILED,
                f"{given.name or 'token'}: Authentication failed: password is incorrect, or there"
                " is no user with such name",
            )
        return user

    async def _body(self, request: Request) -> bytes:
        most = self._limits.body
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise EngineError(NOT_IMPLEMENTED, "The collector has no external data, and no forms")
        async with self._arriving:
            try:
                body = await asyncio.wait_for(_received(request, most), _BODY_S)
            except asyncio.TimeoutError:
                raise EngineError(
                    TIMEOUT, f"The request did not arrive in {_BODY_S:.0f} s"
                ) from None
        encoding = request.headers.get("content-encoding", "").lower()
        if not encoding:
            return body
        return bytes(await run_in_threadpool(unpacked, body, encoding, self._limits.unpacked))

    async def _answer(self, user: User, method: str, wanted: Asked, body: bytes) -> Outcome:
        head = wanted.query.encode()
        whole = b"\n".join(part for part in (head, body) if part)
        insert = insert_of(head) if head and body else None
        data = memoryview(body)
        if insert is None:
            insert = insert_of(whole)
            data = memoryview(whole)[insert.data :] if insert else data
        elif insert.data < len(head):
            data = memoryview(head[insert.data :] + b"\n" + body)
        if insert is not None:
            return await self._insert(user, method, wanted, insert, data)
        if begins_insert(whole) and user.role is not Role.ADMIN:
            raise _not_allowed(user, "INSERT of this form: INSERT INTO table FORMAT format")
        try:
            statement = statement_of(whole.decode())
        except UnicodeDecodeError:
            raise EngineError(SYNTAX, "Syntax error: the query is not UTF-8") from None
        return await self._run(user, method, wanted, statement)

    async def _insert(
        self, user: User, method: str, wanted: Asked, insert: Insert, data: memoryview
    ) -> Outcome:
        if method != "POST":
            raise _get_is_readonly()
        if user.role is Role.READER:
            raise _not_allowed(user, f"INSERT ON {insert.table}")
        if user.role is Role.AGENT and insert.name not in _INSERTED:
            raise _not_allowed(user, f"INSERT ON {insert.table}")
        own = {*wanted.settings} - OF_INSERTS - OF_TEXTS
        if insert.format == "ArrowStream" and not own:
            token = wanted.settings.get("insert_deduplication_token", "")
            table = insert.within(wanted.database)
            await self._gathering.insert(table, insert.columns, token, data)
            return NOTHING
        work = partial(self._engine.insert, insert, data, wanted)
        return await self._in_turn(self._inserting, work)

    async def _run(self, user: User, method: str, wanted: Asked, statement: Statement) -> Outcome:
        if user.role is Role.AGENT and statement.plain() not in GREETINGS:
            raise _not_allowed(user, "SELECT: an agent inserts")
        if not statement.reads:
            if method != "POST":
                raise _get_is_readonly()
            if user.role is not Role.ADMIN:
                raise EngineError(READONLY, f"{user.name}: Cannot execute query in readonly mode")
        for name in statement.settings if user.role is not Role.ADMIN else ():
            require_allowed(name)
        statement.require_within(self._engine.sources)
        # What may be changed at all is known to `require_allowed`, not to the engine.
        readonly = statement.reads and statement.plain() not in GREETINGS
        work = partial(self._engine.run, statement, wanted, readonly=readonly)
        return await self._in_turn(self._reading, work)

    async def _in_turn(self, turn: asyncio.Semaphore, work: Callable[[], _T]) -> _T:
        try:
            await asyncio.wait_for(turn.acquire(), self._limits.patience_s)
        except asyncio.TimeoutError:
            raise EngineError(OVERLOADED, "Too many simultaneous queries") from None
        try:
            return await run_in_threadpool(work)
        finally:
            turn.release()

    def _response(self, outcome: Outcome, request: Request, query_id: str) -> Response:
        headers = self._headers(query_id)
        headers["X-ClickHouse-Summary"] = json.dumps(outcome.summary())
        body = outcome.body
        kind = "text/plain; charset=UTF-8"
        if outcome.format:
            headers["X-ClickHouse-Format"] = outcome.format
            kind = _TYPES.get(outcome.format, kind)
        if request.query_params.get("enable_http_compression", "0") in {"1", "true"}:
            body, encoding = packed(body, request.headers.get("accept-encoding", ""))
            if encoding:
                headers["Content-Encoding"] = encoding
        headers["Content-Type"] = kind
        return Response(body, headers=headers)

    def _failure(self, error: EngineError, query_id: str) -> Response:
        headers = self._headers(query_id)
        headers["X-ClickHouse-Exception-Code"] = str(error.code)
        headers["Content-Type"] = "text/plain; charset=UTF-8"
        return Response(error.text(self._engine.version), error.status, headers)

    def _headers(self, query_id: str) -> dict[str, str]:
        shown = "".join(one for one in query_id if one.isascii() and one.isprintable())
        return {
            "X-ClickHouse-Server-Display-Name": "tcctui-collector",
            "X-ClickHouse-Query-Id": shown[:200],
            "X-ClickHouse-Timezone": self._engine.timezone,
        }


async def _received(request: Request, most: int) -> bytes:
    """Body of a request; one that is too large is read on for a while: else none reads an answer.

    Raises:
        EngineError: it is too large.

    """
    parts = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= most:
            parts.append(part)
        elif size > most * _READ_ON:
            break
        else:
            parts.clear()
    if size > most:
        raise too_large(most)
    return b"".join(parts)


async def _ok(_: Request) -> Response:
    return _ok_response()


def _ok_response() -> Response:
    return PlainTextResponse("Ok.\n")


def _nothing() -> Response:
    raise EngineError(SYNTAX, "Syntax error: empty query")


def _require_no_browser(request: Request) -> None:
    """Refuse a page of another site, which a browser here may show: it must not reach the store.

    Such a page sends `Origin`, or reaches this address by a name of its own.
    """
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if "origin" in request.headers or not (host == "localhost" or _is_loopback(host)):
        raise EngineError(
            ACCESS_DENIED, "Not enough privileges: a collector without users answers no browser"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _not_allowed(user: User, what: str) -> EngineError:
    return EngineError(
        ACCESS_DENIED,
        f"{user.name}: Not enough privileges. To execute this query, it's necessary to have the"
        f" grant {what}",
    )


def _get_is_readonly() -> EngineError:
    return EngineError(
        READONLY,
        "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly."
        " You should use method POST for modifying queries",
    )
