"""Query terms: conditions, their combination, and the fields they apply to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tcctui.arrays import Mask
from tcctui.query import address_formula
from tcctui.query.address_formula import Bounds
from tcctui.query.errors import QueryError, nearest
from tcctui.query.evaluation import Evaluation, Subset
from tcctui.wire.tcp_states import fold

if TYPE_CHECKING:
    from tcctui.query.sql import Statement

CHEAP, DEAR, DEAREST = 0, 1, 2
"""Cost of a condition: operations on numbers; a search of texts; a pattern."""


UNDECIDED = Bounds()
"""Bounds of a condition that the kernel can't decide."""


def _not_in_sql(statement: Statement) -> str:
    return statement.refuse("a condition on several connections is decided where they are")


class Term(NamedTuple):
    """A condition, its columns, its cost and the part of it that the kernel can decide.

    `sql` writes it as SQL: 0 or 1 of each row. It raises NotInSqlError where a database can't
    decide it.
    """

    columns: frozenset[str]
    match: Callable[[Evaluation], Mask]
    bounds: Bounds = UNDECIDED
    cost: int = CHEAP
    text: str = ""
    """Its text, if it is a single condition."""
    words: tuple[bytes, ...] = ()
    """Words of which a row must contain any, if that is the whole condition."""
    sql: Callable[[Statement], str] = _not_in_sql


class Piece(NamedTuple):
    """Part of the query's text, with its offset."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """Offset of its end."""
        return self.start + len(self.text)

    def __str__(self) -> str:
        return f"'{self.text}'" if len(self.text) <= 40 else f"'{self.text[:39]}…'"


class Comparison(NamedTuple):
    """`name symbol value` as written; `operator` is the symbol without its synonyms.

    `items` of the value are its unquoted parts between `,` or `|`.
    """

    name: str
    symbol: str
    operator: str
    value: Piece
    items: tuple[Piece, ...]

    def example(self, sample: str) -> str:
        """The same comparison with another value."""
        return f"{self.name}{self.symbol}{sample}"

    def wrong(self, piece: Piece, reason: str, expected: tuple[str, ...] = ()) -> QueryError:
        """Error about a part of the value."""
        end = max(piece.end, piece.start + 1)
        return QueryError(piece.start, end, f"{self.name}: {reason}", expected)

    def choices(self, noun: str) -> Iterator[Piece]:
        """Parts of the list between `,` and `|`, quoted or not.

        Raises:
            QueryError: one is empty.

        """
        for whole in self.items:
            at = whole.start
            for item in whole.text.replace("|", ",").split(","):
                if not item:
                    sign = max(at - 1, whole.start)
                    signs = {",": "a comma", "|": "'|'"}
                    what = signs.get(whole.text[sign - whole.start], "a list")
                    reason = f"{self.name}: {what} needs {noun} on both sides"
                    raise QueryError(sign, sign + 1, reason, (noun,))
                yield Piece(item, at)
                at += len(item) + 1


class Comparable(NamedTuple):
    """Meaning of a name before `:` or a comparison.

    `noun` and `sample` are for messages: "a port number", "443". `term` makes the condition, or
    raises QueryError about the value. Only an `ordered` field accepts < and >. `values` are all
    possible ones, if few; `text` is its column of names, for patterns, `column` that of numbers,
    for arithmetic.
    """

    noun: str
    sample: str
    term: Callable[[Comparison], Term]
    ordered: bool = True
    values: tuple[str, ...] = ()
    text: str = ""
    operand: object = None


def names(
    column: str, noun: str, values: Mapping[str, frozenset[int]], choices: Sequence[str]
) -> Comparable:
    """Field for a column of numbers below 256 with names.

    `values` are the numbers by folded name, `choices` the spellings worth showing.
    """

    def term(asked: Comparison) -> Term:
        table = np.zeros(256, dtype=np.bool_)
        for item in asked.choices(noun):
            if fold(item.text) not in values:
                near = nearest(item.text, choices)
                advice = f": did you mean '{near}'?" if near else f"; there is {', '.join(choices)}"
                reason = f"unknown {asked.name} {item}{advice}"
                raise QueryError(item.start, item.end, reason, tuple(choices))
            table[list(values[fold(item.text)])] = True
        codes = np.flatnonzero(table).tolist()
        return Term(
            frozenset({column}),
            lambda look: table.take(look[column]),
            sql=lambda statement: statement.coded(column, codes),
        )

    return Comparable(noun, choices[0], term, ordered=False, values=tuple(choices))


def negation(term: Term) -> Term:
    """Negate a condition."""
    turned = f"not {term.text}" if term.text else ""
    opposite = term.bounds.opposite
    return term._replace(
        match=lambda look: ~term.match(look),
        bounds=opposite,
        text=turned,
        words=(),
        sql=lambda statement: f"(NOT {term.sql(statement)})",
    )


def all_of(terms: Sequence[Term]) -> Term:
    """Conjunction; always true if empty."""
    return _joined(terms, address_formula.all_of, looked_for=True)


def any_of(terms: Sequence[Term]) -> Term:
    """Disjunction; always false if empty."""
    return _joined(terms, address_formula.any_of, looked_for=False)


_FEW = 4
"""Ratio of remaining flows below which only these are evaluated."""


def _joined(
    terms: Sequence[Term], bounds: Callable[[Sequence[Bounds]], Bounds], *, looked_for: bool
) -> Term:
    if len(terms) == 1:
        return terms[0]
    # Cheap conditions first: they leave fewer rows to search.
    ordered = sorted(terms, key=lambda term: term.cost)

    def match(look: Evaluation) -> Mask:
        # Undecided flows: all conditions so far were true, or none was.
        mask = look.everything()
        for at, term in enumerate(ordered):
            if at:
                left = int(np.count_nonzero(mask))
                if not left:
                    break  # a pasted sentence is many words, and each costs a search of every row
                if term.cost > CHEAP and left < look.count // _FEW:
                    rows = np.flatnonzero(mask)
                    mask[rows] = _undecided(Subset(look, rows), ordered[at:], looked_for)
                    break
            held = term.match(look)
            mask &= held if looked_for else ~held
        return mask if looked_for else ~mask

    def in_sql(statement: Statement) -> str:
        parts = [term.sql(statement) for term in terms]
        joint = " AND " if looked_for else " OR "
        return f"({joint.join(parts)})" if parts else str(int(looked_for))

    return Term(
        frozenset[str]().union(*(term.columns for term in terms)),
        match,
        bounds([term.bounds for term in terms]),
        max((term.cost for term in terms), default=CHEAP),
        sql=in_sql,
    )


def _undecided(look: Evaluation, terms: Sequence[Term], looked_for: bool) -> Mask:
    mask = look.everything()
    for term in terms:
        held = term.match(look)
        mask &= held if looked_for else ~held
        if not mask.any():
            break
    return mask
