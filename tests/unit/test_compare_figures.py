"""Figures of compared flows, and curves that lie on each other."""

from __future__ import annotations

import numpy as np

from tcctui.flows.diagnosis.verdicts import Limit
from tcctui.flows.snapshot import Extremes, FlowHistory
from tcctui.ui.chart.plot import draw
from tcctui.ui.compare.figures import figures
from tcctui.ui.compare.subjects import Subject


def subject(age: float = 10.0, until: float = 10.0, **values: float) -> Subject:
    """A flow of this age, which ended with `until`."""
    closed = until < age
    return Subject(1, 1, "10.0.0.1:1", "10.0.0.2:2", "bbr", age, until, closed, values)


def past(rate: list[float], srtt: list[float], limits: list[int]) -> FlowHistory:
    """A past of a second for each value."""
    series = {
        name: Extremes(*[np.array(values)] * 3)
        for name, values in (("acked_rate", rate), ("srtt_us", srtt))
    }
    return FlowHistory(float(len(rate)), series, 1448, limits=np.array(limits, "u1"))


def test_figures_are_weighted_by_time() -> None:
    """A value holds until the next one; what is unknown, or behind the end, is left out."""
    nan, rwnd, app = np.nan, int(Limit.RWND), int(Limit.APP)
    made = past(
        [nan, nan, 1e6, 1e6, 4e6, 0, 0, 0],
        [nan, 0, 10_000, nan, 50_000, nan, nan, nan],
        [0, 0, rwnd, rwnd, app, 0, 0, 0],
    )
    found = figures(subject(age=8, until=5, retrans_percent=1.25), made)
    assert found == ("16.0 Mb/s", "10.0 ms", "46.0 ms", "1.2 %", "rwnd 67 %, app 33 %")
    assert figures(subject(), past([nan], [nan], [0])) == ("–", "–", "–", "–", "–")


def test_no_curve_hides_an_equal_one() -> None:
    """Curves that alternate have their turn where they share cells; else the first is on top."""
    curve = (np.full(40, 5.0),) * 3
    for alternate, owners in ((True, {0, 1}), (False, {0})):
        lines = draw([curve, curve], 0, 10, 20, 5, alternate=alternate)
        seen = {number for runs in lines for text, number in runs if text.strip(" \u2800")}
        assert seen == owners
    shares = [
        sum(len(text) for runs in draw([curve, curve], 0, 10, 18, 5, alternate=True)
            for text, number in runs if number == wanted and text.strip())
        for wanted in (0, 1)
    ]  # fmt: skip
    assert shares == [9, 9]
