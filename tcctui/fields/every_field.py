"""Every field there is, in the groups and the order in which a person finds its column."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tcctui.fields.algorithms import BBR, DCTCP
from tcctui.fields.connection import CONNECTION, OWNER
from tcctui.fields.field import Field
from tcctui.fields.fleet import FLEET
from tcctui.fields.health import HEALTH
from tcctui.fields.inside import INSIDE
from tcctui.fields.loss import LIMITS, LOSS
from tcctui.fields.mptcp import MPTCP
from tcctui.fields.observation import OBSERVATION, RECORDS
from tcctui.fields.of_late import OF_LATE
from tcctui.fields.receiving import MEMORY, RECEIVER
from tcctui.fields.sending import RATES, SEGMENTS, WINDOW
from tcctui.fields.timing import ROUND_TRIPS, TIMERS

GROUPS: tuple[tuple[str, tuple[Field, ...]], ...] = (
    ("Connection", CONNECTION),
    ("Owner", OWNER),
    ("Window", WINDOW),
    ("Round trip", ROUND_TRIPS),
    ("Rate", RATES),
    ("Loss", LOSS),
    ("Of late", OF_LATE),
    ("Health", HEALTH),
    ("Limits", LIMITS),
    ("Segments and options", SEGMENTS),
    ("Receiver", RECEIVER),
    ("Timers", TIMERS),
    ("Memory of the socket", MEMORY),
    ("BBR", BBR),
    ("DCTCP", DCTCP),
    ("MPTCP", MPTCP),
    ("Inside the socket", INSIDE),
    ("What tcctui was told", OBSERVATION),
    ("Fleet", FLEET),
    ("", RECORDS),
)
"""Groups: a title, and fields. Whatever else is derived from fields reads them here."""

USUAL = (
    *("local", "remote", "process", "pid", "netns", "cc", "state", "cwnd", "ssthresh", "srtt"),
    *("min_rtt", "in_flight", "rate", "delivery_rate", "retrans", "retrans_pct", "limit"),
    *("health", "rcv_wnd", "snd_wnd", "age", "cgroup", "cwnd_spark", "srtt_spark"),
)
"""Columns that are shown unless others are chosen, by their keys, from left to right."""


def every() -> tuple[Field, ...]:
    """All fields, each once."""
    return tuple(field for _, fields in GROUPS for field in fields)


BY_NAME: Mapping[str, Field] = MappingProxyType({field.name: field for field in every()})
"""Fields by the names of flow columns."""

BY_RECORDED: Mapping[str, Field] = MappingProxyType({field.recorded: field for field in every()})
"""Fields by the names of members of events and samples."""
