"""The terminal: its size, its modes, and its return to what it was before, in any case."""

from __future__ import annotations

import contextlib
import os
import termios
from collections.abc import Callable
from typing import Any

from tcctui.ui.app.screen_writer import ScreenWriter

MOST = 1000, 500
"""Columns and lines that are used of a terminal that says it has more."""

_USUAL = 80, 24
"""Columns and lines of a terminal that does not know them, such as a serial line."""

_PATIENCE = 0.5
"""Seconds that the terminal has for taking the sequences that end the screen."""

_IFLAG, _LFLAG, _CC = 0, 3, 6
"""Places in what `termios.tcgetattr` gives."""

_MOUSE = "1000", "1003", "1015", "1006"
_FOCUS, _PASTE, _WRAP, _CURSOR = "1004", "2004", "7", "25"
_ALTERNATE, _SYNCHRONIZED = "1049", "2026"
_KITTY = 0b11001
"""Keyboard protocol of kitty: disambiguate, report all keys, and their text."""


def _set(*modes: str) -> str:
    return "".join(f"\x1b[?{mode}h" for mode in modes)


def _reset(*modes: str) -> str:
    return "".join(f"\x1b[?{mode}l" for mode in modes)


class Terminal:
    """Reads keys from one descriptor and draws on another one: both are usually one terminal.

    `taken` and `gone` are those of `ScreenWriter`.
    """

    def __init__(
        self,
        keys: int,
        screen: int,
        *,
        mouse: bool,
        taken: Callable[[], None],
        gone: Callable[[], None],
    ) -> None:
        self.keys = keys
        self.screen = screen
        self._mouse = _MOUSE if mouse else ()
        self._told = taken, gone
        self._before: list[Any] | None = None
        self._writer: ScreenWriter | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines: what the terminal says itself (TIOCGWINSZ), no environment."""
        columns, lines = 0, 0
        with contextlib.suppress(OSError):
            columns, lines = os.get_terminal_size(self.screen)
        return min(columns or _USUAL[0], MOST[0]), min(lines or _USUAL[1], MOST[1])

    @property
    def in_foreground(self) -> bool:
        """True unless the shell has given the terminal to another job."""
        try:
            return os.tcgetpgrp(self.keys) == os.getpgrp()
        except OSError:  # it is not the one that controls this process: there are no jobs
            return True

    @property
    def is_taken(self) -> bool:
        """True from `take` to `give_back`."""
        return self._writer is not None

    def write(self, text: str) -> None:
        """Have a text written, after the terminal has taken the one before."""
        if self._writer is not None:
            self._writer.write(text)

    def take(self) -> None:
        """Begin: have keys come at once and unseen, and the screen for oneself."""
        with contextlib.suppress(termios.error):
            self._before = termios.tcgetattr(self.keys)
        self._writer = ScreenWriter(self.screen, *self._told)
        self._make_raw()
        self.write(_set(_ALTERNATE) + f"\x1b[>{_KITTY}u\x1b[?{_SYNCHRONIZED}$p" + self._modes)

    def take_again(self) -> None:
        """Set all modes that another program may have changed meanwhile."""
        self._make_raw()
        self.write(self._modes)

    def give_back(self) -> None:
        """End: give the screen and the settings back, whether the terminal reads or not.

        A signal's handler may call it, whatever it interrupted, even itself. In the background
        the settings are the shell's.
        """
        if self._writer is None:
            return
        end = _reset(_PASTE, *self._mouse, _FOCUS, _SYNCHRONIZED) + _set(_WRAP)
        # Erased first: GNU screen, by default, and consoles have no alternate screen to leave.
        end += f"\x1b[0m\x1b[H\x1b[J\x1b[<u{_reset(_ALTERNATE)}{_set(_CURSOR)}"
        ours = self.in_foreground
        self._writer.close(end, _PATIENCE, drop=ours)
        if ours and self._before is not None:
            with contextlib.suppress(termios.error):
                termios.tcflush(self.keys, termios.TCIFLUSH)
                termios.tcsetattr(self.keys, termios.TCSANOW, self._before)
        self._writer = None

    @property
    def _modes(self) -> str:
        return "\x1b[0m" + _reset(_CURSOR, _WRAP) + _set(_FOCUS, _PASTE, *self._mouse)

    def _make_raw(self) -> None:
        if self._before is None:
            return
        settings = [*self._before]
        settings[_LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
        settings[_IFLAG] &= ~(
            termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR
        )
        settings[_CC] = [*settings[_CC]]
        settings[_CC][termios.VMIN], settings[_CC][termios.VTIME] = 1, 0
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self.keys, termios.TCSANOW, settings)
