"""Client of ClickHouse's HTTP interface, as a server or `tcctui collector` has it.

The one module that imports clickhouse_connect; importing it raises TcctuiError where it is missing.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import urlopen

from tcctui import __version__
from tcctui.errors import TcctuiError, UsageError
from tcctui.fleet.address import Address
from tcctui.fleet.engine_codes import REFUSED, WITHOUT_RIGHT
from tcctui.printable import plain_lines

if TYPE_CHECKING:
    import pyarrow as pa
    from urllib3 import PoolManager

try:
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, Error
    from clickhouse_connect.driver.httputil import check_env_proxy, get_pool_manager
except ImportError as error:
    raise TcctuiError(
        f"A fleet needs clickhouse-connect, which can't be loaded: {error}.",
        "Install it: pip install 'tcctui[fleet]'",
    ) from error

__all__ = ["Address", "Client", "EngineFailureError", "Refused", "Unreachable", "connect"]

for _library in ("clickhouse_connect", "urllib3"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)  # errors are raised: a screen has room

CONNECT_S = 10
"""Seconds to wait for a connection."""

ANSWER_S = 60
"""Seconds to wait for more of an answer."""

_BOTH_AT_ONCE = (26, 1)
"""ClickHouse that deduplicates asynchronous inserts in materialized views, too (PR 89140)."""

_SHOWN = 300  # characters of an engine's message

_BY_OTHERS = tuple(f"HTTP status {status}" for status in (401, 403, 404, 413))
"""Refusals of what stands before an engine, such as a proxy: they have no code."""


class EngineFailureError(TcctuiError):
    """Failure with the engine's code, 0 for none."""

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code


class Unreachable(EngineFailureError):  # noqa: N818 - a state, not a fault of this program
    """Failure that may pass: no answer, or an engine that is overloaded or starting."""


class Refused(EngineFailureError):  # noqa: N818
    """Request that the engine will never accept: wrong data, schema, user or rights."""


class Client:
    """Connection to an engine, which threads may share; made by `connect`."""

    def __init__(self, engine: clickhouse_connect.driver.Client, address: Address) -> None:
        self._engine = engine
        self._address = address
        self._url = address.url
        self._user = address.user

    @property
    def version(self) -> str:
        """Version of the engine, such as `26.2.1.1`."""
        return str(self._engine.server_version)

    def insert(self, table: str, body: bytes, token: str) -> None:
        """Insert an Arrow IPC stream that zstd has compressed; returns when its rows are stored.

        A token that the table has seen is not inserted again.

        Raises:
            Unreachable: it may be sent again later.
            Refused: it will not be accepted.

        """
        at_once = _numbers(self.version) < _BOTH_AT_ONCE
        settings = {
            "async_insert": 0 if at_once else 1,
            "wait_for_async_insert": 1,
            "async_insert_deduplicate": 1,
            "insert_deduplication_token": token,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
        }
        try:
            self._engine.raw_insert(
                table, insert_block=body, settings=settings, fmt="ArrowStream", compression="zstd"
            )
        except ClickHouseError as error:
            raise self._failure(error) from error

    def query(self, sql: str, parameters: Mapping[str, object], seconds: float) -> pa.Table:
        """Run a query, whose `{name:Type}` are `parameters`, for `seconds` at the most.

        Raises:
            Unreachable: there is no answer, or none in time.
            Refused: the query is wrong, or not allowed.

        """
        settings = {}
        limit = self._engine.server_settings.get("max_execution_time")
        if limit is not None and not limit.readonly:
            settings["max_execution_time"] = seconds
        try:
            return self._engine.query_arrow(sql, dict(parameters), settings, use_strings=True)
        except ClickHouseError as error:
            raise self._failure(error) from error

    def clock(self) -> float | None:
        """Seconds since 1970 by the engine's clock, within half a second; None if it does not say.

        By the header Date of its answer to /ping: whoever only inserts may not ask for more.
        """
        parts = _parts(self._url)
        context = None
        if parts.scheme == "https":
            context = ssl.create_default_context(cadata=self._address.authorities_text or None)
        ping = urlunsplit((parts.scheme, parts.netloc, "/ping", "", ""))
        try:
            with urlopen(ping, timeout=CONNECT_S, context=context) as answer:  # noqa: S310 - http
                return parsedate_to_datetime(answer.headers["Date"]).timestamp() + 0.5
        except (OSError, TypeError, ValueError):
            return None

    def raw(self, statement: str, form: str) -> bytes:
        """Answer to a query as it comes, in this format unless the query names another.

        Raises:
            Unreachable: there is no answer.
            Refused: the query is wrong, or not allowed.

        """
        try:
            return self._engine.raw_query(statement, settings={"default_format": form})
        except ClickHouseError as error:
            raise self._failure(error) from error

    def execute(self, statement: str) -> None:
        """Run a statement without a result, such as one that creates a table.

        Raises:
            Unreachable: there is no answer.
            Refused: it is wrong, or not allowed.

        """
        try:
            self._engine.command(statement)
        except ClickHouseError as error:
            raise self._failure(error) from error

    def numbers(self, sql: str) -> list[int]:
        """Numbers in the only column of a result.

        Raises:
            Unreachable: there is no answer.
            Refused: the query is wrong, or not allowed.

        """
        return [int(number) for number in self.query(sql, {}, ANSWER_S).column(0).to_pylist()]

    def close(self) -> None:
        """Close its connections."""
        self._engine.close()

    def _failure(self, error: ClickHouseError) -> TcctuiError:
        return _failure(error, self._url, self._user)


def connect(address: Address) -> Client:
    """Connect to an engine.

    Raises:
        Unreachable: there is no answer.
        Refused: the engine does not accept the user.
        TcctuiError: the URL is none, or a file can't be read.

    """
    parts = _parts(address.url)
    address = address.read()
    port = parts.port or (8443 if parts.scheme == "https" else 8123)
    try:
        engine = clickhouse_connect.get_client(
            host=parts.hostname,
            port=port,
            interface=parts.scheme,
            username=None if address.token else address.user,
            password=address.password,
            access_token=address.token or None,
            database=unquote(parts.path.strip("/")) or None,
            pool_mgr=_trusting(address.authorities_text, parts.hostname or "", port),
            connect_timeout=CONNECT_S,
            send_receive_timeout=ANSWER_S,
            autogenerate_session_id=False,
            client_name=f"tcctui/{__version__}",
            compress="zstd",
        )
    except ClickHouseError as error:
        raise _failure(error, address.url, address.user) from error
    except OSError as error:  # a file of authorities that is none
        raise TcctuiError(
            f"No TLS for {address.url}: {error}.", "Check the file of authorities."
        ) from error
    return Client(engine, address)


def _trusting(authorities: str, host: str, port: int) -> PoolManager | None:
    """Connections that trust these authorities; None for the system's.

    Raises:
        OSError: they are no certificates.

    """
    if not authorities:
        return None
    ssl.create_default_context(cadata=authorities)  # to know it now
    proxy = check_env_proxy("https", host, port)
    pool: PoolManager = get_pool_manager(ca_cert_data=authorities, https_proxy=proxy)
    return pool


def _parts(url: str) -> SplitResult:
    """Take an engine's URL apart.

    Raises:
        UsageError: it is none, or has a password in it.

    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or True)
    except ValueError:
        valid = None
    if not valid:
        raise UsageError(f"{url!r} is no URL of ClickHouse.", "One is: https://HOST:8443")
    if parts.username or parts.password:
        raise UsageError(
            "A user or password in a URL is seen by others.", "Use --user and --password-file."
        )
    return parts


def _numbers(version: str) -> tuple[int, int]:
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


def _failure(error: ClickHouseError, url: str, user: str) -> TcctuiError:
    """Failure in one sentence, of the kind that says if it may pass."""
    code = (error.code if isinstance(error, Error) else None) or 0
    text = _message(str(error))
    if code == 516:
        return Refused(f"{url} does not accept the user {user} with this password or token.", code)
    if code in WITHOUT_RIGHT:
        return Refused(f"{url} refuses the user {user}: {text}", code)
    if code in REFUSED or (isinstance(error, DatabaseError) and _never(str(error))):
        return Refused(f"{url} refuses the request: {text}", code)
    if code:
        return Unreachable(f"{url} fails for now: {text}", code)
    return Unreachable(f"{url} does not answer: {_cause(error) or text}")


def _cause(error: BaseException) -> str:
    """Reason of the system, or of TLS, that an error of transport was made of; empty if none."""
    found = ""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        if isinstance(following, OSError):
            told = getattr(following, "verify_message", "") or following.strerror
            found = f"{told}." if told else found
        if "Timeout" in type(following).__name__:
            found = found or "no answer in time."
        reason = getattr(following, "reason", None)  # as urllib3 has it
        inner = following.__cause__ or following.__context__
        following = reason if isinstance(reason, BaseException) else inner
    return found


def _never(text: str) -> bool:
    return any(status in text for status in _BY_OTHERS)


def _message(text: str) -> str:
    """Text of an engine's message alone, in one line."""
    _, _, behind = text.partition("DB::Exception: ")
    line = plain_lines(behind or text).split("\n")[0]
    line = line.partition(" (version ")[0].partition(" (for url ")[0].rstrip(". ")
    return f"{line[:_SHOWN]}{'…' if len(line) > _SHOWN else ''}."
