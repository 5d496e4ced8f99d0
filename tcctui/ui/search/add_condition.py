"""Conditions added to a search by `=` and `!` on a cell."""

from __future__ import annotations

import re

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"?|[()]|[^\s()"]+')
_NOT = ("-", "!")


def added(search: str, conditions: str, *, exclude: bool) -> str:
    """Search that requires `conditions` as well, or excludes them (`exclude`).

    Both are valid. `conditions` are fields with values, such as `cc:bbr`, separated by spaces. An
    existing one is not added twice; its negation is removed.
    """
    wanted = _terms(conditions)
    if exclude:
        wanted = [f"-{wanted[0]}" if len(wanted) == 1 else f"-({conditions.strip()})"]
    terms = _terms(search)
    if any(term.lower() == "or" for term in terms):
        # In brackets: otherwise the new condition would apply to the last alternative alone.
        return f"{' '.join(wanted)} ({search.strip()})"
    opposites = {_opposite(term) for term in wanted}
    kept = [term for term in terms if _plainly(term) not in opposites]
    if len(kept) != len(terms):
        kept = _joined_well(kept)
    there = {_plainly(term) for term in kept}
    return " ".join([*kept, *(term for term in wanted if term not in there)])


def _terms(search: str) -> list[str]:
    """Split a search at the spaces outside of quotes and parentheses; `not x` is one term."""
    terms: list[str] = []
    depth, behind = 0, -1
    for word in _WORD.finditer(search):
        glued = word.start() == behind and bool(terms)
        if depth or glued:
            terms[-1] += search[behind : word.start()] + word[0]
        elif terms and terms[-1].lower() == "not":
            terms[-1] += f" {word[0]}"
        else:
            terms.append(word[0])
        depth = max(0, depth + {"(": 1, ")": -1}.get(word[0], 0))
        behind = word.end()
    return terms


def _plainly(term: str) -> str:
    """Normal form of a term, whichever sign negates it."""
    if term.lower().startswith("not "):
        return f"-{term[4:].lstrip()}"
    if term[:1] in _NOT and term[1:]:
        return f"-{term[1:]}"
    return term


def _opposite(term: str) -> str:
    return term[1:] if term.startswith("-") else f"-{term}"


def _joined_well(terms: list[str]) -> list[str]:
    """Remove the `and`s that join nothing any more."""
    kept: list[str] = []
    for term in terms:
        if term.lower() == "and" and (not kept or kept[-1].lower() == "and"):
            continue
        kept.append(term)
    if kept and kept[-1].lower() == "and":
        kept.pop()
    return kept
