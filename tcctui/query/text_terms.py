"""Query terms on text: the whole row, or one name in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tcctui.arrays import Array, Mask
from tcctui.query.conditions import DEAR, DEAREST, Comparable, Comparison, Piece, Term
from tcctui.query.evaluation import Evaluation
from tcctui.query.patterns import Pattern
from tcctui.query.word_search import lines_with

if TYPE_CHECKING:
    from tcctui.query.sql import Statement

_NAMES = ("comm", "cc")
ROW = frozenset({"text", *_NAMES})
"""Columns searched by a word or a pattern without a field."""


def folded(text: str) -> bytes:
    """Give the form that is searched for: as what is searched, bytes with ASCII in lower case."""
    # NUL is what numpy fills texts up with; what is searched has neither that nor a line feed.
    return text.replace("\0", "\n").encode(errors="surrogatepass").lower()


def contains(pieces: Iterable[Piece]) -> Term:
    """Condition that a row contains one of the words, in either case.

    Its endpoints, its state, its process and its algorithm are searched.
    """
    return _with_any(dict.fromkeys(folded(piece.text) for piece in pieces))


def _with_any(words: Iterable[bytes]) -> Term:
    wanted = tuple(words)

    def match(look: Evaluation) -> Mask:
        mask = look.once(wanted, lambda: lines_with(look["text"], wanted)).copy()
        for column in _NAMES:
            mask |= _found(look, column, wanted)
        return mask

    def in_sql(statement: Statement) -> str:
        names = (statement.has_any(column, wanted) for column in _NAMES)
        return f"({' OR '.join([statement.has_any('text', wanted, lower=False), *names])})"

    return Term(ROW, match, cost=DEAR, words=wanted, sql=in_sql)


def searched_together(terms: Sequence[Term]) -> list[Term]:
    """Alternatives among which all that are words are one condition."""
    words = dict.fromkeys(word for term in terms for word in term.words)
    rest = [term for term in terms if not term.words]
    return [*rest, _with_any(words)] if len(terms) > len(rest) + 1 else list(terms)


def fits(piece: Piece) -> Term:
    """Condition that a regular expression matches in the same places, in either case."""
    pattern = Pattern(piece)

    def match(look: Evaluation) -> Mask:
        mask = pattern.among_rows(look)
        for column in _NAMES:
            mask = mask | look.of_each(column, pattern.among_names)
        return mask

    def in_sql(statement: Statement) -> str:
        return f"({' OR '.join(pattern.in_sql(statement, column) for column in ('text', *_NAMES))})"

    return Term(ROW, match, cost=DEAREST, sql=in_sql)


def name_fits(column: str, piece: Piece) -> Term:
    """Condition that a regular expression matches in a name, in either case."""
    pattern = Pattern(piece)
    return Term(
        frozenset({column}),
        lambda look: look.of_each(column, pattern.among_names),
        sql=lambda statement: pattern.in_sql(statement, column),
    )


def name_does_not_fit(column: str, piece: Piece) -> Term:
    """Its negation, which is also false for unknown names."""
    pattern = Pattern(piece)

    def of_names(names: Array) -> Mask:
        return ~pattern.among_names(names) & (names != b"")

    def in_sql(statement: Statement) -> str:
        known = f"notEmpty({statement.column(column).text})"
        return f"({known} AND NOT {pattern.in_sql(statement, column)})"

    return Term(frozenset({column}), lambda look: look.of_each(column, of_names), sql=in_sql)


def texts(column: str, noun: str, sample: str) -> Comparable:
    """Field for a column of bytes, searched for one of the texts, in either case.

    Flows with an unknown text never match.
    """

    def term(asked: Comparison) -> Term:
        wanted = [folded(item.text) for item in asked.items]

        def match(look: Evaluation) -> Mask:
            mask = _found(look, column, wanted)
            # `!=` is the negation of this, except for missing texts
            return mask | (look[column] == b"") if asked.symbol == "!=" else mask

        def in_sql(statement: Statement) -> str:
            found = statement.has_any(column, wanted)
            if asked.symbol != "!=":
                return found
            return f"({found} OR empty({statement.column(column).text}))"

        return Term(frozenset({column}), match, sql=in_sql)

    return Comparable(noun, sample, term, ordered=False, text=column)


def _found(look: Evaluation, column: str, wanted: Iterable[bytes]) -> Mask:
    """Mask of the texts that contain one of these."""

    def among(names: Array) -> Mask:
        lower: Array = np.char.lower(names)
        hit = np.zeros(len(names), np.bool_)
        for text in wanted:
            hit |= np.char.find(lower, text) >= 0
        return hit

    # Thousands of flows have few names among them.
    return look.of_each(column, among)
