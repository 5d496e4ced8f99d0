"""Kinds of charts of a flow's past: its window, its rates, its times."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from tcctui.flows.snapshot import Extremes, FlowHistory
from tcctui.ui.chart import time_axis
from tcctui.ui.chart.chart_data import ChartData, ChartMarks, Quantity, Series
from tcctui.ui.style import units
from tcctui.wire.events import NO_SSTHRESH

Values = Mapping[str, float]
"""Columns of the flow at the end of its past, as far as known."""

NOW: tuple[str, ...] = (
    *("snd_cwnd", "ssthresh", "srtt_us", "in_flight", "snd_wnd"),
    *("rate", "delivery_rate", "pacing_rate", "bbr_bw"),
)
"""Columns used by the charts."""

NOTHING: Values = MappingProxyType({})

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """Content of a chart, and its quantity."""

    quantity: Quantity
    data: ChartData


def _digits(value: float) -> str:
    return f"{value:.4g}"


def _segments(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 or value == int(value) else f"{value:.1f}"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 99.5 else f"{value:.3g}"


def _milliseconds(value: float) -> str:
    return units.milliseconds(value * 1000) if value else "0 ms"


CWND = Quantity("cwnd", "segments", _digits, _segments)
SRTT = Quantity("srtt", "", _milliseconds)


Scales = list[tuple[float, Quantity]]
"""One quantity in several units, the largest first, each with its size in the smallest one."""


def rates(title: str = "rate") -> Scales:
    """Units of rates."""
    _, unit = units.rate_unit()
    steps = (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0))
    return [(size, Quantity(title, prefix + unit, _short, _short)) for prefix, size in steps]


def sizes() -> Scales:
    """Units of sizes."""
    step, unit = units.size_unit()
    names = ((f"M{unit}", 2), (f"{'K' if step == 1024 else 'k'}{unit}", 1), ("bytes", 0))
    return [
        (float(step) ** power, Quantity("in flight", name, _short, _short)) for name, power in names
    ]


def fitting(top: float, scales: Scales) -> tuple[float, Quantity]:
    """Choose the unit in which a value reads well."""
    return next((scale for scale in scales if top >= scale[0]), scales[-1])


def cwnd(past: FlowHistory, now: Values = NOTHING) -> Picture:
    """Curves of cwnd, ssthresh and, where the segment size is known, in flight; in segments."""
    curves = [_curve("cwnd", _known(past.series["snd_cwnd"]), "cwnd", now.get("snd_cwnd"))]
    ssthresh = changed(
        _known(past.series["ssthresh"]), lambda part: np.where(part >= NO_SSTHRESH, np.inf, part)
    )
    if np.isfinite(ssthresh.last).any():
        set_to = now.get("ssthresh")
        set_to = math.inf if set_to is not None and set_to >= NO_SSTHRESH else set_to
        curves.append(_curve("ssthresh", ssthresh, "ssthresh", set_to))
    if past.mss:
        part = 1 / past.mss
        sent = _times(past, "in_flight", part)
        curves.append(_curve("in flight", sent, "in-flight", _value(now, "in_flight", part)))
    return Picture(CWND, data_of(past, curves))


def rate(past: FlowHistory, now: Values = NOTHING) -> Picture:
    """Curves of the acknowledged, delivery and pacing rates and of BBR's bandwidth; per second."""
    times, _ = units.rate_unit()
    wanted = (
        ("deliv", "delivery_rate", "delivery"),
        ("acked", "acked_rate", "acked"),
        ("paced", "pacing_rate", "pacing"),
        ("bw", "bbr_bw", "bbr-bw"),
    )
    curves = [
        _curve(
            *(name, _times(past, field, times), style),
            _value(now, "rate" if field == "acked_rate" else field, times),
        )
        for name, field, style in wanted
    ]
    return _scaled(past, [*curves, *_before(past, "acked_rate", times)], rates())


def in_flight(past: FlowHistory, now: Values = NOTHING) -> Picture:
    """Bytes in flight, and the windows that limit them: cwnd and the peer's receive window."""
    curves = [_curve("in flight", _times(past, "in_flight", 1), "in-flight", now.get("in_flight"))]
    if past.mss:
        window = changed(_known(past.series["snd_cwnd"]), lambda part: part * past.mss)
        curves.append(_curve("cwnd", window, "cwnd-bytes", _value(now, "snd_cwnd", past.mss)))
    if "snd_wnd" in past.series:
        curves.append(_curve("snd_wnd", _times(past, "snd_wnd", 1), "snd-wnd", now.get("snd_wnd")))
    return _scaled(past, curves, sizes())


def srtt(past: FlowHistory, now: Values = NOTHING) -> Picture:
    """Curve of srtt, in milliseconds, with a legend of strip and marks in place of the strip."""
    known = changed(_known(past.series["srtt_us"]), lambda part: part / 1000)
    curve = _curve("srtt", known, "srtt", _value(now, "srtt_us", 1e-3))
    return Picture(SRTT, data_of(past, [curve, *_before(past, "srtt_us", 1e-3)], explain=True))


def retransmitted(past: FlowHistory, _: Values = NOTHING) -> Picture:
    """Retransmitted share of the segments in percent, of a group's past."""
    curve = _curve("retrans", past.series[RETRANSMITTED], "retransmitted", None)
    before = _before(past, RETRANSMITTED, 1)
    return Picture(Quantity("retransmitted", "%", _digits, _short), data_of(past, [curve, *before]))


def before(name: str) -> str:
    """Name of a series of the day before, at the same times."""
    return f"{name} before"


def _before(past: FlowHistory, name: str, factor: float) -> list[Series]:
    """Curve of the day before, where the past has it."""
    if before(name) not in past.series:
        return []
    values = _times(past, before(name), factor)
    return [_curve("yesterday", values, "before", None)]


RETRANSMITTED = "retrans_percent"
"""Series of a group's past, beside those of a flow's."""

KINDS: tuple[tuple[str, Callable[[FlowHistory, Values], Picture]], ...] = (
    ("cwnd", cwnd),
    ("rates", rate),
    ("bytes in flight", in_flight),
)
"""Kinds of the left chart by their names, in the order of the key `c`."""


def _curve(name: str, extremes: Extremes, style: str, now: float | None) -> Series:
    return Series(name, extremes.low, extremes.high, extremes.last, style, now)


def _value(now: Values, name: str, factor: float) -> float | None:
    return now[name] * factor if name in now else None


def changed(extremes: Extremes, change: Callable[[Floats], Floats]) -> Extremes:
    """Change each of a curve's arrays."""
    return Extremes(change(extremes.low), change(extremes.high), change(extremes.last))


def _known(extremes: Extremes) -> Extremes:
    """Replace zeros, which mean unknown, by NaN."""
    return changed(extremes, lambda part: np.where(part == 0, np.nan, part))


def _times(past: FlowHistory, field: str, factor: float) -> Extremes:
    return changed(past.series[field], lambda part: part * factor)


def _scaled(past: FlowHistory, curves: Iterable[Series], scales: Scales) -> Picture:
    """Choose the unit in which the highest of the present curves reads well."""
    there = [curve for curve in curves if not np.isnan(curve.last).all()]
    top = max((float(np.nanmax(curve.high)) for curve in there), default=0.0)
    size, quantity = fitting(top, scales)
    shown = []
    for curve in there:
        low, high, last = curve.low / size, curve.high / size, curve.last / size
        now = None if curve.now is None else curve.now / size
        shown.append(Series(curve.name, low, high, last, curve.style, now))
    return Picture(quantity, data_of(past, shown))


def data_of(past: FlowHistory, curves: Iterable[Series], *, explain: bool = False) -> ChartData:
    """Curves that have a value, over a flow's past, with its marks and limits."""
    there = tuple(curve for curve in curves if not np.isnan(curve.last).all())
    marks = ChartMarks(past.marks.column, past.marks.kind)
    return ChartData(
        past.seconds,
        there,
        columns=len(past.series["srtt_us"].last),
        marks=marks,
        limits=None if explain else past.limits,
        note=time_axis.legend(past.limits, marks) if explain else None,
    )
