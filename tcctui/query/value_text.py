"""Values of flows for people and for other programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from tcctui.flows.diagnosis.bbr import PHASE_NAMES
from tcctui.flows.diagnosis.causes import LIMIT_NAMES
from tcctui.printable import plain
from tcctui.query.arithmetic import Operand
from tcctui.query.fields import DEFINITIONS
from tcctui.query.quantities import Quantity
from tcctui.wire.addresses import format_endpoint
from tcctui.wire.events import CaState
from tcctui.wire.tcp_states import STATE_NAMES

LOCAL = ("saddr_hi", "saddr_lo", "sport")
REMOTE = ("daddr_hi", "daddr_lo", "dport")
ENDS = (*LOCAL, *REMOTE)

TOLD_BY_ENDS = frozenset({*ENDS, "cookie", "text"})
"""Columns that the ends of a connection already show."""

_NAMES: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "state": STATE_NAMES,
        "ca_state": {state: state.name.lower() for state in CaState},
        "limit": LIMIT_NAMES,
        "bbr_phase": PHASE_NAMES,
    }
)

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
    if name in _NAMES:
        assert isinstance(number, int)
        return _NAMES[name].get(number, number)
    if isinstance(number, float):
        if not math.isfinite(number):
            return None
        return int(number) if number.is_integer() else number
    return number


def said(name: str, told: Value) -> str:
    """Format a value in the words of a search: `srtt 21ms`, `rate 2.32Mbit/s`, `cc bbr`."""
    word, quantity = _FIELDS.get(name, (name, None))
    if told is None:
        return f"{word} unknown"
    if quantity is None or isinstance(told, str):
        return f"{word} {told}"
    return f"{word} {quantity.write(told)}"


def _fields() -> Mapping[str, tuple[str, Quantity | None]]:
    found: dict[str, tuple[str, Quantity | None]] = {}
    for one in DEFINITIONS:
        operand = one.field.operand
        if isinstance(operand, Operand):
            found.setdefault(operand.column, (one.name, operand.quantity))
        elif one.field.text:
            found.setdefault(one.field.text, (one.name, None))
    return MappingProxyType(found)


_FIELDS = _fields()
"""Name of each column in a search, and its quantity."""
