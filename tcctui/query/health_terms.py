"""Query terms on health: a sign that a flow has, or how bad its worst one is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tcctui.flows.diagnosis.health import ALL, NAMES, UNKNOWN, Sign
from tcctui.query.conditions import Comparable, Comparison, Term, names
from tcctui.wire.tcp_states import fold

_SIGNS: Mapping[str, int] = {
    **{str(sign.name).lower(): int(sign) for sign in reversed(Sign)},
    "ok": 0,
}
"""Single signs, the worst first, and none."""

_CHOICES = (*_SIGNS, "bad")

_ANY: Mapping[str, frozenset[int]] = {
    **{fold(word): frozenset({signs}) for signs, word in NAMES.items() if signs != UNKNOWN},
    **{
        fold(word): frozenset(signs for signs in range(ALL + 1) if signs & sign)
        for word, sign in _SIGNS.items()
        if sign
    },
    "bad": frozenset(range(1, ALL + 1)),
}
"""Healths by a word: those that have a sign, or of several words exactly these."""

_BEYOND: Mapping[str, Callable[[int], tuple[int, int]]] = {
    ">=": lambda sign: (sign, ALL),
    ">": lambda sign: (max(2 * sign, 1), ALL),
    "<": lambda sign: (0, sign - 1),
    "<=": lambda sign: (0, max(2 * sign, 1) - 1),
}
"""Range of healths whose worst sign compares so with one."""


def health() -> Comparable:
    """Field of signs: `health:loss`, and `health>=loss` for this one or any worse."""
    by_word = names("health", "a sign", _ANY, _CHOICES)

    def term(asked: Comparison) -> Term:
        beyond = _BEYOND.get(asked.operator)
        if beyond is None:
            return by_word.term(asked)
        low, high = 0, 0
        for item in asked.choices("a sign"):
            if item.text.lower() not in _SIGNS:
                there = ", ".join(_SIGNS)
                raise asked.wrong(item, f"{item} has no place among {there}", tuple(_SIGNS))
            low, high = beyond(_SIGNS[item.text.lower()])
        table = np.zeros(256, bool)
        table[low : high + 1] = True
        codes = range(low, high + 1)
        return Term(
            frozenset({"health"}),
            lambda look: table.take(look["health"]),
            sql=lambda statement: statement.coded("health", codes),
        )

    return by_word._replace(term=term, ordered=True, sample="loss")
