"""Aggregates of a column, or of a calculation, over several flows: `sum(rate)`, `max(srtt)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from tcctui.arrays import Floats, Indexes, Mask
from tcctui.query import quantities
from tcctui.query.arithmetic import Expression, Operand
from tcctui.query.errors import QueryError
from tcctui.query.evaluation import Evaluation, Flows
from tcctui.query.quantities import Dimension, Quantity
from tcctui.query.query_fields import FIELDS

OF = ("sum", "max", "min", "mean")
"""Names of the aggregates."""

OF_GROUPS = ("any", "count", "share", *OF)
"""Words before brackets that are about the connections of a group, in conditions."""

_TEXT = re.compile(rf"({'|'.join(OF)})\((.+)\)")

_NO_SUM = (
    *(quantities.ROUND_TRIP, quantities.SINCE, quantities.AGE, quantities.PERCENT),
    *(quantities.THRESHOLD, quantities.GAIN, quantities.ALPHA),
)
"""Quantities of which a sum over connections has no meaning."""

_BY_DIMENSION: Mapping[Dimension, Quantity] = {
    Dimension(): quantities.COUNT,
    Dimension(size=1): quantities.BYTES,
    Dimension(size=1, time=-1): quantities.BIT_RATE,
    Dimension(time=1): quantities.ROUND_TRIP,
}
"""Quantities that results of calculations are compared as."""


@dataclass(frozen=True)
class Aggregate:
    """`of` all known values of a calculation; made by `aggregate`.

    `numbers` gives the values of all flows in the unit of `quantity`, NaN where unknown.
    """

    of: str
    text: str
    fields: frozenset[str]
    quantity: Quantity
    numbers: Callable[[Evaluation], Floats]
    calculated: bool = False

    def __str__(self) -> str:
        return f"{self.of}({self.text})"

    def values(self, flows: Flows) -> Floats:
        """Value of each flow, NaN where unknown; shape (n,)."""
        look = Evaluation(flows)
        with np.errstate(all="ignore"):
            return np.broadcast_to(self.numbers(look), (look.count,)).astype("f8")

    def over(self, values: Floats, which: Mask, number: Indexes, groups: int) -> Floats:
        """Aggregate of each group, NaN without a known value; shape (groups,).

        `values` and `which` flows count, shape (n,), with each one's group in `number`.
        """
        known = which & ~np.isnan(values)
        number, values = number[known], values[known]
        count = np.bincount(number, minlength=groups)
        if self.of in ("sum", "mean"):
            with np.errstate(invalid="ignore"):  # inf - inf
                found: Floats = np.bincount(number, values, groups).astype("f8")
                if self.of == "mean":
                    found /= np.maximum(count, 1)
        elif self.of == "max":
            found = np.full(groups, -np.inf)
            np.maximum.at(found, number, values)
        else:
            found = np.full(groups, np.inf)
            np.minimum.at(found, number, values)
        found[count == 0] = np.nan
        return found

    def limit(self, text: str) -> Fraction | float:
        """Read a number to compare with, in the unit of `quantity`.

        Raises:
            ValueError: it is none; says why.

        """
        found = self.quantity.read(text)
        if text.lower() in self.quantity.words:
            return float("inf")
        bare = found and re.fullmatch(quantities.NUMBER, text)
        if self.calculated and bare and self.quantity.dimension == Dimension(time=1):
            raise ValueError(f"'{text}' needs a unit, such as {text}ms")
        return found


def aggregate(of: str, text: str) -> Aggregate:
    """Parse the text in the brackets of one of `OF`.

    Raises:
        QueryError: it is no calculation with columns, or has no such aggregate.

    """
    from tcctui.query.grammar import read_calculation  # noqa: PLC0415 - lark takes 50 ms

    whole = len(text)
    if not text.strip():
        raise QueryError(-1, 0, f"a column is missing in these brackets, such as {of}(rate)")
    expression = read_calculation(text)
    if not expression.columns:
        reason = f"{of}(…) needs a column in its brackets, such as {of}(rate)"
        raise QueryError(0, whole, reason, ("a field",))
    text = text.strip()
    field = FIELDS.get(text.lower())
    if field is not None and isinstance(field.operand, Operand):
        quantity, calculated = field.operand.quantity, False
    else:
        quantity, calculated = _quantity(expression), True
    if of == "sum" and quantity in _NO_SUM:
        reason = f"{text} has no sum over connections: compare its mean, max or min"
        raise QueryError(0, whole, reason)
    factor = expression.scale / quantity.scale
    over, under = float(factor.numerator), float(factor.denominator)
    return Aggregate(
        *(of, text, expression.columns, quantity),
        lambda look: expression.numbers(look) * over / under,
        calculated,
    )


def _quantity(expression: Expression) -> Quantity:
    if expression.dimension not in _BY_DIMENSION:
        piece = expression.piece
        reason = f"{expression} is {expression.dimension}, which no number can be compared with"
        raise QueryError(piece.start, piece.end, reason)
    return _BY_DIMENSION[expression.dimension]


@lru_cache(64)
def quantity_of(text: str) -> Quantity | None:
    """Quantity of an aggregate as `str` writes it; None of any other text."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    try:
        return aggregate(found[1], found[2]).quantity
    except QueryError:
        return None
