"""Rows of each table for a window, as columns by name: numpy arrays, lists of texts, or maps.

NaN in a column that may be unknown is NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from tcctui.arrays import I64, Array, Floats, Records, among
from tcctui.fields.connection import ENDS
from tcctui.fleet.agent.groups import TEXTS, Groups, grouped, services
from tcctui.fleet.agent.growth import Lately, acked
from tcctui.fleet.agent.maps import Maps, by_word, histograms
from tcctui.fleet.agent.strata import Chosen, chosen, fractions, lowest, salt
from tcctui.fleet.tables.every_table import END, FLOW
from tcctui.fleet.tables.table import Stored, Table, Taken
from tcctui.flows.columns import missing
from tcctui.flows.history.buckets import BUCKET_NS, SERIES, run_starts
from tcctui.flows.history.window import LIMITS
from tcctui.flows.value_names import VALUE_NAMES
from tcctui.wire.addresses import are_link_local
from tcctui.wire.tracepoints import MARKS, MarkKind

Column: TypeAlias = "Array | Sequence[object] | Maps"
Columns: TypeAlias = "dict[str, Column]"

Detail: TypeAlias = "Callable[[I64], Mapping[str, Array]]"
"""Gives `DETAIL` of some of a window's connections, by their places."""

DETAIL = frozenset(
    {
        column.field.name
        for table in (FLOW, END)
        for column in table.columns
        if column.field is not None and column.taken is not Taken.GROWTH
    }
).union(ENDS, ["acked_sampled"])
"""Columns of flows that rows of single connections need."""

_TOLD_MARKS = {mark.kind: mark.word.lower() for mark in MARKS}
_MARKED = np.array([MarkKind.RTO, MarkKind.RESET], "u1")
_UNKNOWN_WORD = "–"
_ZONE = np.uint64(0xFFFF_FFFF)


class Window(NamedTuple):
    """One window of one host: its beginning in seconds since 1970, and whose it is.

    Added to the events' clock, `wall_offset_ns` gives nanoseconds since 1970.
    """

    time_s: int
    host: str
    boot_id: str
    wall_offset_ns: int


class Alerted(NamedTuple):
    """An alert: milliseconds since 1970, its query, a connection, or 0 of a group without one."""

    ms: int
    query: str
    cookie: int


def of_groups(window: Window, lately: Lately, most: int) -> Columns:
    """Rows of `group_10s`: `most` groups, and one of all others."""
    groups = grouped(lately, most)
    flows, keys = lately.flows, groups.keys
    living = lately.living
    columns: Columns = {
        "time": np.full(len(groups), window.time_s),
        "host": [window.host] * len(groups),
        "prefix": addresses(keys["prefix_hi"], keys["prefix_lo"]),
        "service_port": keys["service_port"],
        "incoming": keys["incoming"],
        **{name: keys[name] for name in TEXTS},
        "other": groups.other,
        "flows": groups.sums(living),
        "opened": groups.sums(lately.opened),
        "closed": groups.sums(lately.ended),
        "reset": groups.sums(lately.resets),
        "timeouts": groups.sums(lately.timeouts),
        "limit_ms": by_word(_matrix_sums(groups, lately.limit_ms), LIMITS),
    }
    for name, grew in lately.growth.items():
        columns[f"{name}_growth"] = groups.sums(grew)
    for name, of in (("srtt_histogram", "srtt_us"), ("min_rtt_histogram", "min_rtt")):
        columns[name] = histograms(groups.number[living], flows[of][living], len(groups))
    return columns


def of_flows(window: Window, lately: Lately, rows: int, detail: Detail) -> Columns:
    """Rows of `flow_10s`: `rows` connections, or all of fewer."""
    there = lately.there
    grew = lately.growth
    queueing = lately.flows["srtt_us"] - lately.flows["min_rtt"]
    measures = (
        np.nan_to_num(grew["bytes_acked"]) + np.nan_to_num(grew["bytes_received"]),
        grew["total_retrans"],
        lately.timeouts,
        np.where(grew["bytes_acked"] > 0, queueing, 0),
    )
    picked = chosen(
        lately.flows["cookie"], measures, there, rows, salt(window.boot_id, window.time_s)
    )
    return _of_single(FLOW, window, lately, picked, detail) | {
        "time": np.full(len(picked.places), window.time_s),
        "limit_ms": by_word(lately.limit_ms[picked.places], LIMITS),
    }


def of_ends(window: Window, lately: Lately, most: int, detail: Detail) -> Columns:
    """Rows of `flow_end`: all connections that ended, or `most` of them by chance."""
    ended = np.flatnonzero(lately.ended)
    hashes = fractions(lately.flows["cookie"][ended], salt(window.boot_id, window.time_s))
    places, weights = lowest(hashes, most)
    picked = Chosen(ended[places], weights)
    closed_ns = lately.flows["closed_ns"][picked.places]
    closed_ns = np.where(closed_ns > 0, closed_ns, lately.now_ns)
    return _of_single(END, window, lately, picked, detail) | {
        "time": (closed_ns + window.wall_offset_ns) // 1_000_000,
        "reset": lately.reset[picked.places],
        "limit_ms": by_word(lately.life_ms[picked.places], LIMITS),
    }


def of_marks(
    window: Window, marks: Records, alerts: Sequence[Alerted], most: int
) -> tuple[Columns, int]:
    """Rows of `mark`: alerts, timeouts and resets (`window.HAPPENED`), one of a kind in 100 ms.

    Gives the number of occurrences that are left out, too: of those behind the first `most` rows.
    """
    marks = marks[among(marks["kind"], _MARKED)]
    stamps = marks["ns"] // BUCKET_NS
    order = np.lexsort((marks["kind"], stamps, marks["cookie"]))
    marks, stamps = marks[order], stamps[order]
    starts = run_starts(marks["cookie"], stamps, marks["kind"])
    counts = np.add.reduceat(marks["count"], starts) if len(starts) else np.empty(0, "u4")
    first = marks[starts]
    in_time = np.argsort(first["ns"], kind="stable")
    room = max(most - len(alerts), 0)
    left_out = len(in_time[room:]) + len(alerts[most:])
    first, counts, alerts = first[in_time[:room]], counts[in_time[:room]], alerts[:most]
    rows = len(first) + len(alerts)
    return {
        "time": np.append(
            (first["ns"] + window.wall_offset_ns) // 1_000_000,
            np.array([alert.ms for alert in alerts], "i8"),
        ),
        "host": [window.host] * rows,
        "boot_id": [window.boot_id] * rows,
        "cookie": np.append(first["cookie"], np.array([alert.cookie for alert in alerts], "u8")),
        "kind": [*(_TOLD_MARKS[kind] for kind in first["kind"].tolist()), *["alert"] * len(alerts)],
        "count": np.append(counts, np.ones(len(alerts), "u4")),
        "text": [*[""] * len(first), *(alert.query for alert in alerts)],
    }, left_out


def addresses(high: Array, low: Array) -> list[bytes]:
    """Addresses of 16 bytes, without the interface of a link-local one."""
    high = np.where(are_link_local(high), high & ~_ZONE, high)
    whole = np.stack([high, low], axis=1).astype(">u8").tobytes()
    return [whole[at : at + 16] for at in range(0, len(whole), 16)]


def count(columns: Columns) -> int:
    """Number of rows."""
    first = next(iter(columns.values()))
    return len(first.offsets) - 1 if isinstance(first, Maps) else len(first)


def _matrix_sums(groups: Groups, values: Floats) -> Floats:
    sums = [groups.sums(column) for column in values.T]
    return np.stack(sums, axis=1) if len(groups) else np.empty((0, values.shape[1]))


def _of_single(
    table: Table, window: Window, lately: Lately, picked: Chosen, detail: Detail
) -> Columns:
    """Columns of single connections that are the same in each table."""
    places = picked.places
    found = detail(places)
    columns: Columns = {
        "host": [window.host] * len(places),
        "boot_id": [window.boot_id] * len(places),
        "saddr": addresses(found["saddr_hi"], found["saddr_lo"]),
        "daddr": addresses(found["daddr_hi"], found["daddr_lo"]),
        **{name: column[places] for name, column in services(lately).items()},
        "weight": picked.weights,
    }
    for column in table.columns:
        if column.field is not None:
            columns[column.name] = _of_field(column, found, lately, places)
    return columns


def _of_field(
    column: Stored, found: Mapping[str, Array], lately: Lately, places: I64
) -> Array | list[str]:
    assert column.field is not None
    name = column.field.name
    if column.taken is Taken.GROWTH:
        return lately.growth[name][places]
    values = acked(found) if name == "bytes_acked" else found[name]
    if column.type.startswith("LowCardinality") and values.dtype.kind != "S":
        return words(name, values)
    if not column.nullable:
        return values
    unknown = missing(name, values)
    if column.taken is not Taken.LAST:
        return _extreme(column, lately, places, np.where(unknown, np.nan, values))
    return np.where(unknown, np.nan, values) if unknown.any() else values


def _extreme(column: Stored, lately: Lately, places: I64, last: Floats) -> Floats:
    """Lowest or highest value of the window's ACKs and the last one."""
    assert column.field is not None
    series = SERIES.index(column.field.name)
    low, high = lately.low[places, series], lately.high[places, series]
    seen = low <= high
    extreme, pick = (low, np.fmin) if column.taken is Taken.LEAST else (high, np.fmax)
    return np.asarray(pick(np.where(seen, extreme, np.nan), last))


def words(name: str, numbers: Array) -> list[str]:
    """Words of a column of codes, in lower case; empty where nothing is known."""
    names = VALUE_NAMES[name]
    told = {number: "" if word == _UNKNOWN_WORD else word.lower() for number, word in names.items()}
    return [told.get(number, "") for number in numbers.astype("i8").tolist()]
