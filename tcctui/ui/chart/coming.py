"""The curve that a flow's window is on, into the future: cubic's."""

from __future__ import annotations

import numpy as np

from tcctui.flows.algorithms.columns import first
from tcctui.flows.algorithms.cubic import ahead, cubic
from tcctui.flows.inside.values import LONG_AGO_NS
from tcctui.flows.snapshot import Flows
from tcctui.ui.chart.chart_data import Ahead, Series

PART = 0.2
"""Seconds into the future for each second of the past that is shown."""

_COLUMNS = 64
_HIGHEST = 1.5
"""Part of W_max, or of cwnd, up to which it is drawn: cubes grow beyond any chart."""


def coming(flows: Flows, seconds: float) -> Ahead | None:
    """The curve of the first flow, beside so many seconds of its past; None of other algorithms.

    In slow start and in recovery there is none, but its room: the past stays where it is.
    """
    record = flows["algorithm"][:1]
    read_ns = int(record["ts_ns"][0])
    if flows["closed_ns"][0] or read_ns + LONG_AGO_NS < int(flows["last_ns"][0]):
        return None
    state = first(record, flows["mss"])
    curve = None if state is None else cubic(state)
    if curve is None:
        return None
    length = PART * seconds
    if np.isnan(curve.since[0]) or flows["slow_start"][0] == 1:
        nothing = np.full(_COLUMNS, np.nan)
        return Ahead(Series("W(t)", nothing, nothing, nothing, "ahead"), length)
    since = np.linspace(0, length, _COLUMNS)
    late = max(0, flows.now_ns - read_ns) / 1e9
    window = ahead(curve, 0, since + late, float(flows["srtt_us"][0]) / 1e6)
    top = _HIGHEST * np.fmax(float(curve.w_max[0]), float(flows["snd_cwnd"][0]))
    now = float(window[0])
    window = np.where(window <= top, window, np.nan)
    return Ahead(Series("W(t)", window, window, window, "ahead", now), length)
