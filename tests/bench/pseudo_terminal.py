"""A terminal without a window: what a program draws on it, and when."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple

COLUMNS, LINES = 160, 50
PATIENCE = 60.0
"""Seconds that a program may take to show something, on the slowest machine."""

FRAME_BEGIN, FRAME_END = b"\x1b[?2026h", b"\x1b[?2026l"
"""What a program puts around all that belongs together, where the terminal says it knows these
(synchronized output, DEC mode 2026): a terminal shows it at the second one."""

_ASKS, _ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"


class Frame(NamedTuple):
    """One repaint: monotonic seconds at which its first and its last byte came, and its bytes."""

    begun: float
    ended: float
    content: bytes


class PseudoTerminal:
    """Runs a program on a terminal of 160×50, on a given processor or any, from its context on.

    The program is ended with the context.
    """

    def __init__(
        self, command: Sequence[str], processor: int | None, pass_fds: Sequence[int] = ()
    ) -> None:
        pinned = [] if processor is None else ["taskset", "-c", str(processor)]
        self._command = [*pinned, *command]
        self._pass_fds = pass_fds
        self.frames: list[Frame] = []
        """All that was painted so far."""
        self.written = 0
        """Bytes that the program wrote so far."""
        self.last_at = 0.0
        """Monotonic seconds at which the last of them came."""
        self.text = b""
        """What it wrote before the first frame."""
        self._changed = threading.Condition()

    def __enter__(self) -> PseudoTerminal:
        self._terminal, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.started = time.monotonic()
        try:
            self.process = subprocess.Popen(
                self._command,
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                pass_fds=self._pass_fds,
                env={
                    **os.environ,
                    **{"TERM": "xterm-256color", "COLORTERM": "truecolor"},
                    # No settings of whoever measures.
                    **{"XDG_CONFIG_HOME": "/nonexistent", "XDG_STATE_HOME": "/nonexistent"},
                },
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(timeout=10)
        os.close(self._terminal)

    def _read(self) -> None:
        begun, content = 0.0, b""
        while True:
            try:
                data = os.read(self._terminal, 1 << 16)
            except OSError:  # the program is gone
                return
            now = time.monotonic()
            if _ASKS in data:
                os.write(self._terminal, _ANSWER)
            with self._changed:
                self.written += len(data)
                self.last_at = now
                if not content:
                    begun = now
                content += data
                while FRAME_END in content:
                    frame, _, content = content.partition(FRAME_END)
                    self.frames.append(Frame(begun, now, frame))
                    begun = now
                if not self.frames:
                    self.text = content
                self._changed.notify_all()

    def press(self, keys: str) -> float:
        """Press keys; gives the monotonic seconds just before."""
        now = time.monotonic()
        os.write(self._terminal, keys.encode())
        return now

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds that what is painted decides; says whether it came to it."""
        with self._changed:
            return self._changed.wait_for(until, seconds)

    @property
    def cpu(self) -> float:
        """CPU seconds that the program took so far."""
        return process_cpu(self.process.pid)


def process_cpu(pid: int) -> float:
    """CPU seconds of a running process and all its threads, without its children's."""
    # The process's own clock: clock_getcpuclockid(3), which Python does not have.
    return time.clock_gettime((~pid << 3) | 2)
