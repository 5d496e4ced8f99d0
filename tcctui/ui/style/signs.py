"""Glyphs, words and styles of limits and marks: the same in table, charts, legend and help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tcctui.flows.diagnosis.diagnosis import LIMIT_NAMES, Limit
from tcctui.ui.style.colours import mark_style
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


def _limit(limit: Limit, glyph: str, meaning: str) -> Sign:
    return Sign(glyph, LIMIT_NAMES[limit], f"limit-{LIMIT_NAMES[limit]}", meaning)


LIMITS: Mapping[Limit, Sign] = MappingProxyType(
    {
        limit: _limit(limit, glyph, meaning)
        for limit, glyph, meaning in (
            (Limit.CWND, "█", "congestion control or the network: it sends all that cwnd allows"),
            (Limit.RWND, "▀", "the receiver: it sends all that the peer's receive window allows"),
            (Limit.SNDBUF, "▄", "its send buffer: too small for what the path could hold"),
            (Limit.APP, "░", "the application: it gives nothing more to send"),
            (Limit.RECOVERY, "▒", "recovery from losses"),
            (Limit.RECEIVES, "·", "nothing: it only receives"),
        )
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
