"""What a query may ask of texts: of the whole row, or of a name in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.flows.terms import Comparison, Field, Flows, Mask, Term

_NAMES = ("comm", "cc")


def contains(word: str) -> Term:
    """Make the condition that a row has a word in it, in either case.

    That is in its endpoints, its state, its process or its algorithm.
    """
    wanted = _folded(word)

    def match(flows: Flows) -> Mask:
        mask: Mask = np.char.find(flows["text"], wanted) >= 0
        for column in _NAMES:
            mask |= _found(flows[column], [wanted])
        return mask

    return Term(frozenset({"text", *_NAMES}), match)


def texts(column: str, noun: str, sample: str) -> Field:
    """Describe a column of bytes: it has one of the texts in it, in either case.

    Nothing holds of flows of which the text is not known.
    """

    def term(asked: Comparison) -> Term:
        wanted = [_folded(item.text) for item in asked.items(noun)]

        def match(flows: Flows) -> Mask:
            mask = _found(flows[column], wanted)
            # `!=` is the opposite of this, and does not hold of missing texts either
            return mask | (flows[column] == b"") if asked.symbol == "!=" else mask

        return Term(frozenset({column}), match)

    return Field(noun, sample, term, ordered=False)


def _folded(text: str) -> bytes:
    # NUL is what numpy fills texts up with; what is searched has neither that nor a line feed.
    return text.lower().replace("\0", "\n").encode(errors="surrogatepass")


def _found(column: npt.NDArray[Any], wanted: Iterable[bytes]) -> Mask:
    """Say which texts have one of these in them."""
    # Thousands of flows have few names among them.
    known, number = np.unique(column, return_inverse=True)
    lower = np.char.lower(known)
    hit = np.zeros(len(known), np.bool_)
    for text in wanted:
        hit |= np.char.find(lower, text) >= 0
    found: Mask = hit[number]
    return found
