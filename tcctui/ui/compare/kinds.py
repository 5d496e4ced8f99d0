"""Quantities for comparing flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tcctui.flows.snapshot import Extremes, FlowHistory
from tcctui.ui.chart.chart_kinds import CWND, SRTT, Quantity, rates, sizes
from tcctui.ui.style import units

Floats = npt.NDArray[np.float64]
Scales = list[tuple[float, Quantity]]


@dataclass(frozen=True)
class Kind:
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
        return _changed(history.series[self.series], self._known)

    def _known(self, values: Floats) -> Floats:
        known = np.where(values == 0, np.nan, values) if self.zero_is_unknown else values
        return known * self.factor

    def scale(self, curves: Iterable[Extremes]) -> tuple[float, Quantity]:
        """Unit in which the highest of all the curves reads well."""
        top = 0.0
        for curve in curves:
            there = curve.high[np.isfinite(curve.high)]
            top = max(top, float(there.max()) if there.size else 0.0)
        return next((scale for scale in self.scales if top >= scale[0]), self.scales[-1])


def scaled(curve: Extremes, by: float) -> Extremes:
    """Convert a curve to a unit."""
    return _changed(curve, lambda values: values / by)


def _changed(curve: Extremes, change: Callable[[Floats], Floats]) -> Extremes:
    return Extremes(change(curve.low), change(curve.high), change(curve.last))


def _titled(scales: Scales, title: str) -> Scales:
    return [(size, replace(quantity, title=title)) for size, quantity in scales]


def kinds() -> tuple[Kind, ...]:
    """All quantities in the order of the key `c`, in the configured units."""
    bits, _ = units.rate_unit()
    return (
        Kind("cwnd", "snd_cwnd", "snd_cwnd", 1, [(0.0, CWND)], zero_is_unknown=True),
        Kind("srtt", "srtt_us", "srtt_us", 1e-3, [(0.0, SRTT)], zero_is_unknown=True),
        Kind("acked", "acked_rate", "rate", bits, _titled(rates(), "acked")),
        Kind("in flight", "in_flight", "in_flight", 1, sizes()),
        Kind("delivery", "delivery_rate", "delivery_rate", bits, _titled(rates(), "delivery")),
    )
