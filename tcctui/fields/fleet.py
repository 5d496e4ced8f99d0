"""Values that only a fleet's rows have: on one machine they are unknown."""

from __future__ import annotations

from tcctui.fields.field import Column, Field, Format, Unit, Where

_AGENT = "tcctui agent"


def _number(name: str, unit: Unit, meaning: str, column: Column, query: str = "") -> Field:
    return Field(name, "f8", unit, meaning, _AGENT, column, query=query, where=Where.DERIVED)


FLEET = (
    Field(
        "host", "S64", Unit.NAME, "host that has the connection; empty on one machine",
        f"{_AGENT}: name of the host", Column("HOST", width=12, most=40), query="host",
        where=Where.DERIVED, noun="a host", sample="web1",
    ),
    Field(
        "group", "S64", Unit.NAME, "remote net, service, process or host of a row of a fleet",
        _AGENT, Column("GROUP", width=20, most=48), where=Where.DERIVED,
    ),
    _number(
        "flows", Unit.COUNT, "connections of the group at once, on average", Column("FLOWS"),
        "flows",
    ),
    _number(
        "flows_error", Unit.PERCENT,
        "half of the 95 % interval of FLOWS, in percent: of samples; 0 where all are counted",
        Column("FLOWS±"),
    ),
    _number(
        "worse", Unit.PERCENT,
        "change since the same hour yesterday, in percent: of the median srtt, or of the "
        "retransmitted share plus 0.1 %, the larger growth; of neither growing by 10 %, the "
        "larger fall; from 20 connections on",
        Column("Δ", key="worse", width=8, format=Format.CHANGE), "worse",
    ),
    _number(
        "srtt_p95", Unit.MICROSECONDS, "srtt that 95 % of the connections do not exceed",
        Column("P95"),
    ),
    _number(
        "weight", Unit.COUNT, "connections that a sampled one stands for", Column("WEIGHT"),
        "weight",
    ),
)  # fmt: skip
"""Host, group and sample of a row."""
