"""What is sent to put text into the terminal's clipboard."""

from __future__ import annotations

import base64
import re

import pytest

from tcctui.ui.table.clipboard import screen_pieces


@pytest.mark.parametrize("text", ["10.0.3.7:443", "ä" * 5000])
def test_screen_is_given_short_strings_that_make_the_sequence(text: str) -> None:
    """What screen hands on, one string after the other, is the sequence that a terminal knows."""
    sent = screen_pieces(text)
    pieces = re.findall(r"\x1bP(.*?)\x1b\\", sent, re.DOTALL)
    assert sent == "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    assert max(map(len, pieces)) <= 256
    encoded = re.fullmatch(r"\x1b\]52;c;([^\a]*)\a", "".join(pieces))
    assert encoded is not None
    assert base64.b64decode(encoded[1]).decode() == text
