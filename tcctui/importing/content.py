"""Files to import: opened, decompressed, and recognised by their content."""

from __future__ import annotations

import gzip
import io
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from tcctui.errors import TcctuiError, UsageError
from tcctui.importing.capture import MAGIC
from tcctui.importing.imported import Form, NotReadableError

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

HEAD = 1 << 16
"""Bytes in which a format is recognised."""


@contextmanager
def opened(path: Path | None) -> Iterator[io.BufferedReader]:
    """Open a file, or standard input, decompressed if it is by gzip or zstd.

    Ctrl-C ends who writes into standard input, and with that the input: it is imported then.

    Raises:
        TcctuiError: it can't be read, or is a terminal.

    """
    name = "Standard input" if path is None else str(path)
    if path is None and os.isatty(0):
        raise UsageError(
            "Standard input is a terminal, and captures are no text.",
            "Let a program write into it: tcpdump -s 128 -w - tcp | tcctui import - OUT.arrows",
        )
    with ExitStack() as closed:
        if path is None and threading.current_thread() is threading.main_thread():
            closed.callback(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            raw = io.FileIO(0 if path is None else path, closefd=path is not None)
            plain = closed.enter_context(io.BufferedReader(cast(io.RawIOBase, raw), HEAD))
            head = plain.peek(4)[:4]
        except OSError as error:
            advice = "See whether it is there."
            if isinstance(error, IsADirectoryError):
                advice = "Name the files in it: several become one recording."
            raise TcctuiError(
                f"{name} can't be read: {error.strerror or error}.", advice
            ) from error
        if head[:2] == _GZIP:
            unpacked = closed.enter_context(gzip.GzipFile(fileobj=plain))
            yield io.BufferedReader(cast(io.RawIOBase, unpacked), HEAD)
        elif head == _ZSTD:
            from tcctui.recording.arrow import pa  # noqa: PLC0415 - 100 ms that few need

            stream = pa.CompressedInputStream(pa.PythonFile(plain, mode="r"), "zstd")
            yield io.BufferedReader(_Readable(stream), HEAD)
        else:
            yield cast(io.BufferedReader, plain)


class _Readable(io.RawIOBase):
    """An Arrow stream as one of Python's."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._stream.read(len(view))
        view[: len(data)] = data
        return len(data)


def form_of(name: str, file: io.BufferedReader) -> Form:
    """Recognise a format by the first bytes, which stay to be read.

    Raises:
        NotReadableError: it is none of them.

    """
    head = file.peek(HEAD)[:HEAD]
    if head[:4] in MAGIC:
        return Form.PCAP
    text = head.lstrip(b"\x1e\xef\xbb\xbf \t\r\n")
    if text[:1] in {b"{", b"["}:
        if any(word in head for word in (b'"qlog_version"', b'"qlog_format"', b'"file_schema"')):
            return Form.QLOG
        if any(word in head for word in (b'"RawIDM"', b'"TCPInfo"', b'"Metadata"')):
            return Form.TCP_INFO
    raise NotReadableError(
        f"{name} is no capture (pcap, pcapng), no M-Lab tcp-info and no qlog.",
        "If it is one of them, say which: --format pcap, tcp-info or qlog"
        if head
        else "It is empty.",
    )
