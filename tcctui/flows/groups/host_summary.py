"""Summary of many connections for a ticket: totals, states, limits, and the worst groups."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tcctui.arrays import Array, Floats
from tcctui.flows.diagnosis.verdicts import LIMIT_NAMES
from tcctui.flows.groups.groups import GROUPINGS, NEEDS, Groups, grouped
from tcctui.flows.labels import state_name
from tcctui.flows.snapshot import Flows
from tcctui.magnitudes import DECIMAL, scaled
from tcctui.printable import plain

GROUPED_BY: Mapping[str, str] = {
    "processes": "process",
    "peers": "remote",
    "nets": "net",
    "ports": "port",
}
"""Parts of a summary, and what they are grouped by."""

MOST = 5
"""Groups of each kind that are named: those with the most retransmits of late, then the fastest."""

_OF_LATE = "retrans_rate_10s"

FIELDS = frozenset({*NEEDS, "state", "cc", "bytes_acked", "bytes_received", _OF_LATE}).union(
    *(GROUPINGS[name].needs for name in GROUPED_BY.values())
)
"""Columns of flows that a summary needs."""


def summarized(flows: Flows) -> dict[str, Any]:
    """Sum flows up, which have the columns `FIELDS`: what `json.dumps` takes.

    Rates are bytes per second, times microseconds; what is unknown is None.
    """
    late = flows[_OF_LATE]
    return {
        "connections": flows.count,
        "bytes_per_second": _total(flows["rate"]),
        "bytes_acked": _total(flows["bytes_acked"]),
        "bytes_received": _total(flows["bytes_received"]),
        "retransmits_per_second": _total(late),
        "states": _counted(flows["state"], state_name),
        "algorithms": _counted(flows["cc"], lambda name: plain(name.decode(errors="replace"))),
        "limits": list(_limits(flows)),
        **{part: _worst(flows, by, late) for part, by in GROUPED_BY.items()},
    }


def _total(values: Array) -> float | int | None:
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    if len(values) and not len(known):
        return None
    total = float(known.sum())
    return int(total) if total.is_integer() else round(total, 3)


def _counted(values: Array, name: Callable[[Any], str]) -> dict[str, int]:
    """Number of flows by value, the most frequent first; unknown ones are not named."""
    known, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    found = {name(known[at].item()): int(counts[at]) for at in order}
    found.pop("", None)
    return found


def _limits(flows: Flows) -> Iterator[dict[str, Any]]:
    """Connections, rate and acknowledged bytes by what limits them, the most bytes first."""
    found: list[dict[str, Any]] = []
    for limit in np.unique(flows["limit"]).tolist():
        of = flows["limit"] == limit
        found.append(
            {
                "limit": _limit_name(limit),
                "connections": int(np.count_nonzero(of)),
                "bytes_per_second": _total(flows["rate"][of]),
                "bytes_acked": _total(flows["bytes_acked"][of]),
            }
        )
    yield from sorted(found, key=lambda one: -(one["bytes_acked"] or 0))


def _worst(flows: Flows, by: str, late: Floats) -> list[dict[str, Any]]:
    """Groups with the most retransmits of late, then the fastest."""
    groups = grouped(flows, GROUPINGS[by])
    again: Floats = np.bincount(groups.number, np.nan_to_num(late), len(groups)).astype("f8")
    order = np.lexsort((-np.nan_to_num(groups.rate), -again))[:MOST]
    return [_group(groups, at, again) for at in order.tolist()]


def _group(groups: Groups, at: int, again: Floats) -> dict[str, Any]:
    return {
        "name": plain(groups.label(at)),
        "connections": int(groups.count[at]),
        "bytes_per_second": _number(groups.rate[at]),
        "srtt_us_p50": _number(groups.p50[at]),
        "srtt_us_p95": _number(groups.p95[at]),
        "retransmits_per_second": _number(again[at]),
        "retrans_percent": _number(groups.retrans_percent[at]),
        "limit": _limit_name(int(groups.limit[at])),
        "limited": int(groups.limited[at]),
    }


def _limit_name(limit: int) -> str:
    return LIMIT_NAMES[limit] if limit else "unknown"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 3)


def as_json(summary: Mapping[str, Any], **head: object) -> str:
    """Write a summary as JSON, with more in front of it."""
    return json.dumps({**head, **summary}, indent=2, ensure_ascii=False) + "\n"


def as_text(summary: Mapping[str, Any], *head: str) -> str:
    """Write a summary as text, with lines in front of it."""
    lines = [line for line in head if line]
    lines.append(
        f"{summary['connections']:,} connections, {_rate(summary['bytes_per_second'])},"
        f" {_short(summary['bytes_acked'])}B acknowledged,"
        f" {_decimal(summary['retransmits_per_second'])} retransmits/s in the last 10 s"
    )
    for name in ("states", "algorithms"):
        counts = (f"{word} {count:,}" for word, count in summary[name].items())
        lines.append(f"{name}: {', '.join(counts) or 'unknown'}")
    lines += ["", *_table(("LIMITED", "CONNS", "RATE", "ACKED"), map(_limit, summary["limits"]))]
    for part in GROUPED_BY:
        titles = (part.upper(), "CONNS", "RATE", "SRTT", "P95", "RETR/s", "RETR%", "LIMITED")
        lines += ["", *_table(titles, map(_row, summary[part]))]
    return "\n".join(lines) + "\n"


def _limit(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        one["limit"],
        f"{one['connections']:,}",
        _rate(one["bytes_per_second"]),
        f"{_short(one['bytes_acked'])}B",
    )


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        one["name"],
        f"{one['connections']:,}",
        _rate(one["bytes_per_second"]),
        _milliseconds(one["srtt_us_p50"]),
        _milliseconds(one["srtt_us_p95"]),
        _decimal(one["retransmits_per_second"]),
        "–" if one["retrans_percent"] is None else f"{one['retrans_percent']:.1f} %",
        f"{one['limit']} ×{one['limited']:,}",
    )


def _table(titles: Sequence[str], rows: Iterator[tuple[str, ...]]) -> list[str]:
    cells = [titles, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = {0, len(titles) - 1} if titles[-1] == "LIMITED" else {0}
    return [
        "  ".join(
            cell.ljust(width) if at in left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _short(value: float | None) -> str:
    if value is None:
        return "unknown "
    number, prefix = scaled(value, DECIMAL, 999.5)
    return f"{number:.3g} {prefix}" if prefix else f"{number:.0f} "


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{_short(value * 8)}b/s"


def _decimal(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}".removesuffix(".0")


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value / 1000:.3g} ms"
