"""Completion of a condition: what queries have, and the words about groups of connections."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tcctui.flows.groups.groups import GROUPINGS
from tcctui.query.aggregates import OF, OF_GROUPS, quantity_of
from tcctui.query.completion import COMPARISONS, Completion, Suggestion, calculable, units
from tcctui.query.completion import complete as complete_query

_MEANINGS = {
    "any": "a connection of the group matches the query",
    "count": "number of connections that match the query",
    "share": "percentage of connections that match the query",
    "sum": "sum over all connections of the group",
    "max": "largest value of the group",
    "min": "smallest value of the group",
    "mean": "mean of the group",
}

_KEY = re.compile(r"\s*group:(\S*)$")
_GROUP = re.compile(r"\s*(?:group:\S*\s+)?")
_OPENED = re.compile(rf"({'|'.join(OF_GROUPS)})\s*\(")
_COLUMN = re.compile(r"(?:^|[-+*/(])\s*([A-Za-z_][A-Za-z0-9_%]*|)$")
_LIMIT = re.compile(r"\s*([<>=!]*)\s*(?:(?:[0-9.]+)([A-Za-z%/]*))?$")
_WORD = re.compile(r"([a-z:]*)$")
_BEHIND = re.compile(r"(?<!for)\s([a-z]*)$")


def complete(text: str, cursor: int, live: Mapping[str, Sequence[str]]) -> Completion:
    """Complete a condition at the cursor; see `query.completion.complete`."""
    before = text[:cursor]
    if key := _KEY.match(before):
        named = {name: grouping.meaning for name, grouping in GROUPINGS.items()}
        return _chosen(cursor, key[1], (Suggestion(f"{name} ", named[name]) for name in named))
    begin, joined = _begin(before)
    opened = _OPENED.match(before, begin)
    if opened is None:
        return _outside(text, cursor, live, begin, joined=joined)
    close = _closing(before, opened.end() - 1)
    if close is not None:
        return _behind(before, cursor, opened[1], before[opened.start() : close + 1], close + 1)
    if opened[1] in OF:
        return _columns(cursor, opened[1], before[opened.end() :])
    return complete_query(text, cursor, live)


def _outside(
    text: str, cursor: int, live: Mapping[str, Sequence[str]], begin: int, *, joined: bool
) -> Completion:
    """Complete a query, or one of the words before brackets, or the group; behind others a word."""
    word = _WORD.search(text[:cursor], begin)
    here = word is not None and not text[begin : word.start()].strip()
    words = [Suggestion(f"{of}(", meaning) for of, meaning in _MEANINGS.items()]
    if not begin:
        words.insert(0, Suggestion("group:", "each group by a key, instead of each connection"))
    of_groups = _chosen(cursor, word[1] if word else "", words if here else ())
    if joined:
        return of_groups
    found = complete_query(text, cursor, live)
    if not here or found.start != of_groups.start:
        return found
    return Completion(found.start, found.end, (*of_groups.choices, *found.choices))


def _columns(cursor: int, of: str, inside: str) -> Completion:
    """Complete a column that has this aggregate."""
    typed = _COLUMN.search(inside)
    columns = calculable(typed[1]) if typed else []
    known = (one for one in columns if quantity_of(f"{of}({one.text})") is not None)
    return _chosen(cursor, typed[1] if typed else "", known)


def _begin(before: str) -> tuple[int, bool]:
    """Offset of the part of the condition that the text ends with; True if others are before it."""
    group = _GROUP.match(before)
    at = first = group.end() if group else 0
    while opened := _OPENED.match(before, at):
        close = _closing(before, opened.end() - 1)
        joined = re.search(r"\sand\s+", before[close:]) if close is not None else None
        if close is None or joined is None:
            break
        at = close + joined.end()
    return at, at > first


def _closing(text: str, opening: int) -> int | None:
    depth = 0
    for at in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if not depth:
            return at
    return None


def _behind(before: str, cursor: int, of: str, whole: str, at: int) -> Completion:
    """Complete what follows the brackets: a comparison, a unit, and what may come behind it."""
    limit = _LIMIT.match(before, at)
    if limit is None or of == "any":
        word = _BEHIND.search(before, at)
        joined = (Suggestion("and ", "both conditions"), Suggestion("for ", "for so long, as 10s"))
        return _chosen(cursor, word[1] if word else "", joined if word else ())
    if limit[2] is not None:
        quantity = quantity_of(whole)
        noun = {"count": "a number", "share": "a percentage"}.get(of) or (
            quantity.noun if quantity else ""
        )
        return _chosen(cursor, limit[2], units(noun))
    signs = (Suggestion(sign, meaning) for sign, meaning in COMPARISONS if sign != ":")
    return _chosen(cursor, limit[1], signs)


def _chosen(cursor: int, typed: str, choices: Iterable[Suggestion]) -> Completion:
    """Those that begin with what is typed, which they replace."""
    found = tuple(one for one in choices if one.text.startswith(typed))
    return Completion(cursor - len(typed), cursor, found)
