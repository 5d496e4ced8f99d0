"""Conditions on columns of numbers: exact comparison with a literal, and arithmetic.

Dimensions are checked when a query is parsed, not when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from tcctui.arrays import Array, Floats, Mask
from tcctui.query.conditions import Comparable, Comparison, Piece, Term
from tcctui.query.errors import QueryError
from tcctui.query.evaluation import Evaluation
from tcctui.query.quantities import Dimension, Quantity, compare, literal
from tcctui.wire.events import NO_SSTHRESH

if TYPE_CHECKING:
    from tcctui.query.sql import Statement

_PLAIN, _BYTES, _RATE = Dimension(), Dimension(size=1), Dimension(size=1, time=-1)


@dataclass(frozen=True)
class Operand:
    """Column usable in arithmetic; `unknown` is the number that stands for no value."""

    column: str
    quantity: Quantity
    unknown: int | None = None

    def numbers(self, look: Evaluation) -> Floats:
        """Floats, NaN where unknown, inf for a threshold that was never set."""
        return look.once(("numbers", self.column), lambda: self._floats(look[self.column]))

    def _floats(self, values: Array) -> Floats:
        floats = values.astype("f8")
        if values.dtype.kind != "f":
            if self.unknown is not None:
                floats[values == values.dtype.type(self.unknown)] = np.nan
            if self.quantity.words:
                floats[values == values.dtype.type(NO_SSTHRESH)] = np.inf
        return floats

    def in_sql(self, statement: Statement) -> str:
        """The same in SQL."""
        return statement.calculated(self.column, never_set=bool(self.quantity.words))


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
                raise asked.wrong(piece, str(error)) from None

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

        def in_sql(statement: Statement) -> str:
            opposite = asked.symbol == "!="
            return statement.compared(column, asked.operator, values, unknown=opposite)

        return Term(frozenset({column}), match, sql=in_sql)

    return Comparable(
        quantity.noun,
        quantity.sample,
        term,
        operand=Operand(column, quantity, unknown),
    )


@dataclass(frozen=True)
class Expression:
    """Value computed for each flow, in `scale` times bytes and seconds.

    A `constant` is the same for all flows. `bare` is one written without a unit: next to bytes or
    rates it is bytes or bits per second.
    """

    piece: Piece
    dimension: Dimension
    scale: Fraction = Fraction(1)
    columns: frozenset[str] = frozenset()
    numbers: Callable[[Evaluation], Any] = lambda _: 0.0
    constant: Fraction | None = None
    bare: bool = False
    sql: Callable[[Statement], str] = lambda _: "0"

    def __str__(self) -> str:
        text = self.piece.text
        return text if len(text) <= 30 else f"{text[:29]}…"


def of_field(piece: Piece, operand: Operand) -> Expression:
    """Values of a column."""
    quantity = operand.quantity
    if quantity.dimension is None:
        reason = f"{piece.text} is not a quantity: it can only be compared with one number"
        raise QueryError(piece.start, piece.end, reason)
    return Expression(
        piece,
        quantity.dimension,
        quantity.scale,
        frozenset({operand.column}),
        operand.numbers,
        sql=operand.in_sql,
    )


def of_literal(piece: Piece) -> Expression:
    """A number, the same for every flow.

    Raises:
        QueryError: it is not a number.

    """
    try:
        value, dimension, bare = literal(piece.text)
    except ValueError as error:
        raise QueryError(piece.start, piece.end, str(error), ("a number", "a field")) from None
    return _constant(piece, value, dimension, bare)


def _constant(piece: Piece, value: Fraction, dimension: Dimension, bare: bool) -> Expression:
    number = float(value)
    return Expression(
        piece,
        dimension,
        numbers=lambda _: np.float64(number),
        constant=value,
        bare=bare,
        sql=lambda statement: statement.number(number),
    )


def within(inner: Expression, opening: Piece, closing: Piece) -> Expression:
    """The expression in brackets."""
    gaps = [
        " " * (b - a)
        for a, b in ((opening.end, inner.piece.start), (inner.piece.end, closing.start))
    ]
    text = f"{opening.text}{gaps[0]}{inner.piece.text}{gaps[1]}{closing.text}"
    return replace(inner, piece=Piece(text, opening.start))


def total(left: Expression, sign: str, right: Expression) -> Expression:
    """Sum or difference."""
    left, right = _aligned(left, right)
    piece = _around(left, sign, right)
    if left.constant is not None and right.constant is not None:
        value = left.constant + right.constant * (1 if sign == "+" else -1)
        return _constant(piece, value, left.dimension, left.bare and right.bare)
    work_out = np.add if sign == "+" else np.subtract
    return replace(
        left,
        piece=piece,
        columns=left.columns | right.columns,
        numbers=lambda look: work_out(left.numbers(look), right.numbers(look)),
        constant=None,
        bare=False,
        sql=lambda statement: f"({left.sql(statement)} {sign} {right.sql(statement)})",
    )


def product(left: Expression, sign: str, right: Expression) -> Expression:
    """Product or quotient."""
    piece = _around(left, sign, right)
    if sign == "*":
        dimension, scale = left.dimension + right.dimension, left.scale * right.scale
    else:
        dimension, scale = left.dimension - right.dimension, left.scale / right.scale
        if right.constant == 0:
            raise QueryError(right.piece.start, right.piece.end, "nothing can be divided by 0")
    if left.constant is not None and right.constant is not None:
        one, other = left.constant, right.constant
        value = one * other if sign == "*" else one / other
        return _constant(piece, value, dimension, left.bare and right.bare)
    work_out = np.multiply if sign == "*" else _quotient

    def in_sql(statement: Statement) -> str:
        one, other = left.sql(statement), right.sql(statement)
        return f"({one} * {other})" if sign == "*" else f"ifNull({one} / nullIf({other}, 0), nan)"

    return Expression(
        piece,
        dimension,
        scale,
        left.columns | right.columns,
        lambda look: work_out(left.numbers(look), right.numbers(look)),
        sql=in_sql,
    )


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    "=": np.equal,
    "==": np.equal,
    ":": np.equal,
    "!=": np.not_equal,
    ">=": np.greater_equal,
    ">": np.greater,
}


def comparison(left: Expression, symbol: str, right: Expression) -> Term:
    """Condition on two expressions; false if either is unknown."""
    left, right = _aligned(left, right)
    work_out = _COMPARE[symbol]

    def match(look: Evaluation) -> Mask:
        with np.errstate(all="ignore"):
            one, other = left.numbers(look), right.numbers(look)
            held = np.broadcast_to(work_out(one, other), (look.count,)).copy()
            if symbol == "!=":
                held &= ~(np.isnan(one) | np.isnan(other))
        return held

    def in_sql(statement: Statement) -> str:
        one, other = left.sql(statement), right.sql(statement)
        if symbol != "!=":
            return f"({one} {'=' if symbol in ('==', ':') else symbol} {other})"
        return f"({one} != {other} AND NOT isNaN({one}) AND NOT isNaN({other}))"

    return Term(left.columns | right.columns, match, sql=in_sql)


def _quotient(one: Any, other: Any) -> Any:
    return np.where(other == 0, np.nan, np.divide(one, other))


def _around(left: Expression, sign: str, right: Expression) -> Piece:
    gap = sign.center(right.piece.start - left.piece.end)
    return Piece(left.piece.text + gap + right.piece.text, left.piece.start)


def _aligned(left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """Both in the scale of one of them.

    Raises:
        QueryError: their dimensions differ.

    """
    left, right = _adapted(left, right.dimension), _adapted(right, left.dimension)
    if left.dimension != right.dimension:
        reason = f"{left} is {left.dimension} and {right} is {right.dimension}"
        if (left.bare or right.bare) and Dimension(time=1) in (left.dimension, right.dimension):
            reason += f"; write {left if left.bare else right}ms or another unit"
        raise QueryError(left.piece.start, right.piece.end, reason)
    if left.constant is not None:
        return _scaled(left, right.scale), right
    return left, _scaled(right, left.scale)


def _adapted(one: Expression, dimension: Dimension) -> Expression:
    """Give a number without a unit the dimension, where its unit is unambiguous."""
    if not one.bare or one.constant is None:
        return one
    if dimension == _BYTES or one.constant == 0:
        return replace(one, dimension=dimension, bare=dimension == _PLAIN)
    if dimension == _RATE:
        return _constant(one.piece, one.constant / 8, dimension, bare=False)
    return one


def _scaled(one: Expression, scale: Fraction) -> Expression:
    factor = one.scale / scale
    if factor == 1:
        return one
    if one.constant is not None:
        number = float(one.constant * factor)
        # Still a constant of bytes and seconds, for the rest of the calculation.
        return replace(
            one,
            scale=scale,
            constant=None,
            numbers=lambda _: np.float64(number),
            sql=lambda statement: statement.number(number),
        )
    over, under = float(factor.numerator), float(factor.denominator)

    def in_sql(statement: Statement) -> str:
        scaled = f"({one.sql(statement)} * {statement.number(over)})"
        return f"({scaled} / {statement.number(under)})"

    return replace(
        one,
        scale=scale,
        numbers=lambda look: one.numbers(look) * over / under,
        sql=in_sql,
    )
