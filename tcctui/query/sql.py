"""Queries as parametrised SQL of ClickHouse.

A condition is 0 or 1 of each row and never NULL: `NOT` then turns it around as `~` does a mask. No
text of a user becomes part of a statement; all of it is bound to parameters, `{p1:UInt32}`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from tcctui.query.quantities import integers
from tcctui.wire.addresses import LINK_LOCAL, LINK_LOCAL_BITS, ZONE, Prefix
from tcctui.wire.events import NO_SSTHRESH

_WHOLE = 1 << 53
"""Whole numbers below it are exact in floating point."""


class NotInSqlError(ValueError):
    """A condition that a database can't decide: the reason, and a column that it lacks, or ""."""

    def __init__(self, reason: str, column: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column


class SqlColumn(NamedTuple):
    """Column of flows in SQL.

    `text` is an expression, NULL (or NaN) where the value is unknown, and an empty text where a
    text is. `dtype` is that of the same column in numpy: integers are compared exactly, floats as
    64-bit floats. `words` are stored in place of codes, by code.
    """

    text: str
    dtype: str
    words: Mapping[int, str] | None = None


class Statement:
    """A statement in the making: columns that it may name, and its parameters so far."""

    def __init__(self, columns: Mapping[str, SqlColumn]) -> None:
        self._columns = columns
        self.parameters: dict[str, object] = {}

    def column(self, name: str) -> SqlColumn:
        """The column of flows with this name.

        Raises:
            NotInSqlError: the database has no such column.

        """
        if name not in self._columns:
            raise NotInSqlError(f"{name} is not stored", name)
        return self._columns[name]

    def refuse(self, reason: str) -> str:
        """Refuse a condition.

        Raises:
            NotInSqlError: always.

        """
        raise NotInSqlError(reason)

    def parameter(self, kind: str, value: object) -> str:
        """Bind a value of one of ClickHouse's types; gives what stands for it."""
        name = f"p{len(self.parameters) + 1}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def number(self, value: float) -> str:
        """A 64-bit float, to its last bit: ClickHouse's parser of decimals may be off by one."""
        if math.isnan(value) or math.isinf(value):
            return "nan" if math.isnan(value) else "inf" if value > 0 else "(-inf)"
        if value.is_integer() and abs(value) < _WHOLE:
            return f"toFloat64({self.parameter('Int64', int(value))})"
        bits = int.from_bytes(struct.pack(">d", value), "big")
        return f"reinterpretAsFloat64({self.parameter('UInt64', bits)})"

    def word(self, value: bytes) -> str:
        """A text as its bytes, whatever they are."""
        plain = value.isascii() and value.decode("ascii").isprintable() and b"\\" not in value
        if plain:
            return self.parameter("String", value.decode("ascii"))
        return f"unhex({self.parameter('String', value.hex())})"

    # Conditions

    def compared(
        self, name: str, comparison: str, values: Sequence[Fraction], *, unknown: bool
    ) -> str:
        """Compare a column of numbers with a number, or be equal to any of several.

        `comparison` and the numbers are as in `quantities.compare`; `unknown` is the result where
        the value is unknown.
        """
        column = self.column(name)
        dtype = np.dtype(column.dtype)
        if dtype.kind == "f":
            text = f"toFloat64({column.text})"
            test = _either([f"{text} {comparison} {self.number(float(one))}" for one in values])
            return f"ifNull(isNaN({text}) OR {test}, 1)" if unknown else f"ifNull({test}, 0)"
        test = _either(
            [self._within(column.text, dtype, *integers(dtype, comparison, one)) for one in values]
        )
        missing = f"isNull({column.text})"
        return f"({missing} OR ifNull({test}, 1))" if unknown else f"ifNull({test}, 0)"

    def _within(self, text: str, dtype: np.dtype[Any], low: int, high: int) -> str:
        limits = np.iinfo(dtype)
        if low > high:
            return "0"
        kind = "UInt64" if dtype.kind == "u" else "Int64"
        parts = []
        if low > limits.min:
            parts.append(f"{text} >= {self.parameter(kind, low)}")
        if high < limits.max:
            parts.append(f"{text} <= {self.parameter(kind, high)}")
        return f"({' AND '.join(parts)})" if parts else f"isNotNull({text})"

    def calculated(self, name: str, *, never_set: bool) -> str:
        """A column as floats: NaN where unknown; infinite for a threshold that was never set."""
        column = self.column(name)
        text = f"toFloat64({column.text})"
        if never_set and np.dtype(column.dtype).kind != "f":
            text = f"if({column.text} = {NO_SSTHRESH}, inf, {text})"
        return f"ifNull({text}, nan)"

    def coded(self, name: str, codes: Collection[int]) -> str:
        """True where a column's code is one of these."""
        column = self.column(name)
        if column.words is None:
            return f"has({self.parameter('Array(UInt8)', list(codes))}, {column.text})"
        codes_of = by_word(column.words)
        words = [word for word, code in codes_of.items() if code in {*codes}]
        return f"has({self.parameter('Array(String)', words)}, {column.text})"

    def ranges(self, name: str, ranges: Iterable[tuple[int, int]]) -> str:
        """True where a column of ports is in one of these, ends included."""
        text = self.column(name).text
        return _either(
            [
                f"{text} = {self.parameter('UInt16', low)}"
                if low == high
                else f"{text} BETWEEN {self.parameter('UInt16', low)} AND"
                f" {self.parameter('UInt16', high)}"
                for low, high in ranges
            ]
        )

    def inside(self, end: str, prefix: Prefix) -> str:
        """True where the address of an end (`s` or `d`) is in a block."""
        text = self.column(f"{end}addr").text
        address, mask = prefix
        rest = ~mask & (1 << 128) - 1
        if not rest & rest + 1:  # the bits behind a length
            if not rest:
                return f"{text} = {self._address(address)}"
            if not mask:
                return "1"
            last = self._address(address | rest)
            return f"({text} >= {self._address(address)} AND {text} <= {last})"
        bits = self.parameter("UInt128", mask)
        return f"bitAnd(toUInt128({text}), {bits}) = {self.parameter('UInt128', address)}"

    def on_link(self, end: str, zone: str) -> str:
        """True where a link-local address is of the interface with this number.

        Raises:
            NotInSqlError: it is a name, which is another interface on each host.

        """
        if not (zone.isascii() and zone.isdigit()):
            raise NotInSqlError(f"{zone} is another interface on each host: write its number")
        index = f"bitAnd(bitShiftRight(toUInt128({self.column(f'{end}addr').text}), 64), {ZONE})"
        return f"{index} = {self.parameter('UInt64', int(zone[:10]) & ZONE)}"

    def _address(self, address: int) -> str:
        # Without the name of an interface: its number is among the bits.
        return f"CAST({self.parameter('UInt128', address)}, 'IPv6')"

    def has_any(self, name: str, words: Iterable[bytes], *, lower: bool = True) -> str:
        """True where a text has one of the words in it, which are in lower case."""
        text = self.column(name).text
        searched = f"lower({text})" if lower else text
        return _either([f"position({searched}, {self.word(word)}) > 0" for word in words])

    def fits(self, name: str, pattern: str) -> str:
        """True where a pattern of RE2 is found in a text that is not empty, in either case."""
        text = self.column(name).text
        # ClickHouse lets a dot stand for a line feed, unlike RE2 and `regex`.
        wanted = self.parameter("String", f"(?i-s){pattern}")
        return f"(notEmpty({text}) AND match({text}, {wanted}))"


def by_word(words: Mapping[int, str]) -> dict[str, int]:
    """Code that a stored word stands for: of several with one word, the lowest."""
    return {words[code]: code for code in sorted(words, reverse=True)}


def _either(tests: Sequence[str]) -> str:
    return tests[0] if len(tests) == 1 else f"({' OR '.join(tests)})" if tests else "0"


def endpoint(address: str, port: str) -> str:
    """Expression for the text of an endpoint, as `wire.addresses.format_endpoint` writes it.

    `address` is an expression of type IPv6 and `port` one of UInt16.
    """
    number = f"toUInt128({address})"
    # As RFC 5952 has it; ClickHouse would write dots: ::10.0.0.7
    words = (_hex(f"bitAnd(bitShiftRight({number}, 16), 65535)"), _hex(f"bitAnd({number}, 65535)"))
    low = f"concat('::', {words[0]}, ':', {words[1]})"
    index = f"bitAnd(bitShiftRight({number}, 64), {ZONE})"
    local = f"bitShiftRight({number}, {128 - LINK_LOCAL_BITS}) = {LINK_LOCAL}"
    bare = f"bitAnd({number}, {(1 << 128) - 1 - (ZONE << 64)}::UInt128)"
    zoned = f"concat(toString(CAST({bare}, 'IPv6')), '%', toString({index}))"
    four = f"IPv4NumToString(toUInt32(bitAnd({number}, 4294967295)))"
    text = (
        f"multiIf(bitShiftRight({number}, 32) = 65535, {four},"
        f" bitShiftRight({number}, 32) = 0 AND {number} > 65535, {low},"
        f" {local} AND {index} > 0, {zoned}, toString({address}))"
    )
    host = f"if(position({text}, ':') > 0, concat('[', {text}, ']'), {text})"
    return f"concat({host}, ':', toString({port}))"


def _hex(number: str) -> str:
    return f"replaceRegexpOne(lower(hex(toUInt16({number}))), '^0+(.)', '\\\\1')"
