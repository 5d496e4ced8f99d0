"""Searches that find again what a cell shows: `cc:bbr`, `cwnd:41`, `srtt>=38.1ms`.

What names something, or stays as it is for a while, is asked for as it is. What is measured is
another number a moment later: there it is at least as much, in three digits.

Each text is tried: one that the query language does not take, or that does not match the very flow
it was made of, is never given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import ROUND_DOWN, Decimal

import numpy as np

from tcctui.fields.every_field import BY_NAME
from tcctui.fields.field import Field, Unit
from tcctui.flows.columns import missing
from tcctui.flows.snapshot import Flows
from tcctui.flows.value_names import VALUE_NAMES
from tcctui.query import QueryError, parse
from tcctui.wire.addresses import format_address

Ask = Callable[[Flows, int], "str | None"]
"""Makes the search text that finds what a cell shows, of a place among flows; None for none."""

_Scales = tuple[tuple[float, int, str], ...]
"""Units, the largest first: the least number that is written in it, its size, and its name."""

_PLAIN = re.compile(r"[\w./:@+-]+")


def exactly(field: Field) -> Ask:
    """Ask for the very number."""

    def texts(flows: Flows, row: int) -> Iterator[str]:
        value = flows[field.name][row].item()
        return (f"{name}:{value:.0f}" for name in field.names if value == int(value))

    return _known(field.name, texts)


def at_least(field: Field) -> Ask:
    """Ask for flows that have no less of what was measured than this one; for none, if it is 0."""

    def texts(flows: Flows, row: int) -> Iterator[str]:
        value = flows[field.name][row].item()
        for name in field.names:
            if value == 0:
                yield f"{name}:0"
            else:
                yield from (f"{name}>={text}" for text in write(value, field.unit))

    return _known(field.name, texts)


def named(field: Field, words: Mapping[int, str]) -> Ask:
    """Ask for the word that stands for a number."""

    def texts(flows: Flows, row: int) -> Iterator[str]:
        word = words.get(int(flows[field.name][row]), "").lower()
        if word:
            yield from (f"{name}:{word}" for name in field.names)

    return _known(field.name, texts)


def written(field: Field) -> Ask:
    """Ask for a name, in quotes where it needs them."""

    def texts(flows: Flows, row: int) -> Iterator[str]:
        # A name that was cut may end within a character.
        text = bytes(flows[field.name][row]).decode("utf-8", "ignore")
        for name in field.names:
            if _PLAIN.fullmatch(text):
                yield f"{name}:{text}"
            if text.isprintable():
                yield f'{name}:"{text}"'
            # A part of a name finds it too.
            part = max(_PLAIN.findall(text), key=len, default="")
            if part:
                yield f"{name}:{part}"

    return _known(field.name, texts)


def address(field: Field) -> Ask:
    """Ask for the address of an end."""
    halves = field.parts[:2]

    def query(flows: Flows, row: int) -> str | None:
        host = format_address(*(int(flows[half][row]) for half in halves))
        texts = (
            f"{name}:{text}" for name in field.names for text in (host, f"[{host}]", f'"{host}"')
        )
        return first_that_finds(texts, flows, row, halves)

    return query


def phase(flows: Flows, row: int) -> str | None:
    """Ask for the phase of congestion control: of BBR, its own."""
    if missing("snd_cwnd", flows["snd_cwnd"][row : row + 1])[0]:
        return None
    name = "bbr_phase" if bytes(flows["cc"][row]) == b"bbr" else "slow_start"
    return named(BY_NAME[name], VALUE_NAMES[name])(flows, row)


def _prefixed(unit: str) -> _Scales:
    steps = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"), (1, ""))
    return tuple((step, step, f"{prefix}{unit}") for step, prefix in steps)


_TIMES: _Scales = ((1e7, 10**6, "s"), (1e3, 10**3, "ms"), (0, 1, "us"))
_COUNTS = (Unit.TOTAL, Unit.COUNT, Unit.BYTES)

_SCALES: Mapping[Unit, _Scales] = {
    **dict.fromkeys(_COUNTS, _prefixed("")),
    Unit.BYTES_PER_SECOND: _prefixed("bit"),
    Unit.MICROSECONDS: _TIMES,
    Unit.MILLISECONDS: _TIMES,
    Unit.NANOSECONDS: ((1e9, 10**9, "s"), (0, 10**3, "us")),
    Unit.PER_SECOND: _prefixed(""),
    Unit.PERCENT: ((0, 1, ""),),
}
"""Units that the query language has for numbers of a unit."""

_FACTORS = {Unit.BYTES_PER_SECOND: 8, Unit.MILLISECONDS: 1e3}


def write(value: float, unit: Unit) -> Iterator[str]:
    """Write a number, or a little less, as the query language takes it: `38.1ms`, `92.1Mbit`.

    Counts are written in two ways, for where no prefix is taken.
    """
    number, scales = value * _FACTORS.get(unit, 1), _SCALES[unit]
    _, size, name = next((one for one in scales if number >= one[0]), scales[-1])
    yield f"{_digits(number, size)}{name}"
    if unit in _COUNTS:
        yield f"{int(value)}"


def _digits(value: float, scale: int) -> str:
    """Three digits of a number, or all before its point, and never more than it is."""
    number = Decimal(value) / scale
    cut = number.quantize(Decimal(1).scaleb(min(0, number.adjusted() - 2)), ROUND_DOWN)
    text = f"{cut:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _known(name: str, texts: Callable[[Flows, int], Iterable[str]]) -> Ask:
    """Ask for what is known only."""

    def query(flows: Flows, row: int) -> str | None:
        if missing(name, flows[name][row : row + 1])[0]:
            return None
        return first_that_finds(texts(flows, row), flows, row, [name])

    return query


def first_that_finds(
    texts: Iterable[str], flows: Flows, row: int, names: Iterable[str]
) -> str | None:
    """Give the first of the texts that is a query which matches the flow at that place.

    It is about nothing but the flow columns `names`: what has the same name in the query language
    may be something else there.
    """
    one = {name: flows[name][row : row + 1] for name in names}
    for text in texts:
        try:
            query = parse(text)
        except QueryError:
            continue
        everything = {"cookie": np.zeros(1, "u8"), **one}
        if query.fields <= one.keys() and query.mask(Flows(flows.now_ns, everything))[0]:
            return text
    return None
