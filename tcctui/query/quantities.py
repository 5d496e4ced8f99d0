"""Numbers with units as typed, and their comparison with columns of any type."""

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

from tcctui.arrays import Array, Mask
from tcctui.fields.field import Unit
from tcctui.wire.events import NO_SSTHRESH

MAX_LENGTH = 40
"""Characters of a number with its unit: 2⁶⁴ has 20 digits."""

NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][0-9]{1,2})?"
"""Pattern of a number without its unit: 20, 1.5, 1e9."""

_DECIMAL = re.compile(rf"({NUMBER})(.*)", re.DOTALL)
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")

_FLOAT_COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


@dataclass(frozen=True)
class Dimension:
    """Dimension of a number: powers of bytes and of seconds; neither for a plain number."""

    size: int = 0
    time: int = 0

    def __add__(self, other: Dimension) -> Dimension:
        return Dimension(self.size + other.size, self.time + other.time)

    def __sub__(self, other: Dimension) -> Dimension:
        return Dimension(self.size - other.size, self.time - other.time)

    def __str__(self) -> str:
        known = {(0, 0): "a plain number", (0, 1): "a duration", (1, 0): "bytes", (1, -1): "a rate"}
        powers = [("bytes", self.size), ("seconds", self.time)]
        written = "·".join(
            unit if power == 1 else f"{unit}^{power}" for unit, power in powers if power
        )
        return known.get((self.size, self.time), f"in {written}")


@dataclass(frozen=True)
class Quantity:
    """Quantity of a field, and its notation.

    `noun` and `sample` are for messages. `units` has the factor from each suffix to the column's
    own unit, the empty suffix for a bare number; `advice` names those worth showing. `words` are
    named values, in the column's unit. `dimension` is None for a quantity without arithmetic;
    `scale` is the column's unit in bytes and seconds; `bare` is the unit of a bare number.
    `written` are the suffixes used in output, the smallest first.
    """

    noun: str
    sample: str
    units: Mapping[str, Fraction]
    advice: str = ""
    words: Mapping[str, int] = field(default_factory=dict)
    hexadecimal: bool = False
    dimension: Dimension | None = Dimension()
    scale: Fraction = Fraction(1)
    bare: str = ""
    written: tuple[str, ...] = ()

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

    def write(self, value: float) -> str:
        """Format a number of the column's unit with four digits, so that `read` can parse it."""
        for word, named in self.words.items():
            if value == named:
                return word
        if not self.written:
            scaled = value * float(self.scale)
            whole = scaled.is_integer() or scaled >= 1000
            return f"{scaled:.0f}" if whole else _four_digits(scaled)
        fitting = [unit for unit in self.written if abs(value) >= float(self.units[unit])]
        unit = fitting[-1] if fitting else self.written[0]
        number = value / float(self.units[unit])
        return f"{number:.0f}{unit}" if number >= 999.95 else f"{_four_digits(number)}{unit}"


def _four_digits(number: float) -> str:
    """Write four digits without an exponent, which `Quantity.read` does not know."""
    return f"{Decimal(f'{number:.4g}'):f}"


def compare(column: Array, comparison: str, value: Fraction | int) -> Mask:
    """Compare each element of an integer or float array with a number, which may have any size.

    `comparison` is one of `<`, `<=`, `=`, `>=`, `>`. Integers are compared exactly: the condition
    becomes a range of the column's own type, since numpy would go through floats (and lose bits
    beyond 2⁵³) or, before numpy 2, through other integer types.
    """
    result: Mask
    if column.dtype.kind == "f":
        result = _FLOAT_COMPARISONS[comparison](column, float(value))
        return result
    low, high = integers(column.dtype, comparison, value)
    if low > high:
        return np.zeros(column.shape, dtype=np.bool_)
    kind = column.dtype.type
    result = (column >= kind(low)) & (column <= kind(high))
    return result


def integers(dtype: np.dtype[Any], comparison: str, value: Fraction | int) -> tuple[int, int]:
    """Lowest and highest integer of a type that compares so with a number; crossed for none."""
    limits = np.iinfo(dtype)
    low, high = int(limits.min), int(limits.max)
    if comparison in ("=", ">="):
        low = max(low, math.ceil(value))
    if comparison in ("=", "<="):
        high = min(high, math.floor(value))
    if comparison == ">":
        low = max(low, math.floor(value) + 1)
    if comparison == "<":
        high = min(high, math.ceil(value) - 1)
    return low, high


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
_SECONDS = {
    **dict.fromkeys(_MICRO, Fraction(1, 10**6)),
    **{"ms": Fraction(1, 1000), "s": _ONE, "m": 60 * _ONE, "h": 3600 * _ONE, "d": 86400 * _ONE},
}
_BIT = Fraction(1, 8)
_BITS = ("", "b", "b/s", "bps", "bit", "bit/s", "bits", "bits/s")
_OCTETS_PER_SECOND = dict.fromkeys(("B/s", "Bps"), _ONE)
_TIME = Dimension(time=1)
_SIZE = Dimension(size=1)
_SPEED = _SIZE - _TIME


def _duration(sample: str, scale: Fraction, default: str) -> Quantity:
    """Durations in a column whose unit is `scale` seconds; a bare number is in `default`."""
    units = {unit: seconds / scale for unit, seconds in _SECONDS.items()}
    shown = {"us", "ms", "s", "m", "h"} if default == "ms" else {"ms", "s", "m", "h", "d"}
    named = [
        f"{unit} (the default)" if unit == default else unit for unit in units if unit in shown
    ]
    return Quantity(
        "a duration",
        sample,
        {"": units[default], **units},
        advice=f"{', '.join(named[:-1])} or {named[-1]}",
        dimension=_TIME,
        scale=scale,
        bare=default,
        written=("us", "ms", "s") if default == "ms" else ("ms", "s", "m", "h", "d"),
    )


def _factor(noun: str, whole: int) -> Quantity:
    """Fixed-point numbers, `whole` of which are one."""
    return Quantity(noun, "1.25", {"": whole * _ONE}, scale=Fraction(1, whole))


PERCENT = Quantity("a percentage", "1", {"": _ONE, "%": _ONE}, bare="%", written=("%",))
SEGMENTS = Quantity("a number of segments", "10", _BARE, bare="segments")
COUNT = Quantity("a number", "3", _scaled({"": _ONE}), advice="k, M, G, Ki, Mi or Gi")
THRESHOLD = Quantity(
    "a number of segments or inf",
    "10",
    _BARE,
    words={"inf": NO_SSTHRESH, "∞": NO_SSTHRESH},
    bare="segments",
)
ROUND_TRIP = _duration("20ms", Fraction(1, 10**6), "ms")
"""In microseconds."""
SINCE = _duration("20ms", Fraction(1, 1000), "ms")
"""In milliseconds."""
AGE = _duration("5m", Fraction(1, 10**9), "s")
"""In nanoseconds."""
BYTES = Quantity(
    "a number of bytes",
    "64k",
    _scaled({"": _ONE, "B": _ONE}),
    advice="k, M, G, Ki, Mi or Gi",
    dimension=_SIZE,
    bare="bytes",
    written=("B", "KiB", "MiB", "GiB", "TiB"),
)
BIT_RATE = Quantity(
    "a rate",
    "10M",
    _scaled({**dict.fromkeys(_BITS, _BIT), "B": _ONE, **_OCTETS_PER_SECOND}),
    advice="k, M or G for bits per second, or MB/s for bytes",
    dimension=_SPEED,
    bare="bit/s",
    written=("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"),
)
"""In bytes per second; a number without unit is bits per second, as tables show rates."""
GAIN = _factor("a gain", 256)
ALPHA = _factor("a share of 1", 1024)
IDENTIFIER = Quantity("a decimal or 0x number", "0x1f", _BARE, hexadecimal=True, dimension=None)

QUANTITIES: Mapping[Unit, Quantity] = {
    Unit.SEGMENTS: SEGMENTS,
    Unit.THRESHOLD: THRESHOLD,
    **dict.fromkeys((Unit.TOTAL, Unit.COUNT, Unit.PER_SECOND), COUNT),
    Unit.BYTES: BYTES,
    Unit.BYTES_PER_SECOND: BIT_RATE,
    Unit.MICROSECONDS: ROUND_TRIP,
    Unit.MILLISECONDS: SINCE,
    Unit.NANOSECONDS: AGE,
    Unit.PERCENT: PERCENT,
    Unit.GAIN: GAIN,
    Unit.ALPHA: ALPHA,
    **dict.fromkeys((Unit.SEQUENCE, Unit.IDENTIFIER, Unit.BITS, Unit.FLAG), IDENTIFIER),
}
"""Quantities that numbers of each unit are."""

_LITERALS: Mapping[str, tuple[Fraction, Dimension]] = {
    **{unit: (factor, _SPEED) for unit, factor in BIT_RATE.units.items()},
    **{unit: (factor, _SIZE) for unit, factor in _scaled({"B": _ONE}).items()},
    **{unit: (factor, Dimension()) for unit, factor in _scaled({"": _ONE}).items()},
    **{unit: (factor, _TIME) for unit, factor in _SECONDS.items()},
    "%": (_ONE, Dimension()),
}
"""Scale of each unit in bytes and seconds, where no field determines it."""


def literal(text: str) -> tuple[Fraction, Dimension, bool]:
    """Parse a number in an expression: its value in bytes and seconds, and its dimension.

    The last result is True if it has no unit but a prefix such as k.

    Raises:
        ValueError: not a number, too long or of an unknown unit; says which.

    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a number has at most {MAX_LENGTH} characters")
    parts = _DECIMAL.fullmatch(text)
    if parts is None:
        raise ValueError(f"'{text}' is neither a number nor a field")
    number, unit = parts.groups()
    if unit not in _LITERALS:
        raise ValueError(
            f"'{unit}' in '{text}' is not a unit; there is us, ms, s, m, h, k, M, G, B"
        )
    factor, dimension = _LITERALS[unit]
    return Fraction(Decimal(number)) * factor, dimension, dimension == Dimension() and unit != "%"
