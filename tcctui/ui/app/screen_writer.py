"""Output to a terminal that may be slow, stuck or gone: nobody ever waits for it.

Textual's own writer has a queue: when the terminal does not read, or not as fast as is drawn, the
program waits in it, without keys and signals.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import select
import termios
import threading
from collections.abc import Callable
from queue import SimpleQueue

_CHUNK = 1 << 12
"""Bytes written at once: what a terminal has room for when its queue has been dropped. Linux keeps
8 KiB for a pseudo-terminal, and 4 KiB for a serial line.
"""


class ScreenWriter:
    """Writes in a thread of its own.

    `taken` is called in the thread each time the terminal has taken everything, `gone` once if it
    takes nothing any more.
    """

    def __init__(self, terminal: int, taken: Callable[[], None], gone: Callable[[], None]) -> None:
        self._terminal = terminal
        self._taken = taken
        self._gone = gone
        self._texts = SimpleQueue[
            bytes
        ]()  # whose `put` may interrupt itself, in a signal's handler
        self._writing = _thread.allocate_lock()
        self._closed = False
        threading.Thread(target=self._run, name="screen", daemon=True).start()

    def write(self, text: str) -> None:
        """Have a text written behind those that the terminal has yet to take."""
        self._texts.put(text.encode(errors="replace"))

    def close(self, last: str, patience: float, *, drop: bool = True) -> None:
        """Drop what the terminal has not taken, write this, and end: in so many seconds or never.

        To `drop` it stops a process in the background. A signal's handler may call this, whatever
        it interrupted.
        """
        self._closed = True
        self._texts.put(b"")
        if drop:
            self._drop()
        done = _thread.allocate_lock()
        done.acquire()
        _thread.start_new_thread(self._write_last, (last.encode(), done))
        done.acquire(timeout=patience)

    def _drop(self) -> None:
        with contextlib.suppress(termios.error):
            termios.tcflush(self._terminal, termios.TCOFLUSH)
            # That wakes nobody who waits for room (pty_flush_buffer); this does, and changes
            # nothing (n_tty_set_termios).
            settings = termios.tcgetattr(self._terminal)
            termios.tcsetattr(self._terminal, termios.TCSANOW, settings)

    def _write_last(self, last: bytes, done: _thread.LockType) -> None:
        with contextlib.suppress(OSError), self._writing:
            os.write(self._terminal, last)
        done.release()

    def _run(self) -> None:
        while (text := self._texts.get()) and not self._closed:
            try:
                self._write_all(text)
            except OSError:  # EIO: hung up
                self._gone()
                return
            if self._texts.empty():
                self._taken()

    def _write_all(self, text: bytes) -> None:
        at = 0
        while at < len(text):
            with self._writing:
                if self._closed:
                    return
                try:
                    at += os.write(self._terminal, text[at : at + _CHUNK])
                    continue
                except BlockingIOError:  # another program has had it not wait
                    pass
            select.select([], [self._terminal], [], 1)
