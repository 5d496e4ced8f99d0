"""What a query may ask of texts: of the whole row, or of a name in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.query.patterns import Pattern
from tcctui.query.terms import DEAR, DEAREST, Comparison, Evaluation, Field, Mask, Piece, Term
from tcctui.query.words import folded, rows_with

_NAMES = ("comm", "cc")
ROW = frozenset({"text", *_NAMES})
"""Columns that a word or a pattern without a field is searched in."""


def contains(pieces: Iterable[Piece]) -> Term:
    """Make the condition that a row has one of the words in it, in either case.

    That is in its endpoints, its state, its process or its algorithm.
    """
    wanted = tuple(dict.fromkeys(folded(piece.text) for piece in pieces))

    def match(look: Evaluation) -> Mask:
        mask = look.nothing()
        for word in wanted:
            mask |= rows_with(look, word)
        for column in _NAMES:
            mask |= _found(look, column, wanted)
        return mask

    return Term(ROW, match, cost=DEAR, words=frozenset(wanted))


def fits(piece: Piece) -> Term:
    """Make the condition that a regular expression is found in the same places, in either case."""
    pattern = Pattern(piece)

    def match(look: Evaluation) -> Mask:
        mask = pattern.among_rows(look)
        for column in _NAMES:
            mask = mask | look.of_each(column, pattern.among_names)
        return mask

    return Term(ROW, match, cost=DEAREST)


def name_fits(column: str, piece: Piece) -> Term:
    """Make the condition that a regular expression is found in a name, in either case."""
    pattern = Pattern(piece)
    return Term(frozenset({column}), lambda look: look.of_each(column, pattern.among_names))


def name_does_not_fit(column: str, piece: Piece) -> Term:
    """Make the opposite, which does not hold of names that are not known either."""
    pattern = Pattern(piece)

    def of_names(names: npt.NDArray[Any]) -> Mask:
        return ~pattern.among_names(names) & (names != b"")

    return Term(frozenset({column}), lambda look: look.of_each(column, of_names))


def texts(column: str, noun: str, sample: str) -> Field:
    """Describe a column of bytes: it has one of the texts in it, in either case.

    Nothing holds of flows of which the text is not known.
    """

    def term(asked: Comparison) -> Term:
        wanted = [folded(item.text) for item in asked.items]

        def match(look: Evaluation) -> Mask:
            mask = _found(look, column, wanted)
            # `!=` is the opposite of this, and does not hold of missing texts either
            return mask | (look[column] == b"") if asked.symbol == "!=" else mask

        return Term(frozenset({column}), match)

    return Field(noun, sample, term, ordered=False, text=column)


def _found(look: Evaluation, column: str, wanted: Iterable[bytes]) -> Mask:
    """Say which texts have one of these in them."""

    def among(names: npt.NDArray[Any]) -> Mask:
        lower = np.char.lower(names)
        hit = np.zeros(len(names), np.bool_)
        for text in wanted:
            hit |= np.char.find(lower, text) >= 0
        return hit

    # Thousands of flows have few names among them.
    return look.of_each(column, among)
