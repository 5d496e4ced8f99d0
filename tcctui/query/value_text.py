"""Values of flows for people and for other programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tcctui.fields.connection import ENDS
from tcctui.flows.value_names import VALUE_NAMES
from tcctui.printable import plain
from tcctui.query.aggregates import quantity_of
from tcctui.query.arithmetic import Operand
from tcctui.query.quantities import Quantity
from tcctui.query.query_fields import DESCRIBED
from tcctui.wire.addresses import format_endpoint

TOLD_BY_ENDS = frozenset({*ENDS, "cookie", "text"})
"""Columns that the ends of a connection already show."""

Value = str | int | float | bool | None


def endpoint(flows: Mapping[str, Any], names: tuple[str, ...], at: int) -> str:
    """One end (`LOCAL` or `REMOTE`) of the flow at an index: `192.0.2.1:443`."""
    high, low, port = (int(flows[name][at]) for name in names)
    return format_endpoint(high, low, port)


def value(name: str, found: Any) -> Value:
    """Value of a column, by its name where it has one; None if unknown."""
    if isinstance(found, bytes):
        return plain(found.decode(errors="replace"))
    number: Value = np.asarray(found).item()
    if name in VALUE_NAMES and isinstance(number, int) and not isinstance(number, bool):
        word = VALUE_NAMES[name].get(number, number)
        return word.lower() if name == "ca_state" and isinstance(word, str) else word
    if isinstance(number, float):
        if not math.isfinite(number):
            return None
        return int(number) if number.is_integer() else number
    return number


def said(name: str, told: Value) -> str:
    """Format a value in the words of a search: `srtt 21ms`, `rate 2.32Mbit/s`, `cc bbr`.

    The value of an aggregate is its column's: `sum(rate) 1.05Gbit/s`.
    """
    word, quantity = _FIELDS.get(name) or (name, quantity_of(name))
    if told is None:
        return f"{word} unknown"
    if quantity is None or isinstance(told, str):
        return f"{word} {told}"
    return f"{word} {quantity.write(told)}"


def _fields() -> Mapping[str, tuple[str, Quantity | None]]:
    found: dict[str, tuple[str, Quantity | None]] = {}
    for field, asked in DESCRIBED:
        quantity = asked.operand.quantity if isinstance(asked.operand, Operand) else None
        if quantity is not None or asked.text:
            found[field.name] = field.names[0], quantity
    return found


_FIELDS = _fields()
"""Name of each column in a search, and its quantity."""
