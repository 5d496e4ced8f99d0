"""The dashboard on a terminal of the soak's own: resized, slow to read, and with keys pressed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

_PIECE = 1 << 16


class Screen:
    """Runs a program on a pseudo-terminal, whose output is read by a thread and dropped.

    While `slow`, that thread reads a kilobyte a second.
    """

    def __init__(self, command: Sequence[str], directory: Path) -> None:
        self._master, slave = pty.openpty()
        self.slow = False
        self.resize(160, 50)
        environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        environment |= {f"XDG_{what}_HOME": str(directory) for what in ("CONFIG", "STATE")}
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            cwd=directory,
        )
        os.close(slave)
        self._come = 0
        self._last = b""
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, 9)
            self.process.kill()
        self.process.wait()
        self._thread.join()
        os.close(self._master)

    @property
    def pid(self) -> int:
        """Process of the program itself, which setsid started or became."""
        own = Path(f"/proc/{self.process.pid}")
        if (own / "comm").read_text().strip() != "setsid":
            return self.process.pid
        children = (own / "task" / own.name / "children").read_text().split()
        return int(children[0]) if children else self.process.pid

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size."""
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def press(self, keys: str) -> None:
        """Type something."""
        os.write(self._master, keys.encode())

    def answered(self, keys: str, text: str, seconds: float) -> float | None:
        """Press keys, and give the seconds until a text is drawn; None if it is not."""
        with self._changed:
            self._last = b""
        begun = time.monotonic()
        self.press(keys)
        return time.monotonic() - begun if self.shows(text, seconds) else None

    def shows(self, text: str, seconds: float) -> bool:
        """Wait until a text comes."""
        with self._changed:
            return self._changed.wait_for(lambda: text.encode() in self._last, seconds)

    @property
    def said(self) -> str:
        """Last that it wrote."""
        return self._last.decode(errors="replace")

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._master], [], [], 1)
            if not ready:
                if self.process.poll() is not None:
                    return
                continue
            try:
                data = os.read(self._master, 100 if self.slow else _PIECE)
            except OSError:  # the program has ended
                return
            with self._changed:
                self._last = (self._last + data)[-_PIECE:]
                self._changed.notify_all()
            if self.slow:
                time.sleep(0.1)
