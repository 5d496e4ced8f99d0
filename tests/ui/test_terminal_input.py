"""What a terminal sends: keys, reports, pastes, and bytes that are none of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual import events
from textual.message import Message

from tcctui.ui.app.terminal_input import LONGEST_PASTE, TerminalInput
from tests.fuzz import terminal


def said(*parts: bytes, pauses: int = 0) -> list[Message]:
    """Messages for what comes in these parts, and before so many pauses."""
    taken = TerminalInput()
    came = [message for part in parts for message in taken.feed(part)]
    return came + [message for _ in range(pauses) for message in taken.pause()]


def keys(messages: Sequence[Message]) -> list[str]:
    """Names of keys."""
    return [message.key for message in messages if isinstance(message, events.Key)]


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (b"\xff", "no UTF-8"),
        (b"\xe9", "Latin-1"),
        (b"\xc3", "cut UTF-8"),
        (b"\x1b[M \xff\xff", "X10's mouse report"),
        (b"\x1b[99999999999u", "no character's number"),
        (b"\x1b[55296u", "a surrogate's number"),
        (b"\x1b[97;;55296u", "a surrogate as text"),
        (b"\x1b[1081::113;;1081u", "alternate keys, which nobody asked for"),
        (b"\x1b[48;99999;99999;0;0t", "a size, which nobody asked for"),
        (b"\x1b[48;24;80;0;0t\x1b[<0;99999999;1M", "a mouse out of any screen"),
        (b"\x1b[?62;22c", "an answer that nobody asked for"),
        (b"\x1b]11;rgb:ffff/ffff/ffff\x07", "a colour"),
        (b"\x1b]" + b"A" * 5000 + b"\x1b\\", "a long string"),
        (b"\x1bP1+r\x1b\\", "a device's string"),
        (b"\x1b[" + b"1;" * 100_000 + b"u", "endless parameters"),
        (b"\x1b[3\x07"[:3] + b"\x80", "a sequence that breaks off"),
        (b"\x1b[201~", "an end of no paste"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_dropped(bad: bytes, named: str) -> None:
    """Nothing comes of it, whole or byte by byte, and the next key is a key."""
    assert keys(said(bad + b"q")) == ["q"], named
    if len(bad) < 100:
        assert keys(said(*(bytes([byte]) for byte in bad), b"q")) == ["q"], named


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        (b"\x1b[A\x1bOB\x1b[1;5C", ["up", "down", "ctrl+right"]),
        (b"\x1b[[A\x1bOP\x1b[11~", ["f1", "f1", "f1"]),  # of Linux's console and others
        (b"\x1b[3$\x1b[Z", ["shift+delete", "shift+tab"]),
        (b"\x1b[97;;97u\x1b[97;5u\x1b[13u", ["a", "ctrl+a", "enter"]),  # kitty's protocol
        (b"\x1ba\x1b\xc3\xa9\x1b\x1b[A", ["alt+a", "alt+é", "escape", "up"]),
        (
            "é→😀\t\r\x7f".encode(),
            ["é", "rightwards_arrow", "grinning_face", "tab", "enter", "backspace"],
        ),
    ],
)
def test_keys_are_what_they_were(sent: bytes, names: list[str]) -> None:
    """Sequences of several terminals, and characters, are keys by their names."""
    assert keys(said(sent)) == names


def test_a_beginning_without_an_end_is_what_was_pressed() -> None:
    """After a pause Escape is itself, Alt and a bracket are that bracket; other beginnings go."""
    assert keys(said(b"\x1b", pauses=1)) == ["escape"]
    assert keys(said(b"\x1b[", pauses=1)) == ["left_square_bracket"]
    assert keys(said(b"\x1b]", pauses=1)) == ["right_square_bracket"]
    assert not said(b"\x1b]11;rgb", pauses=1)
    assert not said(b"\x1b[12;3", pauses=1)


def test_a_paste_is_one() -> None:
    """Sequences in it are text, in whatever pieces it comes; it ends without an end, too."""
    (paste,) = said(b"\x1b[200~port:443 \x1b[31mq\xff", b"\xc3\xa9\x1b[2", b"01~")
    assert isinstance(paste, events.Paste)
    assert paste.text == "port:443 \x1b[31mqé"
    *pastes, key = said(b"\x1b[200~" + b"x" * (LONGEST_PASTE + 9), b"\x1b[201~q")
    assert [len(one.text) for one in pastes if isinstance(one, events.Paste)] == [LONGEST_PASTE]
    assert keys([key]) == ["q"]
    assert not said(b"\x1b[200~port", pauses=9)
    assert len(said(b"\x1b[200~port", pauses=10)) == 1


def test_a_mouse_is_on_the_screen() -> None:
    """A report of the mouse is one, and a size that came before it has no say in its place."""
    (down,) = said(b"\x1b[48;24;80;0;0t\x1b[<0;10;11M")
    assert isinstance(down, events.MouseDown)
    assert (down.x, down.y) == (9, 10)


def test_no_bytes_are_a_defect() -> None:
    """Some thousands of strings, random and nearly right, are taken without an error."""
    terminal.run(5000, seed=1)
