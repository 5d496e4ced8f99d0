"""Bodies of requests and answers: compressed by HTTP, with a limit before and after."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tcctui.fleet.collector.engine_error import (
    CANNOT_DECOMPRESS,
    NOT_IMPLEMENTED,
    TOO_MANY_BYTES,
    EngineError,
)

ENCODINGS = {"zstd": "zstd", "gzip": "gzip", "lz4": "lz4"}
"""Codecs by their names in Content-Encoding; lz4's are frames, as ClickHouse has them."""

_PIECE = 1 << 20


def unpacked(body: bytes, encoding: str, most: int) -> bytes | memoryview:
    """Body as it was before compression, `most` bytes at the most.

    Raises:
        EngineError: it is larger, broken, or compressed in another way.

    """
    if encoding in {"", "identity"}:
        return body
    if encoding not in ENCODINGS:
        raise EngineError(
            NOT_IMPLEMENTED, f"Unknown compression method {encoding[:20]!r}: zstd, gzip or lz4"
        )
    parts: list[Any] = []
    size = 0
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), ENCODINGS[encoding]) as stream:
            while part := stream.read(_PIECE):
                size += len(part)
                if size > most:
                    raise too_large(most)
                parts.append(part)
    except (OSError, pa.ArrowException) as error:
        raise EngineError(CANNOT_DECOMPRESS, f"Cannot decompress {encoding}: {error}") from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


def packed(body: bytes, accepted: str) -> tuple[bytes, str]:
    """Compress a body in the first way that Accept-Encoding names; gives its Content-Encoding."""
    for name in (one.partition(";")[0].strip().lower() for one in accepted.split(",")):
        if name in ENCODINGS:
            return _packed(body, ENCODINGS[name]), name
    return body, ""


def too_large(most: int) -> EngineError:
    """Error of a body of more bytes than these."""
    return EngineError(
        TOO_MANY_BYTES, f"Limit for the size of a request's body exceeded: {most >> 20} MiB"
    )


def _packed(body: bytes, codec: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(body)
    return sink.getvalue().to_pybytes()
