"""Last minutes and live events of one host of the fleet: `tcctui record` there, over ssh."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from tcctui.errors import TcctuiError
from tcctui.fleet.ssh import SSH, command, words
from tcctui.memory import READING_MEMORY
from tcctui.printable import plain
from tcctui.recording.stream import RecordingStream
from tcctui.recording.timeline import Origin

if TYPE_CHECKING:
    from typing import BinaryIO

_PATIENCE = 2.0
"""Seconds that ssh may take to end before it is killed."""

_MOST_SAID = 4096
"""Bytes of ssh's last words that are read."""

LAST_S = 600
"""Seconds of the past that are fetched; a host keeps what its agent is told to."""


class LiveHost:
    """A host's connections that match a query, in the last minutes and live: `open` gives a source.

    `last_s` are the seconds of the past; `ssh` are the words of the command for ssh, `memory` the
    budget for reading in bytes.

    Raises:
        TcctuiError: the host has no name that can be given to ssh.

    """

    def __init__(
        self,
        host: str,
        query: str = "",
        ssh: Sequence[str] = (),
        last_s: int = LAST_S,
        memory: int = READING_MEMORY,
    ) -> None:
        self._host = host
        self._arguments = command(ssh or words(SSH), host, query, last_s)
        self._memory = memory
        self.origin = Origin(host)
        """Origin of what comes, once it is open."""
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe's reader might be too slow
        self._process: subprocess.Popen[bytes] | None = None
        self._stream: RecordingStream | None = None
        self._over = False
        self._starting = threading.Lock()

    def open(self) -> RecordingStream:
        """Start ssh, and wait for the first second of events; in any thread.

        Raises:
            TcctuiError: ssh can't be run, or the host is not reached, or does not record.

        """
        with self._starting:
            if self._over:
                raise TcctuiError(f"{self._host} was left.")
            try:
                # In a session of its own, it has no terminal to ask on, or to write over.
                self._process = subprocess.Popen(
                    self._arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=self._words,
                    start_new_session=True,
                )
            except OSError as error:
                raise TcctuiError(
                    f"{self._arguments[0]} can't be run: {error.strerror}.",
                    "Install it, or name another with --ssh.",
                ) from error
        stream = RecordingStream(cast("BinaryIO", self._process.stdout), self._memory, self)
        self.origin, self._stream = stream.origin, stream
        return stream

    @property
    def caught_up(self) -> bool:
        """True once all that the host kept has been read."""
        return self._stream is not None and not self._stream.catching_up

    def said(self) -> str:
        """The last line that ssh, or tcctui on the host, wrote; else its exit status."""
        if self._process is None:
            return ""
        try:
            status = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return ""
        size = os.fstat(self._words.fileno()).st_size
        data = os.pread(self._words.fileno(), _MOST_SAID, max(0, size - _MOST_SAID))
        lines = [line.strip() for line in data.decode(errors="replace").splitlines()]
        last = next((line for line in reversed(lines) if line), f"ssh ended with status {status}")
        return f"{self._host}: {plain(last).rstrip('.')}."

    def end(self) -> None:
        """End ssh, and all that it started, also while it is waited for; may be called twice."""
        with self._starting:
            self._over, process = True, self._process
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
                return
