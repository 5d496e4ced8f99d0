"""What one term of a query may ask: kinds of fields, and the conditions made from their values."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tcctui.addresses import Prefix, parse_prefix
from tcctui.flows.quantities import Quantity, compare
from tcctui.flows.states import fold

Flows: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""Columns by name, all of one length; `cookie` is always there."""

Mask: TypeAlias = npt.NDArray[np.bool_]


class QueryError(ValueError):
    """Text that isn't a query: `reason`, a sentence for a person, about `text[start:end]`."""

    def __init__(self, start: int, end: int, reason: str) -> None:
        super().__init__(reason)
        self.start = start
        self.end = end
        self.reason = reason


@dataclass(frozen=True)
class Term:
    """A condition, and the columns it looks at."""

    columns: frozenset[str]
    match: Callable[[Flows], Mask]


@dataclass(frozen=True)
class Piece:
    """A part of the query, and where it begins."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)

    def __str__(self) -> str:
        return f"'{self.text}'" if len(self.text) <= 40 else f"'{self.text[:39]}…'"


@dataclass(frozen=True)
class Comparison:
    """`name symbol value` as written; `operator` is the symbol without its synonyms."""

    name: str
    symbol: str
    operator: str
    value: Piece

    def example(self, sample: str) -> str:
        """Write the same comparison with another value."""
        return f"{self.name}{self.symbol}{sample}"

    def wrong(self, piece: Piece, reason: str) -> QueryError:
        """Make the error that says what is wrong with a part of the value."""
        return QueryError(piece.start, piece.end, f"{self.name}: {reason}")

    def items(self, noun: str) -> Iterator[Piece]:
        """Parts of a list with commas, none of them empty."""
        at = self.value.start
        for item in self.value.text.split(","):
            if not item:
                comma = Piece(",", max(at - 1, self.value.start))
                raise self.wrong(comma, f"a comma needs {noun} on both sides")
            yield Piece(item, at)
            at += len(item) + 1


@dataclass(frozen=True)
class Field:
    """What a name before `:` or a comparison stands for.

    `noun` and `sample` are for messages: "a port number", "443". `term` makes the condition, or
    raises QueryError about the value. Only an `ordered` field is ever asked about < and >.
    """

    noun: str
    sample: str
    term: Callable[[Comparison], Term]
    ordered: bool = True


def number(column: str, quantity: Quantity, unknown: int | None = None) -> Field:
    """Describe a column of numbers. No comparison holds of `unknown` ones, nor of NaN."""

    def term(asked: Comparison) -> Term:
        try:
            value = quantity.read(asked.value.text)
        except ValueError as error:
            raise asked.wrong(asked.value, str(error)) from None

        def match(flows: Flows) -> Mask:
            values = flows[column]
            mask = compare(values, asked.operator, value)
            if values.dtype.kind == "f":
                missing = np.isnan(values)
            elif unknown is not None:
                missing = values == values.dtype.type(unknown)
            else:
                return mask
            # `!=` is the opposite of this, and does not hold of missing values either
            return mask | missing if asked.symbol == "!=" else mask & ~missing

        return Term(frozenset({column}), match)

    return Field(quantity.noun, quantity.sample, term)


def names(
    column: str, noun: str, values: Mapping[str, frozenset[int]], choices: Sequence[str]
) -> Field:
    """Describe a column of numbers below 256 with names.

    `values` are the numbers by folded name, `choices` the spellings worth showing.
    """

    def term(asked: Comparison) -> Term:
        table = np.zeros(256, dtype=np.bool_)
        for item in asked.items(noun):
            if fold(item.text) not in values:
                near = nearest(item.text, choices)
                advice = f": did you mean '{near}'?" if near else f"; there is {', '.join(choices)}"
                raise QueryError(item.start, item.end, f"unknown {asked.name} {item}{advice}")
            table[list(values[fold(item.text)])] = True
        return Term(frozenset({column}), lambda flows: table.take(flows[column]))

    return Field(noun, choices[0], term, ordered=False)


def ports(*columns: str) -> Field:
    """Describe the port of one end or of either: all answers are worked out once, in a table."""
    noun = "a port number"

    def term(asked: Comparison) -> Term:
        if asked.operator == "=":
            table = np.zeros(1 << 16, dtype=np.bool_)
            for item in asked.items(noun):
                table |= _port_range(asked, item)
        else:
            every = np.arange(1 << 16, dtype=np.uint16)
            table = compare(every, asked.operator, _port(asked, asked.value))
        return Term(
            frozenset(columns),
            lambda flows: _any(flows, (table.take(flows[column]) for column in columns)),
        )

    return Field(noun, "443", term)


def endpoints(*ends: str) -> Field:
    """Describe address and port of one end (`s` or `d`, as columns begin) or of either."""
    noun = "an address"

    def term(asked: Comparison) -> Term:
        wanted = [_endpoint(asked, item) for item in asked.items(noun)]
        used = [
            *(("addr_hi", "addr_lo") if any(prefix for prefix, _ in wanted) else ()),
            *(("port",) if any(table is not None for _, table in wanted) else ()),
        ]
        return Term(
            frozenset(end + name for end in ends for name in used),
            lambda flows: _any(
                flows, (_at_end(flows, end, *one) for end in ends for one in wanted)
            ),
        )

    return Field(noun, "10.0.0.0/8", term, ordered=False)


def negation(term: Term) -> Term:
    """Turn a condition around."""
    return Term(term.columns, lambda flows: ~term.match(flows))


def all_of(terms: Sequence[Term]) -> Term:
    """Join conditions by and; none at all always hold."""

    def match(flows: Flows) -> Mask:
        mask = _everything(flows)
        for term in terms:
            mask &= term.match(flows)
            if not mask.any():
                break  # a pasted sentence is many words, and each costs a search of every row
        return mask

    return Term(frozenset[str]().union(*(term.columns for term in terms)), match)


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Find the choice that a word is most like, or the first; case and separators don't count."""
    by_fold = {fold(choice): choice for choice in reversed([*choices])}
    found = difflib.get_close_matches(fold(word), by_fold, n=3)
    if not found:
        return None
    likeness = {one: difflib.SequenceMatcher(None, one, fold(word)).ratio() for one in found}
    like = [choice for name, choice in by_fold.items() if likeness.get(name) == likeness[found[0]]]
    return like[-1]


def _everything(flows: Flows) -> Mask:
    return np.ones(len(flows["cookie"]), dtype=np.bool_)


def _any(flows: Flows, masks: Iterable[Mask]) -> Mask:
    result = np.zeros(len(flows["cookie"]), dtype=np.bool_)
    for mask in masks:
        result |= mask
    return result


def _port(asked: Comparison, piece: Piece) -> int:
    digits = piece.text.removeprefix(":")  # ss writes `sport = :22`
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and int(digits) < 1 << 16):
        raise asked.wrong(piece, f"{piece} is not a port number (0 to 65535)")
    return int(digits)


def _port_range(asked: Comparison, piece: Piece) -> Mask:
    """Ports of `443` or `8000-8100`, as a table of 65,536 answers."""
    first, dash, last = piece.text.partition("-")
    if dash and not (first and last):
        raise asked.wrong(piece, "a range has two ends, such as 8000-8100")
    low = _port(asked, Piece(first, piece.start))
    high = _port(asked, Piece(last, piece.end - len(last))) if dash else low
    if low > high:
        raise asked.wrong(piece, f"the range {piece} runs backwards; write '{high}-{low}'")
    table = np.zeros(1 << 16, dtype=np.bool_)
    table[low : high + 1] = True
    return table


_BRACKETED = re.compile(r"\[([^\]]*)\](/[0-9]+)?(?::(.*))?", re.DOTALL)


def _endpoint(asked: Comparison, piece: Piece) -> tuple[Prefix | None, Mask | None]:
    """Prefix and port table of `address`, `prefix`, `address:port`, `[v6]:port` or `:port`."""
    port: str | None
    if bracketed := _BRACKETED.fullmatch(piece.text):
        host, port = bracketed[1] + (bracketed[2] or ""), bracketed[3]
    elif piece.text.count(":") == 1:  # no IPv6 address has just one colon
        host, port = piece.text.split(":")
    else:
        host, port = piece.text, None
    if port == "":
        raise asked.wrong(piece, f"{piece} needs a port number behind its last colon")
    table = None if port is None else _port_range(asked, Piece(port, piece.end - len(port)))
    if table is not None and host in ("", "*"):
        return None, table
    try:
        return parse_prefix(host), table
    except ValueError:
        samples = (asked.example(sample) for sample in ("10.0.0.7", "10.0.0.0/8", "[::1]:443"))
        examples = "{}, {} or {}".format(*samples)
        raise asked.wrong(piece, f"{piece} is not an address, such as {examples}") from None


def _at_end(flows: Flows, end: str, prefix: Prefix | None, table: Mask | None) -> Mask:
    mask = _everything(flows)
    if prefix is not None:
        # numpy's own type, because numpy before 2 turns large Python ints into floats here
        high, low, mask_high, mask_low = map(np.uint64, prefix.halves)
        mask &= flows[f"{end}addr_hi"] & mask_high == high
        mask &= flows[f"{end}addr_lo"] & mask_low == low
    if table is not None:
        mask &= table.take(flows[f"{end}port"])
    return mask
