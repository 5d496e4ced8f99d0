"""Summary of a group of flows, as texts for the details and to copy."""

from __future__ import annotations

import math
from collections.abc import Callable

from tcctui.arrays import Floats
from tcctui.flows.diagnosis.health import NAMES, UNKNOWN
from tcctui.flows.diagnosis.verdicts import LIMIT_NAMES, WORST_FIRST
from tcctui.flows.groups.groups import Groups
from tcctui.ui.style import units
from tcctui.ui.table.cells import MISSING

Said = tuple[str, tuple[str, ...]]
"""A label, and what is said: texts, the most important first."""


def group_summary(groups: Groups, group: int) -> list[Said]:
    """Sums, medians and limits of one group, the most important first."""

    def text(values: Floats, form: Callable[[float], str]) -> str:
        value = float(values[group])
        return MISSING if math.isnan(value) else form(value)

    limits = [
        f"{LIMIT_NAMES[limit] if limit else 'unknown'} {units.count(number)}"
        for limit, number in zip(WORST_FIRST, groups.limits[group].tolist(), strict=True)
        if number
    ]
    said: list[Said] = [
        ("flows", (units.count(int(groups.count[group])), f"by {groups.by.title}")),
        ("rate", (f"{text(groups.rate, units.rate)} in all",)),
        (
            "srtt",
            (
                f"{text(groups.p50, units.milliseconds)} median",
                f"{text(groups.p95, units.milliseconds)} p95",
            ),
        ),
        ("retrans", (f"{text(groups.retrans_percent, units.percent)} of what all sent",)),
        ("limits", tuple(limits)),
    ]
    if groups.health is not None and groups.health[group] != UNKNOWN:
        said.append(("health", (f"{NAMES[int(groups.health[group])]} at worst",)))
    return said
