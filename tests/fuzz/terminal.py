"""Byte strings as no terminal sends them: random ones, and known ones with something changed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._keyboard_protocol import FUNCTIONAL_KEYS

from tcctui.ui.app.terminal_input import LONGEST_PASTE, TerminalInput

_KNOWN = [
    *(sequence.encode() for sequence in ANSI_SEQUENCES_KEYS),
    *(f"\x1b[{key[:-1]};5{key[-1]}".encode() for key in FUNCTIONAL_KEYS),
    *(b"\x1b[97;;97u", b"\x1b[1081::113;;1081u", b"\x1b[97;1:3u", b"\x1b[99999999999u"),
    *(b"\x1b[<0;10;11M", b"\x1b[<35;1;1m", b"\x1b[M \xff\xff", b"\x1b[32;10;20M"),
    *(b"\x1b[I", b"\x1b[O", b"\x1b[?2026;2$y", b"\x1b[48;24;80;0;0t", b"\x1b[24;80R"),
    *(b"\x1b[200~", b"\x1b[201~", b"\x1b]11;rgb:1/2/3\x07", b"\x1bP1+r\x1b\\", b"\x1b_G\x1b\\"),
    *("é→😀".encode(), b"\xe9", b"\xff", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"port:443"),
]
_DIGITS = b"0123456789;:<>?=$ "


def strings(count: int, seed: int) -> Iterator[bytes]:
    """Make so many, the same ones for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        text = bytearray(b"".join(chance.choices(_KNOWN, k=chance.randrange(1, 4))))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(text) + 1)
            kind = chance.randrange(5)
            if kind == 0:
                text[at:at] = chance.randbytes(chance.randrange(1, 6))
            elif kind == 1:
                del text[at : at + chance.randrange(1, 4)]
            elif kind == 2:
                text[at:at] = bytes(chance.choices(_DIGITS, k=chance.randrange(1, 12)))
            elif kind == 3:
                text[at:at] = text[: chance.randrange(len(text) + 1)]
            elif at < len(text):
                text[at] = chance.randrange(256)
        yield bytes(text)


def run(count: int, seed: int) -> None:
    """Have all taken by one terminal, in pieces and with pauses, and the key after them all.

    Raises:
        AssertionError: a message is none that the application could do with.

    """
    chance, taken = random.Random(seed), TerminalInput()
    for text in strings(count, seed):
        cut = chance.randrange(len(text) + 1)
        for part in (text[:cut], text[cut:]):
            check(taken, part)
        if chance.randrange(8) == 0:
            for message in taken.pause():
                assert message
    for _ in range(10):
        list(taken.pause())
    assert [message.key for message in taken.feed(b"q") if isinstance(message, events.Key)] == ["q"]


def check(taken: TerminalInput, part: bytes) -> None:
    """Have one part taken."""
    for message in taken.feed(part):
        if isinstance(message, events.Key):
            assert message.key.isprintable(), (part, message)
            (message.character or "").encode()
        elif isinstance(message, events.MouseEvent):
            assert 0 <= min(message.x, message.y) <= max(message.x, message.y) < 10_000, part
        elif isinstance(message, events.Paste):
            assert len(message.text) <= LONGEST_PASTE
            message.text.encode()
