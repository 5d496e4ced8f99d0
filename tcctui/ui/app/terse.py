"""Fewer bytes for the terminal, which may be at the far end of an ssh connection.

Each piece of a line comes with all of its style before it and a reset behind it. Most of that
repeats the current state: here it is left out, and the result looks the same.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

_SGR = re.compile(r"\x1b\[([\d;]*)m")  # Select Graphic Rendition (ECMA-48, 8.3.117)
_COLOURS = {"38": "foreground", "48": "background"}
_PARTS = {"2": 5, "5": 3}
"""Numbers of a colour: 38;2;R;G;B and 38;5;N."""


class Rendition(NamedTuple):
    """Text rendition of a terminal: the numbers that set it, empty for the default."""

    foreground: str = ""
    background: str = ""
    others: frozenset[str] = frozenset()


_RESET = Rendition()


class Terse:
    """Drops redundant sequences from the output to one terminal."""

    def __init__(self) -> None:
        self._shown = _RESET

    def __call__(self, text: str) -> str:
        """Shorten a text; the terminal's state after it is unchanged."""
        plain, *rest = _SGR.split(text)
        if not rest:
            return text
        shown = wanted = self._shown
        pieces = [plain]
        for numbers, piece in zip(rest[::2], rest[1::2], strict=True):
            wanted = _after(wanted, numbers)
            if piece and wanted is not shown:
                pieces.append(_between(shown, wanted))
                shown = wanted
            pieces.append(piece)
        pieces.append(_between(shown, wanted))
        self._shown = wanted
        return "".join(pieces)


@functools.lru_cache(4096)
def _after(rendition: Rendition, numbers: str) -> Rendition:
    """Rendition after these numbers."""
    values = numbers.split(";")
    foreground, background, others = rendition
    while values:
        first = values[0]
        length = _PARTS.get(values[1], 1) if first in _COLOURS and len(values) > 1 else 1
        taken, values = ";".join(values[:length]), values[length:]
        if first in ("", "0", "00"):
            foreground, background, others = _RESET
        elif first == "38" or (len(first) == 2 and first[0] in "39" and first != "39"):
            foreground = taken
        elif first == "48" or first[:2] == "10" or (len(first) == 2 and first[0] == "4"):
            background = taken if first != "49" else ""
        elif first == "39":
            foreground = ""
        else:
            others |= {taken}
    return Rendition(foreground, background, others)


@functools.lru_cache(4096)
def _between(shown: Rendition, wanted: Rendition) -> str:
    """Sequence that changes one rendition to the other."""
    if shown == wanted:
        return ""
    numbers = []
    if not shown.others <= wanted.others:
        numbers, shown = ["0"], _RESET
    numbers += sorted(wanted.others - shown.others)
    if wanted.foreground != shown.foreground:
        numbers.append(wanted.foreground or "39")
    if wanted.background != shown.background:
        numbers.append(wanted.background or "49")
    if wanted == _RESET:
        numbers = ["0"]
    return f"\x1b[{';'.join(numbers)}m"
