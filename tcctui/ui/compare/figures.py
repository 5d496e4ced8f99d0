"""Figures of compared flows over the time that is drawn, as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcctui.arrays import Array
from tcctui.flows.diagnosis.verdicts import LIMIT_NAMES, Limit
from tcctui.flows.snapshot import FlowHistory
from tcctui.ui.compare.subjects import Subject
from tcctui.ui.style import units
from tcctui.ui.table.cells import MISSING

TITLES = ("mean rate", "srtt p50", "p95", "retrans, life", "time limited by")
_WIDTHS = (11, 10, 10, 14)
_VERDICTS = 3
"""Verdicts that are named of each flow, the longest first."""


def table(known: Sequence[tuple[Subject, FlowHistory]], width: int) -> list[str]:
    """Lines of a title and of each flow, in at most `width` characters."""
    *first, retransmitted, limits = TITLES
    if any(one.label for one, _ in known):
        retransmitted = "retrans, hour"
    lines = [_line(f"{'':4}", (*first, retransmitted, limits))]
    lines += [_line(f"{one.number:>3} ", figures(one, past)) for one, past in known]
    return [line[:width] for line in lines]


def figures(one: Subject, past: FlowHistory) -> tuple[str, ...]:
    """Texts under `TITLES` of one flow, of the columns of its past in which it was open.

    Means and quantiles are weighted by time: each column of the past counts once.
    """
    count = len(past.limits)
    over = max(one.age - one.until, 0.0) / max(past.seconds, 1e-9) * count
    open_ = slice(0, max(count - int(over), 0))
    rate = past.series["acked_rate"].last[open_]
    rate = rate[np.isfinite(rate)]
    srtt = _held(past.series["srtt_us"].last[open_])
    percent = one.values.get("retrans_percent")
    return (
        units.rate(float(rate.mean())) if len(rate) else MISSING,
        *(units.milliseconds(float(np.quantile(srtt, at))) if len(srtt) else MISSING
          for at in (0.5, 0.95)),
        MISSING if percent is None else units.percent(percent),
        _limited(past.limits[open_]),
    )  # fmt: skip


def _line(begin: str, texts: Sequence[str]) -> str:
    *numbers, last = texts
    fitted = (text.rjust(width) for text, width in zip(numbers, _WIDTHS, strict=True))
    return f"{begin}{''.join(fitted)}   {last}"


def _held(values: Array) -> Array:
    """Values of columns, each held until the next; those before the first are left out."""
    known = np.isfinite(values) & (values > 0)
    at = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.asarray(values[at[at >= 0]])


def _limited(limits: Array) -> str:
    """Shares of the known time of each verdict, the largest first."""
    numbers, counts = np.unique(limits[limits != Limit.UNKNOWN], return_counts=True)
    if not len(numbers):
        return MISSING
    largest = np.argsort(-counts, kind="stable")[:_VERDICTS]
    shares = 100 * counts[largest] / counts.sum()
    return ", ".join(
        f"{LIMIT_NAMES[int(number)]} {share:.0f} %"
        for number, share in zip(numbers[largest], shares, strict=True)
    )
