"""Numbers with units, as a person types them, and their comparison with columns of any type."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.events import NO_SSTHRESH

MAX_LENGTH = 40
"""Characters of a number with its unit: 2⁶⁴ has 20 digits."""

_DECIMAL = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(.*)", re.DOTALL)
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")

_FLOAT_COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


@dataclass(frozen=True)
class Quantity:
    """What one field measures, and how it may be written.

    `noun` and `sample` are for messages. `units` has the factor from each suffix to the column's
    own unit, the empty suffix being a bare number; `advice` names those worth showing. `words` are
    values that have a name, in the column's unit.
    """

    noun: str
    sample: str
    units: Mapping[str, Fraction]
    advice: str = ""
    words: Mapping[str, int] = field(default_factory=dict)
    hexadecimal: bool = False

    def read(self, text: str) -> Fraction:
        """Read a number in the column's unit, exactly, in time linear in its length.

        Raises:
            ValueError: not a number, negative, too long or of an unknown unit; says which.

        """
        if len(text) > MAX_LENGTH:
            raise ValueError(f"a number has at most {MAX_LENGTH} characters")
        if text.lower() in self.words:
            return Fraction(self.words[text.lower()])
        if self.hexadecimal and _HEXADECIMAL.fullmatch(text):
            return Fraction(int(text, 16))
        if text[:1] in ("-", "−"):
            raise ValueError(f"'{text}' is negative; write {self.noun}, such as {self.sample}")
        parts = _DECIMAL.fullmatch(text)
        if parts is None:
            raise ValueError(f"'{text}' is not {self.noun}, such as {self.sample}")
        number, unit = parts.groups()
        if unit not in self.units:
            known = (
                f"use {self.advice}" if self.advice else f"write a bare number like {self.sample}"
            )
            raise ValueError(f"'{unit}' in '{text}' is not a unit here; {known}")
        return Fraction(Decimal(number)) * self.units[unit]


def compare(
    column: npt.NDArray[Any], comparison: str, value: Fraction | int
) -> npt.NDArray[np.bool_]:
    """Compare each element of an integer or float array with a number, which may have any size.

    `comparison` is one of `<`, `<=`, `=`, `>=`, `>`. Integers are compared exactly: the condition
    becomes a range of the column's own type, since numpy would go through floats (and lose bits
    beyond 2⁵³) or, before numpy 2, through other integer types.
    """
    result: npt.NDArray[np.bool_]
    if column.dtype.kind == "f":
        result = _FLOAT_COMPARISONS[comparison](column, float(value))
        return result
    limits = np.iinfo(column.dtype)
    low, high = int(limits.min), int(limits.max)
    if comparison in ("=", ">="):
        low = max(low, math.ceil(value))
    if comparison in ("=", "<="):
        high = min(high, math.floor(value))
    if comparison == ">":
        low = max(low, math.floor(value) + 1)
    if comparison == "<":
        high = min(high, math.ceil(value) - 1)
    if low > high:
        return np.zeros(column.shape, dtype=np.bool_)
    kind = column.dtype.type
    result = (column >= kind(low)) & (column <= kind(high))
    return result


def _scaled(suffixes: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Every suffix with every prefix: k M G T decimal, Ki Mi Gi Ti binary, in either case."""
    prefixes = {"": 1}
    for power, letter in enumerate("kMGT", start=1):
        for spelling in (letter.lower(), letter.upper()):
            prefixes[spelling] = 1000**power
            prefixes[f"{spelling}i"] = 1024**power
    return {
        prefix + suffix: factor * unit
        for prefix, factor in prefixes.items()
        for suffix, unit in suffixes.items()
    }


_ONE = Fraction(1)
_BARE = {"": _ONE}
_MICRO = ("us", "\N{MICRO SIGN}s", "\N{GREEK SMALL LETTER MU}s")  # keyboards differ
_SPANS_US = {**dict.fromkeys(_MICRO, _ONE), "ms": 1000 * _ONE, "s": 10**6 * _ONE}
_SPANS_NS = {
    **{unit: 1000 * factor for unit, factor in _SPANS_US.items()},
    **{"m": 60 * 10**9 * _ONE, "h": 3600 * 10**9 * _ONE, "d": 86400 * 10**9 * _ONE},
}
_BIT = Fraction(1, 8)
_BITS = ("", "b", "b/s", "bps", "bit", "bit/s", "bits", "bits/s")

PERCENT = Quantity("a percentage", "1", {"": _ONE, "%": _ONE})
SEGMENTS = Quantity("a number of segments", "10", _BARE)
THRESHOLD = Quantity(
    "a number of segments or inf", "10", _BARE, words={"inf": NO_SSTHRESH, "∞": NO_SSTHRESH}
)
ROUND_TRIP = Quantity(
    "a duration", "20ms", {"": _SPANS_US["ms"], **_SPANS_US}, advice="us, ms (the default) or s"
)
"""In microseconds."""
AGE = Quantity(
    "a duration", "5m", {"": _SPANS_NS["s"], **_SPANS_NS}, advice="ms, s (the default), m, h or d"
)
"""In nanoseconds."""
BYTES = Quantity(
    "a number of bytes", "64k", _scaled({"": _ONE, "B": _ONE}), advice="k, M, G, Ki, Mi or Gi"
)
BIT_RATE = Quantity(
    "a rate",
    "10M",
    _scaled({**dict.fromkeys(_BITS, _BIT), **dict.fromkeys(("B", "B/s", "Bps"), _ONE)}),
    advice="k, M or G for bits per second, or MB/s for bytes",
)
"""In bytes per second; a number without unit is bits per second, as tables show rates."""
IDENTIFIER = Quantity("a decimal or 0x number", "0x1f", _BARE, hexadecimal=True)
