"""A program on a pseudo-terminal whose far end is the test: it reads, or not, or closes it."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

PATIENCE = 90.0
"""Seconds after which what is waited for will not come, however slow the machine is."""

DEMO = (sys.executable, "-m", "tcctui", "--no-config", "demo")
"""The dashboard, with a recording to play."""

TAKEN, GIVEN_BACK = b"\x1b[?1049h", b"\x1b[?1049l"
"""Sequences with which a screen begins, and ends."""

_PAUSE = 0.01
_SEQUENCE = re.compile(rb"\x1b\[[0-?]*[@-~]")


class PseudoTerminal:
    """A terminal of some size, and a program on it; it is killed at the end of the context.

    `controls` says whether the kernel signals the program with it. `keys` and `screen` are the near
    ends of other terminals for standard input and error.
    """

    def __init__(
        self,
        command: Sequence[str] = DEMO,
        *,
        columns: int = 120,
        lines: int = 30,
        controls: bool = True,
        ignored: Iterable[signal.Signals] = (),
        blocked: Iterable[signal.Signals] = (),
        environment: Mapping[str, str] | None = None,
        keys: int | None = None,
        screen: int | None = None,
    ) -> None:
        self.far, near = os.openpty()
        self.read = b""
        self.resize(columns, lines)
        self.settings_before = self.settings

        def prepare() -> None:
            for number in signal.Signals:
                if number not in (signal.SIGKILL, signal.SIGSTOP):
                    signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            if controls:
                fcntl.ioctl(1, termios.TIOCSCTTY, 0)

        kept = {name: value for name, value in os.environ.items() if name != "TMUX"}
        self.process = subprocess.Popen(
            command,
            stdin=near if keys is None else keys,
            stdout=near,
            stderr=near if screen is None else screen,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509 - `Popen` knows nothing of signals and terminals
            env=kept | {"TERM": "xterm-256color", "LANG": "C.UTF-8", **(environment or {})},
        )
        os.close(near)

    def __enter__(self) -> PseudoTerminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        print(_SEQUENCE.sub(b" ", self.read[-6000:]).decode(errors="replace"))  # of a failed test
        self.process.kill()
        self.process.wait()
        if self.far >= 0:
            os.close(self.far)

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal a size."""
        fcntl.ioctl(self.far, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        """Type something."""
        os.write(self.far, keys)

    def hang_up(self) -> None:
        """Close the far end."""
        os.close(self.far)
        self.far = -1

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    @property
    def settings(self) -> list[Any]:
        """Settings of the line: those of both ends."""
        return termios.tcgetattr(self.far)

    def until_read(self, wanted: bytes, *, after: int = 0) -> int:
        """Read until something is there; gives the place behind it.

        Raises:
            AssertionError: the program ended first, or it takes too long.

        """
        end = time.monotonic() + PATIENCE
        while (at := self.read.find(wanted, after)) < 0:
            assert self._take(end - time.monotonic()), (wanted, self.read[-2000:])
        return at + len(wanted)

    def until_full(self) -> None:
        """Read nothing, and wait until the program has written more than there is room for."""
        waiting = bytearray(4)

        def unread() -> int:
            fcntl.ioctl(self.far, termios.FIONREAD, waiting)
            return struct.unpack("i", waiting)[0]

        self.until(lambda: unread() >= _ROOM)

    def until(self, done: Callable[[], object]) -> None:
        """Wait for something, and read nothing meanwhile."""
        end = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < end
            assert self.process.poll() is None
            time.sleep(_PAUSE)

    def ended(self, *, reading: bool = True) -> int:
        """Wait for the program's end, and give its status; `read` has all that it wrote."""
        end = time.monotonic() + PATIENCE
        while reading and self._take(end - time.monotonic()):
            pass
        status = self.process.wait(max(0, end - time.monotonic()) + 1)
        while self.far >= 0 and self._take(0):
            pass
        return status

    def _take(self, seconds: float) -> bool:
        """Read what there is, or comes in time; False at the end."""
        if seconds < 0 or not select.select([self.far], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.far, 1 << 16)
        except OSError:  # EIO: no program has the terminal any more
            return False
        self.read += data
        return bool(data)


_ROOM = 4095
"""Bytes that Linux has for the reader of a terminal; the writer has some more."""
