"""Input that is waited for, however long: Textual's own drivers look ten times a second.

A wake-up costs little, but ten a second are a good part of what a dashboard at rest costs.
"""

from __future__ import annotations

import os
import selectors
import threading
from codecs import getincrementaldecoder
from typing import Any

from textual.constants import ESCAPE_DELAY
from textual.driver import Driver

try:
    from textual._xterm_parser import XTermParser
except ImportError:  # another Textual: its drivers look for input themselves
    XTermParser = None  # type: ignore[assignment, misc]

_LOOKS = 3
"""Times that are waited for the rest of a sequence, before none can be pending any more."""

_READ_BYTES = 4096


class _Exit(threading.Event):
    """Event that also wakes whoever waits for `descriptor` to be readable."""

    def __init__(self) -> None:
        super().__init__()
        self.descriptor, self._wake = os.pipe()

    def set(self) -> None:
        """Set it."""
        super().set()
        os.write(self._wake, b"\n")

    def clear(self) -> None:
        """Reset it, once it was set."""
        os.read(self.descriptor, _READ_BYTES)
        super().clear()


def sleeping(driver: type[Driver]) -> type[Driver]:
    """Subclass of a driver whose input thread sleeps until there is input, or it is to end.

    A driver that has no such thread is given back as it is.
    """
    if XTermParser is None or not hasattr(driver, "run_input_thread"):
        return driver

    class SleepingDriver(driver):  # type: ignore[valid-type, misc]  # any of Textual's
        """Waits for input without looking for it."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.exit_event = _Exit()

        def run_input_thread(self) -> None:
            """Dispatch input until `exit_event` is set, as the driver's own does.

            A lone escape is told from a sequence by the time after it: only then it is looked at.
            """
            parser, decode = XTermParser(), getincrementaldecoder("utf-8")().decode
            looks = 0
            with selectors.SelectSelector() as selector:
                for descriptor in (self.fileno, self.exit_event.descriptor):
                    selector.register(descriptor, selectors.EVENT_READ)
                while not self.exit_event.is_set():
                    ready = selector.select(ESCAPE_DELAY if looks else None)
                    looks = max(looks - 1, 0)
                    if any(key.fd == self.fileno for key, _ in ready):
                        looks, data = _LOOKS, os.read(self.fileno, _READ_BYTES)
                        if not data:  # nothing comes any more
                            selector.unregister(self.fileno)
                        text = decode(data)
                        for event in parser.feed(text) if text else ():
                            self.process_message(event)
                    for event in parser.tick():
                        self.process_message(event)

    return SleepingDriver
