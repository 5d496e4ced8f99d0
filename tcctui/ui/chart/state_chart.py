"""Chart of one member of an algorithm's own state, of a flow whose state is read."""

from __future__ import annotations

import math

import numpy as np

from tcctui.arrays import Records
from tcctui.fields.algorithm_state import BY_NAME, PREFIX, UNKNOWN_CODE, State
from tcctui.fields.field import Unit
from tcctui.flows.algorithms.columns import column
from tcctui.flows.history.curve import Curve, Window
from tcctui.flows.snapshot import FlowHistory
from tcctui.ui.chart.chart_data import Quantity
from tcctui.ui.chart.chart_kinds import Picture, data_of, series_of
from tcctui.ui.style.forms import FORMS


def picture(name: str, records: Records, past: FlowHistory, until_ns: int) -> Picture:
    """Curve of a member, as `ca.NAME` names it, over a flow's past until a moment.

    `records`, of dtype `inside.ALGORITHM`, are what was read of the flow, oldest first.
    """
    columns = len(past.series["srtt_us"].last)
    values = column(name, records, np.full(len(records), past.mss))
    if values.dtype == np.uint8:  # words
        values = np.where(values == UNKNOWN_CODE, np.nan, values)
    when_ns = records["ts_ns"].astype("i8")
    curve = Curve(when_ns, values).over(Window(until_ns, past.seconds, columns))
    state = BY_NAME.get(name.removeprefix(PREFIX).lower())
    return Picture(_quantity(name, state), data_of(past, [series_of(name, curve, "cwnd")]))


def _quantity(name: str, state: State | None) -> Quantity:
    if state is None:
        return Quantity(name, "", _number)
    if state.unit is Unit.SEGMENTS:
        return Quantity(name, "segments", _number)
    if state.words:
        words = state.words

        def word(value: float) -> str:
            at = round(value)
            return words[at] if math.isclose(value, at) and 0 <= at < len(words) else ""

        return Quantity(name, "", word)
    return Quantity(name, "", FORMS.get(state.unit, _number))


def _number(value: float) -> str:
    return f"{value:.6g}"
