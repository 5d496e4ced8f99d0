"""The thread that waits for input: awake only while there is some."""

from __future__ import annotations

import os
import queue
import select
import threading
from collections.abc import Iterator
from typing import NoReturn

import pytest
from textual import events
from textual.message import Message

from tcctui.ui.app.input_thread import InputThread
from tcctui.ui.app.terminal_input import TerminalInput

PATIENCE = 30.0
"""Seconds after which a test gives up."""


class Keyboard:
    """Two pipes for terminals; `waits` gets each wait's timeout, `keys` each key."""

    def __init__(self) -> None:
        self.read, self.typed = os.pipe()
        self.far, self.screen = os.pipe()
        self.keys = queue.Queue[str]()
        self.waits = queue.Queue[float | None]()
        self.gone = threading.Event()
        self.failures = queue.Queue[Exception]()

    def take(self, message: Message) -> None:
        """Take what was typed."""
        assert isinstance(message, events.Key)
        self.keys.put(message.key)

    def type(self, text: bytes) -> None:
        """Type something."""
        os.write(self.typed, text)

    def fall_asleep(self) -> None:
        """Wait until it waits for input, however long."""
        while self.waits.get(timeout=PATIENCE) is not None:
            pass

    def key(self) -> str:
        """Next key."""
        return self.keys.get(timeout=PATIENCE)


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keyboard]:
    """Run the input thread; it has ended afterwards."""
    keyboard, poll = Keyboard(), select.poll

    class Watched:
        def __init__(self) -> None:
            self._poll = poll()
            self.register = self._poll.register

        def poll(self, timeout: float | None) -> list[tuple[int, int]]:
            keyboard.waits.put(timeout)
            return self._poll.poll(timeout)

    monkeypatch.setattr(select, "poll", Watched)
    before = {*threading.enumerate()}
    thread = InputThread(
        keyboard.read, keyboard.screen, keyboard.take, keyboard.gone.set, keyboard.failures.put
    )
    yield keyboard
    thread.end()
    assert {*threading.enumerate()} <= before


def test_it_sleeps_until_there_is_input(keyboard: Keyboard) -> None:
    """Nothing typed, nothing done; a key is there at once, and so is the end."""
    keyboard.fall_asleep()
    keyboard.type(b"q")
    assert keyboard.key() == "q"
    keyboard.fall_asleep()
    assert keyboard.waits.empty()


def test_an_escape_is_told_from_a_sequence(keyboard: Keyboard) -> None:
    """A lone one comes after a while, without another key; one of a sequence never."""
    keyboard.fall_asleep()
    keyboard.type(b"\x1b")
    assert keyboard.key() == "escape"
    keyboard.fall_asleep()
    keyboard.type(b"\x1b[A")
    assert keyboard.key() == "up"
    keyboard.type("ü".encode()[:1])
    keyboard.type("ü".encode()[1:])
    assert keyboard.key() == "ü"
    keyboard.fall_asleep()
    assert keyboard.keys.empty()


@pytest.mark.parametrize("end", ["typed", "far"])
def test_the_end_of_either_terminal_is_the_end(keyboard: Keyboard, end: str) -> None:
    """That of the keys, or of the screen, is told at once, and neither is read again."""
    keyboard.fall_asleep()
    os.close(getattr(keyboard, end))
    assert keyboard.gone.wait(PATIENCE)
    assert keyboard.waits.empty()


def test_a_defect_is_told(keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key is lost without a word: what goes wrong with one goes to whoever has the thread."""
    defect = RuntimeError("made to fail")

    def feed(*_: object) -> NoReturn:
        raise defect

    monkeypatch.setattr(TerminalInput, "feed", feed)
    keyboard.fall_asleep()
    keyboard.type(b"q")
    assert keyboard.failures.get(timeout=PATIENCE) is defect
