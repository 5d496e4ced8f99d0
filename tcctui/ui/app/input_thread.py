"""Thread that waits for input, however long, and for the end of the terminal.

Textual's own drivers look for input ten times a second, which is a good part of what a dashboard at
rest costs.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

from textual.constants import ESCAPE_DELAY
from textual.message import Message

from tcctui.ui.app.terminal_input import TerminalInput

_READ_BYTES = 4096

_PATIENCE = 0.5
"""Seconds for its end: another program may read the terminal, too, and take what it waits for."""

_ENDED = select.POLLHUP | select.POLLERR | select.POLLNVAL


class InputThread:
    """Reads keys from one terminal, and watches the one that is drawn on: they may be two.

    `take` is called in the thread with each message, `gone` once if either terminal has ended: no
    signal says so where it is not the one that controls the process, or where signals are blocked.
    `failed` gets a defect, which is the end, too.
    """

    def __init__(
        self,
        keys: int,
        screen: int,
        take: Callable[[Message], None],
        gone: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._keys = keys
        self._screen = screen
        self._take = take
        self._gone = gone
        self._failed = failed
        self._ending, self._end = os.pipe()
        self._thread = threading.Thread(target=self._run, name="input", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop reading, and wait for that."""
        os.write(self._end, b"\n")
        self._thread.join(_PATIENCE)
        if not self._thread.is_alive():
            os.close(self._ending)
            os.close(self._end)

    def _run(self) -> None:
        try:
            self._read_all()
        except Exception as error:
            self._failed(error)

    def _read_all(self) -> None:
        parser, poll = TerminalInput(), select.poll()
        poll.register(self._keys, select.POLLIN)
        poll.register(self._screen, 0)  # its end alone
        poll.register(self._ending, select.POLLIN)
        while True:
            ready = dict(poll.poll(ESCAPE_DELAY * 1000 if parser.waits else None))
            if self._ending in ready:
                return
            if ready.get(self._screen, 0) & _ENDED or ready.get(self._keys, 0) & select.POLLNVAL:
                break
            if not ready:
                messages = parser.pause()
            else:
                try:
                    data = os.read(self._keys, _READ_BYTES)
                except BlockingIOError:
                    continue  # another program took it
                except OSError:  # EIO: hung up
                    break
                if not data:
                    break
                messages = parser.feed(data)
            for message in messages:
                self._take(message)
        self._gone()
