"""Flows in a comparison, and the quantities that they are compared by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tcctui.fields.connection import ENDS
from tcctui.flows import labels
from tcctui.flows.columns import missing
from tcctui.flows.snapshot import Extremes, FlowHistory, Flows
from tcctui.ui.chart.chart_data import Quantity
from tcctui.ui.chart.chart_kinds import (
    CWND,
    RETRANSMITTED,
    SRTT,
    Floats,
    Scales,
    changed,
    fitting,
    rates,
    sizes,
)
from tcctui.ui.chart.legend import FLOWS
from tcctui.ui.style import units
from tcctui.ui.style.legible import legible
from tcctui.ui.table.layout import fit_ends


class Kind(NamedTuple):
    """One quantity: `series` of a flow's past and the `column` of its present, times `factor`.

    `scales` are display units, the largest first, each with its divisor.
    """

    title: str
    series: str
    column: str
    factor: float
    scales: Scales
    zero_is_unknown: bool = False

    def past(self, history: FlowHistory) -> Extremes:
        """Curve of a flow, in the smallest unit."""
        return self.curve(history.series)

    def curve(self, series: Mapping[str, Extremes]) -> Extremes:
        """The same of a flow's series."""
        return changed(series[self.series], self._known)

    def _known(self, values: Floats) -> Floats:
        known = np.where(values == 0, np.nan, values) if self.zero_is_unknown else values
        return known * self.factor

    def scale(self, curves: Iterable[Extremes]) -> tuple[float, Quantity]:
        """Unit in which the highest of all the curves reads well."""
        top = 0.0
        for curve in curves:
            there = curve.high[np.isfinite(curve.high)]
            top = max(top, float(there.max()) if there.size else 0.0)
        return fitting(top, self.scales)


def scaled(curve: Extremes, by: float) -> Extremes:
    """Convert a curve to a unit."""
    return changed(curve, lambda values: values / by)


def kinds(*, of_groups: bool = False) -> tuple[Kind, ...]:
    """All quantities in the order of the key `c`, in the configured units; or those of groups."""
    bits, _ = units.rate_unit()
    if of_groups:
        percent = Quantity("retransmitted", "%", "{:.3g}".format)
        return (
            Kind("srtt", "srtt_us", "srtt_us", 1e-3, [(0.0, SRTT)], zero_is_unknown=True),
            Kind("acked", "acked_rate", "rate", bits, rates("acked")),
            Kind("retrans", RETRANSMITTED, RETRANSMITTED, 1, [(0.0, percent)]),
        )
    return (
        Kind("cwnd", "snd_cwnd", "snd_cwnd", 1, [(0.0, CWND)], zero_is_unknown=True),
        Kind("srtt", "srtt_us", "srtt_us", 1e-3, [(0.0, SRTT)], zero_is_unknown=True),
        Kind("acked", "acked_rate", "rate", bits, rates("acked")),
        Kind("in flight", "in_flight", "in_flight", 1, sizes()),
        Kind("delivery", "delivery_rate", "delivery_rate", bits, rates("delivery")),
    )


COLUMNS: tuple[str, ...] = (
    *(*ENDS, "cc", "opened_ns", "first_ns", "closed_ns", "retrans_percent"),
    *(kind.column for kind in kinds()),
)
"""Columns that they need."""


@dataclass(frozen=True, eq=False)
class Subject:
    """One flow: its ends, its algorithm, its line, and the present values that are known."""

    cookie: int
    number: int
    local: str
    remote: str
    cc: str
    age: float
    """Seconds since it was opened, or first seen where that was not."""
    until: float
    """Its final age: less than `age` if it was closed."""
    closed: bool
    values: dict[str, float] = field(repr=False)
    label: str = ""
    """Its name where it is a group."""

    @property
    def style(self) -> str:
        """Style of its curves."""
        return FLOWS[self.number - 1]

    @property
    def short(self) -> str:
        """Name beside a curve."""
        return f"{self.number} {self.cc}".rstrip()

    def name(self, width: int) -> str:
        """Number, algorithm and both ends, in at most `width` characters."""
        room = max(width - len(self.short) - 1, 20)
        if self.label:
            return f"{self.short} {self.label}"[:width]
        return f"{self.short} {fit_ends(self.local, self.remote, room)}"

    def now(self, kind: Kind, by: float) -> float | None:
        """Present value, in a unit."""
        value = self.values.get(kind.column)
        return None if value is None else value * kind.factor / by

    @property
    def present(self) -> list[str]:
        """All present values as text."""
        found = []
        for kind in kinds(of_groups=bool(self.label)):
            value = self.values.get(kind.column)
            if value is not None:
                value *= kind.factor
                by, quantity = fitting(value, kind.scales)
                unit = f" {quantity.unit}" if quantity.unit not in {"", "segments"} else ""
                found.append(f"{kind.title} {quantity.told(value / (by or 1.0))}{unit}")
        return [*found, *(["closed"] if self.closed else [])]


def subjects(
    cookies: Sequence[int], flows: Flows, label: Callable[[int], str] = lambda _: ""
) -> list[Subject]:
    """The known ones among the flows, in the order of their cookies and numbered by it.

    `label` names those that are groups.
    """
    places = {cookie: place for place, cookie in enumerate(flows["cookie"].tolist())}
    local, remote = labels.local(flows), labels.remote(flows)
    found = []
    for number, cookie in enumerate(cookies, 1):
        at = places.get(cookie)
        if at is None:
            continue
        closed, opened = int(flows["closed_ns"][at]), int(flows["opened_ns"][at])
        first = opened or int(flows["first_ns"][at])
        age = max(flows.now_ns - first, 0) / 1e9
        until = max(closed - first, 0) / 1e9 if closed else age
        values = {
            name: float(flows[name][at])
            for name in (*(kind.column for kind in kinds()), "retrans_percent")
            if not missing(name, flows[name][at : at + 1])[0]
        }
        cc = legible(bytes(flows["cc"][at]))
        ends = local[at], remote[at]
        name = label(cookie)
        found.append(Subject(cookie, number, *ends, cc, age, until, bool(closed), values, name))
    return found


def told(least: float, most: float, tell: Callable[[float], str]) -> str:
    """Format a value, or a range."""
    low, high = tell(least), tell(most)
    return low if low == high else f"{low}–{high}"


def fitted(pieces: Sequence[str], width: int) -> str:
    """As many of the pieces as fit, separated by dots."""
    text = ""
    for piece in pieces:
        if len(text) + len(piece) + 3 > width:
            break
        text += f" · {piece}"
    return text
