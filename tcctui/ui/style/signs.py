"""Glyphs, words and styles of limits and marks: the same in table, charts, legend and help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tcctui.flows.diagnosis import verdicts
from tcctui.ui.style.colours import limit_style, mark_style
from tcctui.wire import tracepoints


@dataclass(frozen=True)
class Sign:
    """Sign: its glyph of one cell, its style (a component class), and its word.

    Glyphs differ too, so that colours are not needed. `meaning` is for the help.
    """

    glyph: str
    word: str
    style: str
    meaning: str


LIMITS: Mapping[int, Sign] = MappingProxyType(
    {
        row.limit: Sign(row.glyph, row.name, limit_style(row.limit), row.meaning)
        for row in verdicts.VERDICTS
    }
)
"""Signs of the strip, by cause; most rows of the help are in this order."""

LIMIT_STYLES = tuple(sign.style for sign in LIMITS.values())

MARKS: Mapping[int, Sign] = MappingProxyType(
    {
        mark.kind: Sign(mark.glyph, mark.word, mark_style(mark), mark.meaning)
        for mark in tracepoints.MARKS
    }
)
"""Signs of the time axis, the most important first: it wins in a shared cell."""

ROWS: Mapping[str, Sign] = MappingProxyType(
    {
        "alert": Sign("!", "alert", "alert", "it has an active alert"),
        "pinned": Sign(
            "*", "pinned", "pinned", "it stays on top; dim if it does not match the search"
        ),
        "closed": Sign("x", "closed", "closed", "it is closed, and removed soon"),
        "alert pinned": Sign("&", "both", "alert", "pinned, with an active alert"),
        "pinned closed": Sign("X", "both", "pinned", "pinned, and closed"),
    }
)
"""Signs in front of a row of the table."""

MARK_STYLES = tuple(sign.style for sign in MARKS.values())
