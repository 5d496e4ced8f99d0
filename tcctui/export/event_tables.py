"""Tables of events, of samples and of what was read of sockets: a row for each of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import Records
from tcctui.export.arrow_tables import (
    Column,
    Table,
    addresses,
    named,
    table,
    texts,
    times,
    whole,
    without,
)
from tcctui.fields.every_field import BY_RECORDED
from tcctui.recording.field_metadata import EXTREME_OF, INSIDE_FIELDS
from tcctui.wire.events import NO_SSTHRESH, EventKind, Events, TcpState
from tcctui.wire.records import pick
from tcctui.wire.samples import SAMPLE, TEXT_FIELDS, End, Samples, value
from tcctui.wire.tcp_states import CA_STATE_NAMES, STATE_NAMES
from tcctui.wire.tracepoints import TRACEPOINTS

KINDS: Mapping[int, str] = {row.kind: row.label for row in TRACEPOINTS}
EXTREME_FIELDS: Mapping[str, str] = {
    f"{name}_{extreme}": name for name in EXTREME_OF for extreme in ("min", "max")
}
"""Fields of `EVENT` that are extremes, and what they are extremes of."""

_PROBED: Mapping[str, str] = {
    **{
        BY_RECORDED[name].export: name
        for name in (
            *("snd_cwnd", "ssthresh", "srtt", "snd_wnd", "rcv_wnd", "snd_nxt", "snd_una"),
            *("data_len", "mark", "acks"),
        )
    },
    **{
        f"{BY_RECORDED[name].export}_{extreme}": f"{name}_{extreme}"
        for name in EXTREME_OF
        for extreme in ("min", "max")
    },
}
"""Columns that only tcp_probe's events have, and the fields of `EVENT` they are."""

_UNKNOWN: Mapping[str, int] = {
    field: unknown
    for field in _PROBED.values()
    if field != "acks"  # 0 there is an event that stands for itself
    and (unknown := BY_RECORDED[EXTREME_FIELDS.get(field, field)].unknown) is not None
}
"""Numbers that stand for an unknown value in these: an imported capture has no cwnd."""


def by_time(records: Records) -> Records:
    """Sort events or samples by time; those of one moment stay in their order."""
    return pick(records, np.argsort(records["ts_ns"], kind="stable"))


def events_table(events: Events, wall_offset_ns: int) -> Table:
    """Make a row of each event: what its kind does not have is missing.

    `ssthresh` is missing where it was never set, `sock_cookie` where nobody knows whose it is.
    """
    events = by_time(events)
    kinds = events["kind"]
    other = kinds != EventKind.PROBE
    columns: dict[str, Column] = {
        **_head(events, wall_offset_ns),
        "kind": named(kinds, KINDS),
        **_ends(events),
    }
    for name, field in _PROBED.items():
        unknown = _UNKNOWN.get(field)
        missing = other if unknown is None else other | (events[field] == unknown)
        columns[name] = whole(events[field], missing)
    unset = (events["ssthresh"] == 0) | (events["ssthresh"] >= NO_SSTHRESH)
    columns["ssthresh"] = whole(events["ssthresh"], other | unset)
    columns["in_flight"] = whole(events["snd_nxt"] - events["snd_una"], other)
    old = named(events["oldstate"], STATE_NAMES)
    columns["oldstate"] = without(old, ~np.isin(kinds, _kinds_with("oldstate")))
    columns["newstate"] = _new_states(events)
    return table(columns)


def _new_states(events: Events) -> Column:
    """Name what a STATE or a CA_STATE enters, and the TCP state that a RETRANSMIT is from."""
    kinds, states = events["kind"], events["newstate"].astype("i8")
    names = {state + 256: name for state, name in CA_STATE_NAMES.items()} | dict(STATE_NAMES)
    of_path = kinds == EventKind.CA_STATE
    told = np.isin(kinds, _kinds_with("newstate"))
    return without(named(np.where(of_path, states + 256, states), names), ~told)


def _kinds_with(state: str) -> list[int]:
    return [row.kind for row in TRACEPOINTS if state in row.states]


def _head(records: Records, wall_offset_ns: int) -> dict[str, Column]:
    when = records["ts_ns"].astype("i8")
    cookies = records["sock_cookie"]
    return {
        "time": times(when + wall_offset_ns),
        "ts_ns": whole(when),
        "sock_cookie": whole(cookies, cookies == 0),
    }


def _ends(records: Records) -> dict[str, Column]:
    return {
        "saddr": addresses(records["saddr"]),
        "sport": whole(records["sport"]),
        "daddr": addresses(records["daddr"]),
        "dport": whole(records["dport"]),
    }


_LEFT_OUT = frozenset(
    {
        *("ts_ns", "sock_cookie", "saddr", "daddr", "sport", "dport", "tcp_info", "info_len"),
        *("has_skmem", "cc_info", "end", "state", "ca_state", "family", "ifindex", "inode"),
        *("mptcp_info_len", "also_known"),
    }
)
_ENDS_OF_LIFE: Mapping[int, str] = {End.LIVES: "lives", End.DESTROYED: "destroyed"}


def samples_table(samples: Samples, wall_offset_ns: int) -> Table:
    """Make a row of each sample, times with their unit in the name; see `value`.

    Samples that only say that a socket is gone are left out.
    """
    samples = by_time(samples[samples["end"] != End.GONE])
    states = value(samples, "ca_state")
    words = named(np.nan_to_num(states).astype("i8"), CA_STATE_NAMES)
    columns: dict[str, Column] = {
        **_head(samples, wall_offset_ns),
        "end": named(samples["end"], _ENDS_OF_LIFE),
        **_ends(samples),
        "state": named(samples["state"], {int(state): STATE_NAMES[state] for state in TcpState}),
        "ca_state": without(words, np.isnan(states)),
    }
    for name in SAMPLE.names or ():
        if name not in _LEFT_OUT:
            columns[BY_RECORDED[name].export] = sampled(samples, name)
    # Of a destroyed socket the kernel does not report the user.
    columns["uid"] = without(columns["uid"], samples["end"] == End.DESTROYED)
    return table(columns)


_OF_SOCKETS = ("packets_out", "sacked_out", "lost_out", "retrans_out")


def sockets_table(sockets: Records, wall_offset_ns: int) -> Table:
    """Make a row of each reading of a socket, with its members and the kernel's own in flight.

    Times are in microseconds, and undo_retrans is missing where nothing was retransmitted.
    """
    sockets = by_time(sockets)
    out, sacked, lost, again = (sockets[name].astype("i8") for name in _OF_SOCKETS)
    columns: dict[str, Column] = {
        **_head(sockets, wall_offset_ns),
        "ca_state": named(sockets["ca_state"], CA_STATE_NAMES),
        "in_flight_packets": whole(out - (sacked + lost) + again),
    }
    for name in INSIDE_FIELDS:
        if name not in columns:
            column = f"{name}_us" if name == "icsk_rto" else name
            columns[column] = whole(sockets[name])
    none = sockets["undo_retrans"].view("i4") < 0 if len(sockets) else np.zeros(0, bool)
    columns["undo_retrans"] = whole(sockets["undo_retrans"], none)
    return table(columns)


def sampled(samples: Samples, name: str) -> Column:
    """Take one field of samples; what a kernel or an algorithm lacks is missing."""
    found = value(samples, name)
    if name in TEXT_FIELDS:
        return texts(found)
    if name == "snd_ssthresh":
        return whole(found, found >= NO_SSTHRESH)
    return whole(found)
