"""What a frame says: which row is selected, what is sorted by, how many flows are shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tests.bench.pseudo_terminal import LINES

HEADER = 3
"""The line, from 1, with the table's titles."""

ROWS = range(4, 31)
"""The lines with its rows, on a screen of 160×50."""

_PLACE = re.compile(rb"\x1b\[(\d+);(\d+)H")
_BACKGROUND = re.compile(rb"48;2;\d+;\d+;\d+")
_ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_FLOWS = re.compile(r"([\d,]+)/([\d,]+) flows")
_ENDS = 58  # columns of the local and the remote end


class Line(NamedTuple):
    """What was painted from a line's first column on: the text, and its first background."""

    text: str
    background: bytes


def lines(frame: bytes) -> dict[int, Line]:
    """Find what a frame paints from the first column on, by the line's number from 1."""
    parts = _PLACE.split(frame)
    found = {}
    for line, column, content in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        if column != b"1" or not 1 <= int(line) <= LINES:
            continue
        background = _BACKGROUND.search(content)
        text = _ESCAPE.sub(b"", content).decode(errors="replace").rstrip("\r\n")
        if text.strip():
            found[int(line)] = Line(text, background[0] if background else b"")
    return found


def needless(before: Sequence[bytes], frames: Sequence[bytes]) -> int:
    """Count frames that paint nothing but what is on the screen already; `before` came earlier."""
    shown: dict[tuple[bytes, bytes], bytes] = {}
    count = 0
    for place, frame in enumerate([*before, *frames]):
        parts = _PLACE.split(frame)
        painted = {
            (line, column): content
            for line, column, content in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
            if content  # else it is where the cursor is put
        }
        changed = any(shown.get(where) != content for where, content in painted.items())
        shown.update(painted)
        count += place >= len(before) and not changed
    return count


def selected_background(frame: bytes) -> bytes:
    """Find the selected row's background in a frame of the whole table: one row alone has it."""
    shown = [line.background for number, line in lines(frame).items() if number in ROWS]
    alone = [background for background in shown if shown.count(background) == 1]
    return alone[0] if len(shown) > 2 and alone else b""


def selected(frame: bytes, background: bytes) -> str:
    """Both ends of the selected flow, if the frame paints its row."""
    rows = [
        line.text[:_ENDS]
        for number, line in lines(frame).items()
        if number in ROWS and line.background == background
    ]
    return rows[0] if rows else ""


def sorted_by(frame: bytes) -> str:
    """The table's titles, of which one has the arrow, if the frame paints them."""
    header = lines(frame).get(HEADER)
    return header.text if header else ""


def flows(frame: bytes) -> tuple[int, int] | None:
    """How many flows are shown, of how many known, if the frame paints the status line."""
    status = lines(frame).get(1)
    match = _FLOWS.search(status.text) if status else None
    return (int(match[1].replace(",", "")), int(match[2].replace(",", ""))) if match else None
