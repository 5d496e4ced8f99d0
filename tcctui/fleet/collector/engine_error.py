"""Exceptions of the engine: code, name and text as ClickHouse has them, and the HTTP status."""

from __future__ import annotations

import re

from tcctui.fleet.engine_codes import EITHER, PASSING

_TEXT = re.compile(r"Code: (\d+)\. DB::Exception: (.*?)\s*\(([A-Z][A-Z0-9_]+)\)", re.DOTALL)

UNKNOWN, TIMEOUT = 1002, 159
SYNTAX, READONLY, NOT_IMPLEMENTED = 62, 164, 48
TOO_MANY_BYTES, CANNOT_DECOMPRESS = 307, 271
OVERLOADED, NETWORK, NOT_ENOUGH_SPACE = 202, 210, 243
ACCESS_DENIED, AUTHENTICATION_FAILED, UNKNOWN_FORMAT = 497, 516, 73

_NAMES = {
    **{code: text.partition(":")[0] for code, text in {**PASSING, **EITHER}.items()},
    SYNTAX: "SYNTAX_ERROR",
    READONLY: "READONLY",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    TOO_MANY_BYTES: "TOO_MANY_BYTES",
    CANNOT_DECOMPRESS: "CANNOT_DECOMPRESS",
    ACCESS_DENIED: "ACCESS_DENIED",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    UNKNOWN_FORMAT: "UNKNOWN_FORMAT",
}

_BAD_REQUEST = {6, 25, 26, 36, 38, 41, 44, 53, 62, 72, 117, 167, 168, 427, 441, 675, 676}
_NOT_FOUND = {46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 336, 511}
_STATUS = {
    194: 401,
    **dict.fromkeys((192, 193, ACCESS_DENIED, AUTHENTICATION_FAILED), 403),
    **dict.fromkeys(_BAD_REQUEST, 400),
    **dict.fromkeys(_NOT_FOUND, 404),
    **dict.fromkeys((TOO_MANY_BYTES,), 413),
    NOT_IMPLEMENTED: 501,
    TIMEOUT: 408,
    OVERLOADED: 503,
}
"""HTTP status by code, 500 for others; src/Server/HTTP/exceptionCodeToHTTPStatus.cpp. What is too
large or comes too soon has the status of HTTP for it.
"""


class EngineError(Exception):
    """Exception of the engine, or one in its words."""

    def __init__(self, code: int, message: str, name: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.name = name or _NAMES.get(code, "UNKNOWN_EXCEPTION")

    @classmethod
    def of(cls, text: str) -> EngineError:
        """Exception of the engine's own text."""
        found = _TEXT.search(text)
        if found is None:
            return cls(UNKNOWN, text.strip() or "The engine gives no reason")
        return cls(int(found[1]), found[2].rstrip(" :."), found[3])

    @property
    def status(self) -> int:
        """Status of the HTTP answer."""
        return _STATUS.get(self.code, 500)

    def text(self, version: str) -> str:
        """Body of the HTTP answer."""
        return (
            f"Code: {self.code}. DB::Exception: {self.message}. ({self.name}) (version {version})\n"
        )
