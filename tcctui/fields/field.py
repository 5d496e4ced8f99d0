"""One value of a connection: names, type, unit, meaning, source, and its column of the table.

Nothing of tcctui is imported here, nor numpy: whoever shows, reads or stores values maps units and
formats to its own functions.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Unit(Enum):
    """Unit of a number, or kind of a value that is none; its value is the text for recordings.

    Quantities of the query language, formats of cells, units of exports and types of ClickHouse
    follow from it.
    """

    SEGMENTS = "segments"
    THRESHOLD = "segments; 2147483647: never set"
    TOTAL = "segments in total"
    COUNT = ""
    BYTES = "bytes"
    BYTES_PER_SECOND = "bytes per second"
    MICROSECONDS = "microseconds"
    MILLISECONDS = "milliseconds"
    NANOSECONDS = "nanoseconds"
    MOMENT = "nanoseconds, CLOCK_MONOTONIC"
    PER_SECOND = "per second"
    PERCENT = "percent"
    SHARE = "share of 1"
    GAIN = "256 is 1.0"
    ALPHA = "1024 is 1.0"
    SEQUENCE = "sequence number modulo 2^32"
    PORT = "port"
    ADDRESS = "IP address, 16 bytes; IPv4 as ::ffff:a.b.c.d; bytes 4 to 7 of fe80::/10: interface"
    ENDPOINT = "IP address and port"
    IP_VERSION = "IP version"
    IDENTIFIER = "identifier"
    BITS = "bits"
    FLAG = "0: no, 1: yes"
    CODE = "code"
    """A number that stands for a word."""
    NAME = "text"


class Format(Enum):
    """Form of a column's cells; the table of the screen has a function for each."""

    SEGMENTS = "41, or ∞"
    SHORT = "41.2k"
    WHOLE = "41234"
    IDENTIFIER = "4026531840"
    SIZE = "64.0 Ki"
    RATE = "92.1 Mb/s"
    MILLISECONDS = "38.1 ms"
    CLOCK = "950 ms, 3m05s"
    AGO = "40 ms, 3m05s"
    AGE = "3m05s, >3m05s"
    SINCE = "time since a moment"
    PER_SECOND = "0.3, 41, 1.2k"
    PERCENT = "1.2 %"
    CHANGE = "+12 %, −3.0 %"
    SHARES = "a column for each of several shares, in percent"
    GAIN = "1.25"
    ALPHA = "0.125"
    HEXADECIMAL = "0x1f"
    DEVICE = "2, or any"
    OPTIONS = "ts sack"
    SCALES = "7,10"
    APP_LIMITED = "yes, by its lowest bit"
    FLAG = "yes"
    WORD = "the word that a number stands for"
    SIGNS = "words of a number, the worst first"
    PHASE = "slow-start, or BBR's phase"
    TEXT = "text"
    ENDPOINT = "10.0.0.7:443"
    LOWEST = "sparkline of the lowest values"
    HIGHEST = "sparkline of the highest values"


class Where(Enum):
    """Place where a value is found."""

    FLOW = "kept of each flow"
    SAMPLE = "told by samples alone: of a flow, that of its newest sample"
    INSIDE = "read of the socket itself at its ACKs, where that is asked for"
    DERIVED = "worked out of other values of the flow"
    PARTS = "several values of the flow side by side, or one in another form"
    RECORD = "of events and samples, and not of flows"


class Part(Enum):
    """Part of a sample, beside `struct tcp_info`, that is there as a whole or not at all."""

    BBR = "struct tcp_bbr_info"
    DCTCP = "struct tcp_dctcp_info"
    MEMORY = "SK_MEMINFO"
    MPTCP = "struct mptcp_info"


class Window(NamedTuple):
    """Growth of a counter over its newest seconds: a second, or percents of another's growth.

    `counter` and `of` are fields that samples have; `of` is empty for growth per second.
    """

    counter: str
    seconds: int
    of: str = ""


QUERY_NAME = r"(?:[Cc][Aa]\.[A-Za-z_][\w.\[\]]*|[A-Za-z_]+(?:%(?:[0-9]+s)?|_[0-9]+s)?)"
"""Pattern of names in the query language: `srtt`, `retrans%`, `retrans%10s`, `retrans_rate_1s`,
and of members of an algorithm's own state: `ca.bic_K`."""

UNUSUAL = 1000
"""Rank of a column that is shown only where it was chosen."""


class Column(NamedTuple):
    """A column of the table on the screen.

    `key` is its name in settings, the field's own where empty; `format` is the unit's where None.
    `width` is the minimum that usual cells need, where that is not the format's; `most` what it can
    use where there is room. `rank` says which of the usual columns stay on a narrow screen: the
    lowest ranks. There, `tight` is the width with which a column, and those before it, make room
    for it; 0 if it does not. `style` is the component class of its cells.
    """

    title: str
    key: str = ""
    format: Format | None = None
    width: int = 0
    most: int = 0
    rank: int = UNUSUAL
    style: str = ""
    tight: int = 0


class Field(NamedTuple):
    """One value of a connection.

    `name` is that of the flow's column, and of the member of events and samples where `record` has
    no other; `dtype` is numpy's. `meaning` is the one sentence that is said of it anywhere,
    `source` the kernel's place for it. `query` are its names in the query language, the usual one
    first. `unknown` is the number that stands for no value. Of samples, `part` says what the value
    comes and goes with, `offset` its place in `struct tcp_info`, or in that part, `happened` the
    count of what must have happened for it to mean something. `parts` are the flow columns it is
    made of, where it has none of its own; `window` of a counter's recent growth. `noun` and
    `sample` are for messages: "an algorithm", "bbr".
    """

    name: str
    dtype: str
    unit: Unit
    meaning: str
    source: str
    column: Column | None = None
    query: str = ""
    where: Where = Where.SAMPLE
    unknown: int | None = None
    part: Part | None = None
    offset: int | None = None
    happened: str = ""
    parts: tuple[str, ...] = ()
    window: Window | None = None
    record: str = ""
    noun: str = "a name"
    sample: str = ""
    clickhouse_type: str = ""

    @property
    def key(self) -> str:
        """Name of its column in settings; empty where it has no column."""
        return "" if self.column is None else self.column.key or self.name

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the query language."""
        return tuple(self.query.split())

    @property
    def recorded(self) -> str:
        """Name in events and samples."""
        return self.record or self.name

    @property
    def export(self) -> str:
        """Name in exported tables: a time has its unit in it."""
        ending = _ENDINGS.get(self.unit, "")
        return self.name if self.name.endswith(ending) else f"{self.name}{ending}"

    @property
    def clickhouse(self) -> str:
        """Type of ClickHouse that holds it; empty for what is made of others."""
        if self.where is Where.PARTS:
            return ""
        by_unit = self.clickhouse_type or _CLICKHOUSE_BY_UNIT.get(self.unit, "")
        return by_unit or _CLICKHOUSE[self.dtype]


_ENDINGS = {Unit.MICROSECONDS: "_us", Unit.MILLISECONDS: "_ms"}

_CLICKHOUSE_BY_UNIT = {Unit.ADDRESS: "IPv6", Unit.NAME: "LowCardinality(String)"}
_CLICKHOUSE = {
    **{"u1": "UInt8", "u2": "UInt16", "u4": "UInt32", "u8": "UInt64"},
    **{"i8": "Int64", "f8": "Float64", "?": "Bool"},
}


def moment(name: str, column: Column, of: str, source: str, unknown: int | None = 0) -> Field:
    """Describe the moment `of` something that happened to a flow; its column is the time since."""
    meaning = f"time since {of}; sorted by the moment, the latest first"
    return Field(
        *(name, "i8", Unit.MOMENT, meaning, source, column), where=Where.FLOW, unknown=unknown
    )


def tcp_info(
    name: str,
    place: str,
    unit: Unit,
    meaning: str,
    column: Column | None = None,
    *,
    query: str | None = None,
    source: str = "",
    unknown: int | None = None,
    happened: str = "",
) -> Field:
    """Describe a member of `struct tcp_info` (include/uapi/linux/tcp.h; net/ipv4/tcp.c fills it).

    `place` is type and offset, such as `u4@72`. It can be asked for by `query`, or its own name.
    """
    dtype, _, offset = place.partition("@")
    return Field(
        *(name, dtype, unit, meaning, source or f"TCP_INFO tcpi_{name}", column),
        query=name if query is None else query,
        unknown=unknown,
        offset=int(offset),
        happened=happened,
    )
