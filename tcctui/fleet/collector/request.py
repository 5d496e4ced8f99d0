"""A request of the HTTP interface: its user, statement, parameters and settings."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import NamedTuple

from tcctui.fleet.collector.engine_error import (
    AUTHENTICATION_FAILED,
    NOT_IMPLEMENTED,
    READONLY,
    EngineError,
)

_TRANSPORT = frozenset(
    {
        *("query", "database", "default_format", "query_id", "quota_key", "user", "password"),
        *("wait_end_of_query", "buffer_size", "client_protocol_version", "stacktrace"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
        *("cancel_http_readonly_queries_on_client_close", "enable_http_compression"),
        *(
            "http_wait_end_of_query",
            "http_response_buffer_size",
            "http_write_exception_in_output_format",
        ),
        *("session_id", "session_timeout", "session_check", "close_session", "role"),
        *("compress", "decompress"),
    }
)
"""Parameters of the interface itself, and settings of its transport: an answer is always whole."""

_WITHOUT = {"session_id": "sessions", "role": "roles"}
_NATIVE = ("compress", "decompress")

_ASYNCHRONOUS = frozenset({"async_insert", "wait_for_async_insert", "async_insert_deduplicate"})
"""Taken as wished for: rows are stored when the answer comes, and each token once."""

OF_INSERTS = frozenset(
    {"insert_deduplication_token", "deduplicate_blocks_in_dependent_materialized_views"}
)

OF_TEXTS = frozenset({"date_time_input_format", "cast_string_to_dynamic_use_inference"})
"""Settings that clickhouse-connect sends with all that it does: Arrow's rows know their types."""

_ALLOWED = frozenset(
    {
        *("date_time_input_format", "date_time_output_format", "max_block_size", "max_threads"),
        *("cast_string_to_dynamic_use_inference", "max_execution_time", "max_result_rows"),
        *("session_timezone", "join_use_nulls", "log_comment"),
    }
)
_OF_FORMATS = re.compile(r"(?:input|output)_format_[a-z0-9_]+")
_REACHING_FILES = frozenset({"output_format_schema"})

_LONGEST = 1 << 16
"""Most characters of a setting's value."""


class Credentials(NamedTuple):
    """Name and password, or a token."""

    name: str = "default"
    password: str = ""
    token: str = ""


class Asked(NamedTuple):
    """All that a request says in its URL and headers.

    `settings` are those of the engine, checked; `token` is the one of deduplication.
    """

    query: str
    database: str
    format: str
    query_id: str
    parameters: Mapping[str, str]
    settings: Mapping[str, str]


def credentials_of(headers: Mapping[str, str], url: Mapping[str, str]) -> Credentials:
    """Find who asks: in one of three ways, as ClickHouse has them.

    Raises:
        EngineError: in several, or in none of these.

    """
    authorization = headers.get("authorization", "")
    own = "x-clickhouse-user" in headers or "x-clickhouse-key" in headers
    in_url = "user" in url or "password" in url
    if bool(authorization) + own + in_url > 1:
        raise EngineError(
            AUTHENTICATION_FAILED,
            "Invalid authentication: it is not allowed to use several of X-ClickHouse HTTP headers,"
            " Authorization HTTP header and authentication via parameters simultaneously",
        )
    if own:
        name = headers.get("x-clickhouse-user", "default")
        return Credentials(name, headers.get("x-clickhouse-key", ""))
    if authorization:
        return _authorized(authorization)
    return Credentials(url.get("user", "default"), url.get("password", ""))


def _authorized(text: str) -> Credentials:
    scheme, _, value = text.partition(" ")
    if scheme.lower() == "bearer":
        return Credentials("", "", value.strip())
    try:
        name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise EngineError(
            AUTHENTICATION_FAILED, "Invalid authentication: it is neither Basic nor Bearer"
        )
    return Credentials(name or "default", password)


def asked(headers: Mapping[str, str], url: Mapping[str, str]) -> Asked:
    """Understand a request.

    Raises:
        EngineError: it has a setting that may not be changed, or asks for what is not there.

    """
    for name, said in _WITHOUT.items():
        if url.get(name):
            raise EngineError(NOT_IMPLEMENTED, f"The collector has no {said}: leave out {name}")
    if any(url.get(name, "0") not in {"0", "false", ""} for name in _NATIVE):
        raise EngineError(
            NOT_IMPLEMENTED,
            "The collector has no compression of ClickHouse's own: use Content-Encoding and"
            " Accept-Encoding",
        )
    settings = {}
    parameters = {}
    for name, value in url.items():
        if name.startswith("param_"):
            parameters[name.removeprefix("param_")] = value
        elif name not in _TRANSPORT | _ASYNCHRONOUS:
            require_allowed(name)
            if len(value) > _LONGEST:
                raise EngineError(READONLY, f"The value of {name} is too long")
            settings[name] = value
    return Asked(
        query=url.get("query", ""),
        database=url.get("database", headers.get("x-clickhouse-database", "")),
        format=url.get("default_format", headers.get("x-clickhouse-format", "TabSeparated")),
        query_id=url.get("query_id", ""),
        parameters=parameters,
        settings=settings,
    )


def require_allowed(name: str) -> None:
    """Refuse settings that may not be changed.

    Raises:
        EngineError: READONLY, as of a user whose profile has readonly = 1.

    """
    of_formats = _OF_FORMATS.fullmatch(name) and name not in _REACHING_FILES
    if name not in _ALLOWED | OF_INSERTS and not of_formats:
        raise EngineError(READONLY, f"Cannot modify '{name[:80]}' setting in readonly mode")
