"""Frames for a terminal that is slow or stuck: one at a time, and none is waited for."""

from __future__ import annotations

import asyncio
import fcntl
import os
import select
import struct
import termios
import threading
from collections.abc import Iterator

import pytest
from textual.events import Key
from textual.geometry import Size
from textual.message import Message

from tcctui.ui.app import terminal_driver
from tcctui.ui.app.screen_writer import ScreenWriter
from tcctui.ui.app.terminal import MOST, Terminal
from tcctui.ui.app.terminal_driver import TerminalDriver
from tcctui.ui.app.typed_ahead import TypedAhead

PATIENCE = 60.0
FRAME = "x" * 100_000
"""More than a pseudo-terminal has room for."""

LAST = "the end"


@pytest.fixture
def line() -> Iterator[tuple[int, int]]:
    """Open a raw pseudo-terminal: its far and its near end."""
    far, near = os.openpty()
    settings = termios.tcgetattr(near)
    settings[1] = settings[3] = 0
    termios.tcsetattr(near, termios.TCSANOW, settings)
    yield far, near
    os.close(far)
    os.close(near)


def read(far: int, length: int) -> bytes:
    """Read so many bytes, as they come."""
    data = b""
    while len(data) < length:
        assert select.select([far], [], [], PATIENCE)[0], len(data)
        data += os.read(far, length - len(data))
    return data


def rest(far: int) -> bytes:
    """Read what is there."""
    data = b""
    while select.select([far], [], [], 0)[0]:
        data += os.read(far, 1 << 16)
    return data


def test_a_text_is_taken_when_all_of_it_is(line: tuple[int, int]) -> None:
    """Not while some of it has no room; then at once."""
    far, near = line
    taken = threading.Event()
    writer = ScreenWriter(near, taken.set, pytest.fail)
    writer.write(FRAME)
    assert read(far, 50_000) == b"x" * 50_000
    assert not taken.is_set()
    assert read(far, 50_000) == b"x" * 50_000
    assert taken.wait(PATIENCE)
    writer.close(LAST, PATIENCE)
    assert read(far, len(LAST)) == LAST.encode()


def test_leaving_drops_what_is_unread(line: tuple[int, int]) -> None:
    """Nobody reads: what there was goes, the last text is there, and nothing comes behind it."""
    far, near = line
    writer = ScreenWriter(near, pytest.fail, pytest.fail)
    writer.write(FRAME)
    assert select.select([far], [], [], PATIENCE)[0]
    writer.write(FRAME)
    writer.close(LAST, PATIENCE)
    written = rest(far)
    assert written.endswith(LAST.encode())
    assert len(written) < len(FRAME) / 2


def test_a_terminal_that_is_gone_is_told() -> None:
    """EIO is the end: once, and not an error of the thread."""
    far, near = os.openpty()
    gone = threading.Event()
    writer = ScreenWriter(near, pytest.fail, gone.set)
    os.close(far)
    writer.write(FRAME)
    assert gone.wait(PATIENCE)
    writer.close(LAST, PATIENCE)
    os.close(near)


@pytest.mark.parametrize(
    ("said", "size"),
    [((0, 0), (80, 24)), ((65535, 65535), MOST), ((100, 30), (100, 30)), ((0, 60), (80, 60))],
)
def test_the_size_is_what_the_terminal_says(
    line: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
    said: tuple[int, int],
    size: tuple[int, int],
) -> None:
    """Within reason, and whatever the environment says."""
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("LINES", "200")
    far, near = line
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("4H", said[1], said[0], 0, 0))
    terminal = Terminal(near, near, mouse=True, taken=pytest.fail, gone=pytest.fail)
    assert terminal.size == size


async def test_nothing_is_painted_until_the_last_frame_is_taken(
    line: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what is painted next is the newest; what is no frame, such as a copy, waits for it."""
    far, near = line
    monkeypatch.setattr(terminal_driver, "_KEYS", near)
    monkeypatch.setattr(terminal_driver, "_SCREEN", near)
    monkeypatch.setattr("gc.freeze", lambda: None)  # this process goes on
    app = TypedAhead()
    driver = TerminalDriver(app)
    assert driver._size == Size(80, 24)
    driver.start_application_mode()

    async def until(held: int) -> None:
        while app._batch_count != held:
            assert rest(far) or True
            await asyncio.sleep(0.001)

    await until(0)
    driver.write(FRAME)
    driver.flush()
    for _ in range(1000):
        driver.write(LAST)
    assert select.select([far], [], [], PATIENCE)[0]
    await asyncio.sleep(0)
    assert app._batch_count == 1
    left = len(FRAME)
    while left:  # what was written at the start may be before it, and has no x
        left -= read(far, left).count(b"x")
    copies = await asyncio.to_thread(read, far, len(LAST) * 100)
    assert copies == LAST.encode() * 100  # and not all of the thousand
    await until(0)
    driver.stop_application_mode()
    driver.close()


async def test_a_flood_of_keys_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """While thousands wait no more are taken: the end would come behind them all."""
    taken: list[Message] = []
    monkeypatch.setattr(TerminalDriver, "process_message", lambda _, message: taken.append(message))
    app = TypedAhead()
    driver = TerminalDriver(app)
    driver._came(first := Key("j", "j"))
    app._typed.extend([first] * terminal_driver._MOST_WAITING)
    driver._came(Key("k", "k"))
    assert taken == [first]
