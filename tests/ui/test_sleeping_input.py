"""The thread that waits for input: awake only while there is some."""

from __future__ import annotations

import os
import queue
import selectors
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from textual import events
from textual.drivers.headless_driver import HeadlessDriver
from textual.message import Message

from tcctui.ui.app.sleeping_input import sleeping

PATIENCE = 30.0
"""Seconds after which a test gives up."""


class Keyboard:
    """Driver with a pipe for a terminal; `waits` gets each wait's timeout, `keys` each key."""

    def __init__(self) -> None:
        self.fileno, self._typed = os.pipe()
        self.exit_event = threading.Event()
        self.keys = queue.Queue[str]()
        self.waits = queue.Queue[float | None]()

    def type(self, text: bytes) -> None:
        """Type something."""
        os.write(self._typed, text)

    def hang_up(self) -> None:
        """Let nothing come any more."""
        os.close(self._typed)

    def run_input_thread(self) -> None:
        """Stand for the one of Textual's driver."""
        raise AssertionError

    def process_message(self, message: Message) -> None:
        """Take what was typed."""
        assert isinstance(message, events.Key)
        self.keys.put(message.key)

    def fall_asleep(self) -> None:
        """Wait until it waits for input, however long."""
        while self.waits.get(timeout=PATIENCE) is not None:
            pass

    def key(self) -> str:
        """Next key."""
        return self.keys.get(timeout=PATIENCE)


@contextmanager
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keyboard]:
    """Run the input thread; it has ended afterwards."""
    driver: Keyboard = sleeping(Keyboard)()  # type: ignore[arg-type, assignment, call-arg]

    class Watched(selectors.SelectSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            driver.waits.put(timeout)
            return super().select(timeout)

    monkeypatch.setattr(selectors, "SelectSelector", Watched)
    thread = threading.Thread(target=driver.run_input_thread)
    thread.start()
    try:
        yield driver
    finally:
        driver.exit_event.set()
        thread.join(PATIENCE)
    assert not thread.is_alive()
    driver.exit_event.clear()
    assert not driver.exit_event.is_set()


def test_it_sleeps_until_there_is_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing typed, nothing done; a key is there at once, and so is the end."""
    with keyboard(monkeypatch) as driver:
        driver.fall_asleep()
        driver.type(b"q")
        assert driver.key() == "q"
        driver.fall_asleep()
        assert driver.waits.empty()


def test_an_escape_is_told_from_a_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lone one comes after a while, without another key; one of a sequence never."""
    with keyboard(monkeypatch) as driver:
        driver.fall_asleep()
        driver.type(b"\x1b")
        assert driver.key() == "escape"
        driver.fall_asleep()
        driver.type(b"\x1b[A")
        assert driver.key() == "up"
        driver.type("ü".encode()[:1])
        driver.type("ü".encode()[1:])
        assert driver.key() == "ü"
        driver.fall_asleep()
        assert driver.keys.empty()


def test_a_terminal_that_is_gone_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be readable for ever."""
    with keyboard(monkeypatch) as driver:
        driver.fall_asleep()
        driver.hang_up()
        driver.fall_asleep()


def test_a_driver_without_such_a_thread_stays_as_it_is() -> None:
    """As that of tests, which has no terminal."""
    assert sleeping(HeadlessDriver) is HeadlessDriver
