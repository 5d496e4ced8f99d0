"""Conditions added to a search by `=` and `!` on a cell."""

from __future__ import annotations

from typing import NamedTuple

from tcctui.query.lexer import lexemes

_BETWEEN = frozenset({"COMPARE", "PLUS", "MINUS", "TIMES", "OVER"})
"""Signs that what stands before and behind them belongs to."""

_DEEPER = {"OPEN": 1, "APART": 1, "CLOSE": -1, "TOGETHER": -1}


class _Part(NamedTuple):
    """A condition, or what joins two; `kind` is that of its first lexeme."""

    kind: str
    text: str


def added(search: str, conditions: str, *, exclude: bool) -> str:
    """Search that requires `conditions` as well, or excludes them (`exclude`).

    Both are valid. `conditions` are fields with values, such as `cc:bbr`, separated by spaces. An
    existing one is not added twice; its negation is removed.
    """
    wanted = [part.text for part in _parts(conditions)]
    if exclude:
        wanted = [f"-{wanted[0]}" if len(wanted) == 1 else f"-({conditions.strip()})"]
    parts = _parts(search)
    if any(part.kind == "OR" for part in parts):
        # As a whole: a condition more binds the last alternative alone otherwise.
        return f"{' '.join(wanted)} ({search.strip()})"
    opposites = {_opposite(text) for text in wanted}
    kept = [part for part in parts if _plainly(part) not in opposites]
    if len(kept) != len(parts):
        kept = _joined_well(kept)
    there = {_plainly(part) for part in kept}
    return " ".join([*(part.text for part in kept), *(new for new in wanted if new not in there)])


def _parts(search: str) -> list[_Part]:
    """Split a search into its outermost conditions, each with its signs, and what joins them."""
    parts: list[_Part] = []
    depth, end, goes_on = 0, 0, False
    for lexeme in lexemes(search):
        kind, piece = lexeme.kind, lexeme.piece
        if depth or goes_on or kind in _BETWEEN:
            parts[-1] = _Part(parts[-1].kind, parts[-1].text + search[end : piece.end])
        else:
            parts.append(_Part(kind, piece.text))
        depth += _DEEPER.get(kind, 0)
        end, goes_on = piece.end, kind in _BETWEEN or kind == "NOT"
    return parts


def _plainly(part: _Part) -> str:
    """Normal form of a part, whichever sign negates it."""
    if part.kind != "NOT":
        return part.text
    return "-" + part.text[1 if part.text[0] in "-!" else len("not") :].lstrip()


def _opposite(text: str) -> str:
    return text[1:] if text.startswith("-") else f"-{text}"


def _joined_well(parts: list[_Part]) -> list[_Part]:
    """Remove the `and`s that join nothing any more."""
    kept: list[_Part] = []
    for part in parts:
        if part.kind != "AND" or (kept and kept[-1].kind != "AND"):
            kept.append(part)
    if kept and kept[-1].kind == "AND":
        kept.pop()
    return kept
