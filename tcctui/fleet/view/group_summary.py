"""Figures of a group of a fleet, as texts for the details."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan

from tcctui.fleet.view.rows import Rows
from tcctui.flows.diagnosis.verdicts import BY_LIMIT, CAUSES, LIMIT_NAMES
from tcctui.ui.style import units
from tcctui.ui.table.cells import MISSING
from tcctui.ui.view import Summary

_LEAST_SHARE = 0.01


def group_summary(rows: Rows, cookie: int) -> Summary:
    """Title and figures of a row; empty where it is gone."""
    at = rows.place(cookie)
    if at is None:
        return Summary()

    def text(name: str, form: Callable[[float], str]) -> str:
        value = float(rows.column(name)[at])
        return MISSING if isnan(value) else form(value)

    shares = zip(rows.column("limit_shares")[at].tolist(), CAUSES, strict=True)
    limits = [
        f"{LIMIT_NAMES[cause]} {units.percent(100 * share)}"
        for share, cause in sorted(shares, reverse=True)
        if share >= _LEAST_SHARE
    ]
    flows, error = float(rows.column("flows")[at]), float(rows.column("flows_error")[at])
    counted = units.short_count(flows) if flows >= 1 else "<1"
    sampled = f"± {units.percent(error)}, from samples" if error else "all counted"
    if isnan(error):
        sampled = "from too few samples for an error"
    label = rows.column("group")[at].decode()
    verdict = BY_LIMIT.get(int(rows.column("limit")[at]))
    return Summary(
        f"{label}{f' · {verdict.phrase}' if verdict else ''}",
        (
            ("flows", (f"{counted} at once", sampled)),
            ("worse", (f"{text('worse', units.change)} than the same hour yesterday",)),
            ("limits", tuple(limits) or (MISSING,)),
            ("advice", (verdict.advice,) if verdict else (MISSING,)),
            (
                "srtt",
                (
                    f"{text('srtt_us', units.milliseconds)} median",
                    f"{text('srtt_p95', units.milliseconds)} p95",
                    f"{text('min_rtt', units.milliseconds)} lowest",
                ),
            ),
            (
                "retrans",
                (
                    text("retrans_percent", units.percent),
                    f"{text('timeouts_10s', units.short_count)} timeouts",
                ),
            ),
            ("rate", (f"{text('rate', units.rate)} acked",)),
        ),
    )
