"""Query terms on numbers: exact comparison with a literal."""

from __future__ import annotations

import numpy as np

from tcctui.query.arithmetic import Operand
from tcctui.query.quantities import Quantity, compare
from tcctui.query.terms import Comparable, Comparison, Evaluation, Mask, Piece, Term


def number(column: str, quantity: Quantity, unknown: int | None = None) -> Comparable:
    """Field for a column of numbers. No comparison with an `unknown` value or NaN is true."""

    def term(asked: Comparison) -> Term:
        equal = asked.operator == "="
        pieces = [*asked.choices(quantity.noun)] if equal else [asked.value]
        values = []
        for piece in pieces:
            try:
                values.append(quantity.read(piece.text))
            except ValueError as error:
                raise asked.wrong(Piece(piece.text, piece.start), str(error)) from None

        def match(look: Evaluation) -> Mask:
            numbers = look[column]
            mask = compare(numbers, asked.operator, values[0])
            for value in values[1:]:
                mask |= compare(numbers, "=", value)
            if numbers.dtype.kind == "f":
                missing = np.isnan(numbers)
            elif unknown is not None:
                missing = numbers == numbers.dtype.type(unknown)
            else:
                return mask
            # `!=` is the negation of this, except for missing values
            return mask | missing if asked.symbol == "!=" else mask & ~missing

        return Term(frozenset({column}), match)

    return Comparable(
        quantity.noun,
        quantity.sample,
        term,
        units=tuple(quantity.units),
        operand=Operand(column, quantity, unknown),
    )
