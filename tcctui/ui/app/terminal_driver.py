"""Textual's way to the terminal: frames when it takes them, keys as they come, an end in any case.

A frame is painted only when the terminal has taken the one before. So the next one is always the
newest, however slow the line is, and a terminal that is stuck costs no memory and holds up nothing.
"""

from __future__ import annotations

import _thread
import contextlib
import gc
import os
import select
import signal
import time
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any

from textual import events
from textual.app import App
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message

from tcctui.ui.app import signals
from tcctui.ui.app.input_thread import InputThread
from tcctui.ui.app.terminal import Terminal
from tcctui.ui.app.terse import Terse
from tcctui.ui.app.typed_ahead import TypedAhead

_KEYS, _SCREEN = 0, 2
"""Descriptors: a redirection of the output leaves the screen alone."""

_SCREEN_ENDS, _REST_ENDS = 10.0, 10.0
"""Seconds for the end of the screen after a signal, and for that of the rest, such as a recording,
before the process ends as it is."""

_STOPS_AGAIN = 0.5
"""Seconds in the background until it stops there."""

_PARTS = 100
"""Texts that wait at most while the terminal takes nothing: it may ring for hours."""

_MOST_WAITING = 4000
"""Messages that wait at most: more than anyone types, and less than a second's work."""

_LEFT = signal.SIGHUP + 128
"""Exit status when the terminal is gone."""


class TerminalDriver(Driver):
    """Reads keys from standard input, and draws on standard error."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        self._terminal = Terminal(
            _KEYS,
            _SCREEN,
            mouse=mouse,
            taken=partial(self._soon, self._go_on),
            gone=partial(self._leave, _LEFT),
        )
        assert isinstance(app, TypedAhead)
        self._owner = app
        super().__init__(app, debug=debug, mouse=mouse, size=size or self._terminal.size)
        self._terse = Terse()
        self._frame: list[str] = []
        self._held: AbstractContextManager[None] | None = None
        self._missed = False
        self._input: InputThread | None = None
        self._handled = ExitStack()
        self._leaving = False
        self._over = _thread.allocate_lock()
        self._over.acquire()

    @property
    def can_suspend(self) -> bool:
        """True: there is a shell below."""
        return True

    # Frames

    def write(self, data: str) -> None:
        """Take a part of a frame, or a bell or a copy, which wait for the frame before them."""
        if not self._frame:
            self._loop.call_soon(self.flush)
        if len(self._frame) < _PARTS:
            self._frame.append(data)

    def flush(self) -> None:
        """Have the terminal take a frame, and paint nothing meanwhile."""
        if self._held is not None or not self._frame:
            return
        frame, self._frame = "".join(self._frame), []
        self._terminal.write(self._terse(frame))
        self._hold()
        self._look_at_size()  # not every terminal has the kernel send SIGWINCH

    def miss(self) -> None:
        """Know of an update that comes while nothing is painted: all is painted afterwards."""
        self._missed = self._held is not None

    def _hold(self) -> None:
        if self._held is None:
            self._held = self._owner.batch_update()
            self._held.__enter__()

    def _go_on(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.__exit__(None, None, None)
            for screen in self._owner.screen_stack[-1:]:
                screen.check_idle()  # has it paint: Textual tells the application alone
        self.flush()
        if self._missed:
            self._missed = False
            self._owner.refresh()

    def repaint(self) -> None:
        """Set all modes and paint all cells: another program may have changed them."""
        self._terse = Terse()
        self._terminal.take_again()
        self._hold()
        self._owner.refresh()

    # From the beginning to the end

    def start_application_mode(self) -> None:
        """Take the terminal, and handle signals."""
        self._handled.enter_context(
            signals.handled(
                dict.fromkeys(signals.ENDING, self._end_by)
                | dict.fromkeys(signals.LEAVING, self._leave_by)
                | {
                    signal.SIGWINCH: lambda *_: self._soon(self._look_at_size),
                    signal.SIGTSTP: lambda *_: self._soon(self._stop),
                    signal.SIGCONT: lambda *_: self._soon(self._continued),
                }
            )
        )
        self._take()
        self._tell_size()

    def disable_input(self) -> None:
        """Read no more keys."""
        if self._input is not None:
            self._input.end()
            self._input = None

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self.disable_input()
        self._terminal.give_back()

    def suspend_application_mode(self) -> None:
        """Give the terminal back for a while."""
        self.stop_application_mode()

    def resume_application_mode(self) -> None:
        """Take it again, as it is now, and paint everything."""
        self._take()
        if not self._look_at_size():
            self._owner.refresh()

    def close(self) -> None:
        """Leave signals alone again; nothing is written to a terminal that is gone."""
        self._handled.close()
        gc.freeze()  # soon after the start Python's end would go through all objects: 0.2 s of CPU
        if self._over.locked():
            self._over.release()
        screen = select.poll()
        screen.register(self._terminal.screen, 0)
        if screen.poll(0):
            _, nowhere = os.pipe()  # what is written later goes nowhere, and needs no file
            os.dup2(nowhere, self._terminal.screen)

    def _take(self) -> None:
        self._terse, self._frame = Terse(), []
        self._terminal.take()
        self._hold()
        self._input = InputThread(
            self._terminal.keys,
            self._terminal.screen,
            self._came,
            partial(self._leave, _LEFT),
            self._failed,
        )

    def _came(self, message: Message) -> None:
        """Take what came, in the input's thread; a flood of it is dropped, or the end waited."""
        if self._owner.waiting < _MOST_WAITING:
            with contextlib.suppress(RuntimeError):  # the application has ended
                self.process_message(message)

    def _failed(self, error: Exception) -> None:
        """Have the application end with a defect of the input's thread."""

        def fail() -> None:
            raise error

        self._owner.call_later(fail)

    def _look_at_size(self) -> bool:
        """Have everything painted in another size, if there is one."""
        if changed := self._terminal.size != self._size:
            self._tell_size()
        return changed

    def _tell_size(self) -> None:
        self._size = self._terminal.size
        size = Size(*self._size)
        self._owner.post_message(events.Resize(size, size))

    # Signals

    def _soon(self, call: Any) -> None:
        """Have the screen's thread call a function; may be called in any thread, and by signals."""
        with contextlib.suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(call)

    def _stop(self) -> None:
        if not self._terminal.is_taken:
            return
        self.suspend_application_mode()
        signals.stop_by(signal.SIGTSTP)
        self._come_back()

    def _come_back(self) -> None:
        """Go on where the terminal is ours; in the background stop again, after a while.

        A signal that came with SIGCONT is handled first, which may be the end.
        """
        if self._leaving:
            return
        if self._terminal.in_foreground:
            self.resume_application_mode()
        else:
            self._loop.call_later(_STOPS_AGAIN, self._stop_again)

    def _stop_again(self) -> None:
        if not self._leaving and not self._terminal.in_foreground:
            signals.stop_by(signal.SIGTTOU)
        self._come_back()

    def _continued(self) -> None:
        """Know that something continued the process, after whatever stopped it."""
        if self._leaving or not self._terminal.is_taken:
            return
        if self._terminal.in_foreground:
            self._look_at_size()
            self.repaint()
        else:
            self.suspend_application_mode()
            self._come_back()

    def _end_by(self, number: int, _: object) -> None:
        self._terminal.give_back()
        signals.end_by(number)

    def _leave_by(self, number: int, _: object) -> None:
        self._leave(signals.LEAVING[signal.Signals(number)], number)

    def _leave(self, status: int, number: int = signal.SIGHUP) -> None:
        """Have the application end; may be called in any thread, and by signals."""
        if self._leaving:
            return
        self._leaving = True
        _thread.start_new_thread(self._see_to_the_end, (128 + number,))
        leave = partial(self._owner.exit, return_code=status)
        self._soon(partial(self._owner.when_there, leave))

    def _see_to_the_end(self, status: int) -> None:
        """End the process if it takes too long, in a thread."""
        if self._over.acquire(timeout=_SCREEN_ENDS):
            time.sleep(_REST_ENDS)
        self._terminal.give_back()
        os._exit(status)
