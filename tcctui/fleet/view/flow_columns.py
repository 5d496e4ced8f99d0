"""Columns of `flow_10s` as conditions name them, and as the rows of a table have them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from tcctui.fields.field import Field, Unit
from tcctui.fleet.tables.every_table import FLOW
from tcctui.fleet.tables.table import NUMBERS, Stored, Taken
from tcctui.flows.columns import FIELDS, INSIDE, SAMPLED
from tcctui.flows.value_names import VALUE_NAMES
from tcctui.query.sql import SqlColumn, endpoint

FLOW_ID = "bitAnd(cityHash64(host, boot_id, cookie), 9223372036854775807)"
"""Number of a connection among all of the fleet: those of groups begin at 2^63."""

LAST: Mapping[str, Stored] = {
    stored.field.name: stored
    for stored in FLOW.columns
    if stored.field is not None and stored.taken is Taken.LAST
}
"""Stored columns by the names of flow columns."""


def is_word(field: Field) -> bool:
    """True for a code that is stored as its word."""
    return field.unit is Unit.CODE and field.name not in NUMBERS


@cache
def words(name: str, unknown: int | None) -> Mapping[int, str]:
    """Stored words of a column's codes; empty for an unknown one."""
    return {
        code: "" if code == unknown or word == "–" else word.lower()
        for code, word in VALUE_NAMES[name].items()
    }


def dtype(field: Field) -> str:
    """Type of a flow column in numpy."""
    if field.name in SAMPLED | INSIDE:
        return "f8" if field.unit is not Unit.NAME else field.dtype
    return FIELDS[field.name].str if field.name in FIELDS else np.dtype(field.dtype).str


def _sql(stored: Stored) -> SqlColumn:
    assert stored.field is not None
    field = stored.field
    named = words(field.name, field.unknown) if is_word(field) else None
    return SqlColumn(f"`{stored.name}`", dtype(field), named)


def _derived() -> dict[str, SqlColumn]:
    again, sent, cwnd, ssthresh, srtt, least = (
        f"`{LAST[name].name}`"
        for name in (
            *("total_retrans", "data_segs_out", "snd_cwnd", "ssthresh", "srtt_us", "min_rtt"),
        )
    )
    percent = f"least(100 * toFloat64({again}) / toFloat64({sent}), 100.)"
    late = f"toFloat64({srtt}) - toFloat64({least})"
    return {
        "retrans_percent": SqlColumn(f"if({sent} > 0, {percent}, NULL)", "f8"),
        "queueing_us": SqlColumn(f"if(isNull({late}) OR {late} > 0, {late}, 0.)", "f8"),
        "slow_start": SqlColumn(f"ifNull({cwnd} < {ssthresh} AND {cwnd} > 0, 0)", "?"),
    }


@cache
def conditions() -> Mapping[str, SqlColumn]:
    """Columns that a condition on connections may name."""
    ends = (endpoint(f"{end}addr", f"{end}port") for end in "sd")
    return {
        **{name: _sql(stored) for name, stored in LAST.items()},
        **_derived(),
        **{f"{end}addr": SqlColumn(f"{end}addr", "S16") for end in "sd"},
        "cookie": SqlColumn("flow", "u8"),
        "host": SqlColumn("host", "S64"),
        "weight": SqlColumn("weight", "f8"),
        "text": SqlColumn(f"concat({next(ends)}, ' ', {next(ends)}, ' ', state)", "S"),
    }
