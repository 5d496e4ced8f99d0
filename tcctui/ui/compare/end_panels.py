"""Charts of a connection's two ends: of each its curves, their names, styles and units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tcctui.both_ends.curves import Curves
from tcctui.flows.history.curve import Window
from tcctui.flows.snapshot import Extremes
from tcctui.ui.chart.chart_data import Quantity, Series
from tcctui.ui.chart.chart_kinds import SRTT, Scales, changed, fitting, rates, sizes
from tcctui.ui.compare.subjects import scaled
from tcctui.ui.style import units

_FAR = 4
"""Ratio from which a limit is so far above all else that its curve is left out."""


def _top(curve: Extremes) -> float:
    there = curve.high[np.isfinite(curve.high)]
    return float(there.max()) if there.size else 0.0


class Panel(NamedTuple):
    """A chart of one end: its title, and of each curve the name, `Curves`' name and the style.

    `limit` is the curve that is left out where it is far above the others.
    """

    sender: bool
    title: str
    curves: Sequence[tuple[str, str, str]]
    scales: Callable[[], Scales]
    factor: Callable[[], float] = lambda: 1.0
    limit: str = ""

    def drawn(self, of_both: Curves, window: Window) -> tuple[Quantity, list[Series]]:
        """Curves in a window, in a unit in which the highest of them reads well."""
        of, factor = (of_both.sender if self.sender else of_both.receiver), self.factor()
        made = {
            name: changed(of[name].over(window), lambda part: part * factor)
            for _, name, _ in self.curves
        }
        rest = max((_top(curve) for name, curve in made.items() if name != self.limit), default=0)
        if self.limit and rest and np.nanmin(made[self.limit].low, initial=np.inf) > _FAR * rest:
            del made[self.limit]
        by, quantity = fitting(max(map(_top, made.values())), self.scales())
        series = []
        for title, name, style in self.curves:
            if name not in made:
                continue
            fit = scaled(made[name], by or 1.0)
            known = fit.last[np.isfinite(fit.last)]
            if known.size:
                # Where nothing is known any more, the legend has the last value.
                now = float(known[-1])
                series.append(Series(title, fit.low, fit.high, fit.last, style, now))
        return replace(quantity, title=self.title), series


def _segments() -> Scales:
    return [(0.0, Quantity("", "segments/s", lambda number: f"{number:.3g}"))]


def _bits() -> float:
    return units.rate_unit()[0]


PANELS = (
    Panel(
        True,
        "sender's bytes",
        (
            ("in flight", "in_flight", "in-flight"),
            ("cwnd", "cwnd", "cwnd-bytes"),
            ("snd_wnd", "snd_wnd", "snd-wnd"),
        ),
        sizes,
        limit="snd_wnd",
    ),
    Panel(
        False,
        "receiver's bytes",
        (
            ("unread", "unread", "in-flight"),
            ("rcvbuf", "rcvbuf", "cwnd-bytes"),
            ("rcv_wnd", "rcv_wnd", "snd-wnd"),
        ),
        sizes,
    ),
    Panel(True, "sender's rate", (("acked", "sent", "acked"),), rates, _bits),
    Panel(
        False,
        "receiver's rate",
        (("received", "received", "acked"), ("read", "read", "delivery")),
        rates,
        _bits,
    ),
    Panel(True, "sender's srtt", (("srtt", "srtt", "srtt"),), lambda: [(0.0, SRTT)], lambda: 1e-3),
    Panel(False, "out of order", (("out of order", "out_of_order", "delivery"),), _segments),
)
"""Charts in the order of the key `c`; one end's and the other's, which are side by side."""
