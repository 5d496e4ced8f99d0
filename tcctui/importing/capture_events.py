"""Events of captured connections, as tcp_probe and its neighbours would report them."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import U64, Array, Indexes, Mask, Records
from tcctui.importing.packet_headers import FIN, RST, SYN
from tcctui.importing.round_trips import RoundTrips
from tcctui.importing.senders import Senders
from tcctui.wire.addresses import V4_MAPPED
from tcctui.wire.events import AF_INET, AF_INET6, EVENT, RECOVERY, EventKind, Events, TcpState
from tcctui.wire.records import joined


def events_of(both: tuple[RoundTrips, RoundTrips]) -> Events:
    """Events of both ends of each connection; an end's cookie is its number, from 1 on.

    A tcp_probe event is of each segment that reaches an open end, with the values from before it,
    as the kernel has them; and one more at the end, with what the last ACK acknowledged.
    """
    parts = [np.empty(0, EVENT)]
    for side, trips in enumerate(both):
        parts += [_probes(trips, side), _last(trips, side), *_others(trips, side)]
    return joined(parts)


def cookies(ends: Senders, places: Indexes, side: int) -> U64:
    """Cookie of the end of a `side`, 0 or 1, of the connections of some segments."""
    return (ends.of.of[places] * 2 + side + 1).astype("u8")


def write_ends(records: Records, ends: Senders, places: Indexes) -> None:
    """Write addresses, ports and the family of segments' own ends into events or samples."""
    packets, own = ends.packets[places], ends.own[places]
    for ours, theirs, name in (
        ("src", "dst", "saddr"),
        ("dst", "src", "daddr"),
        ("sport", "dport", "sport"),
        ("dport", "sport", "dport"),
    ):
        mine = own[:, None] if packets[ours].ndim == 2 else own
        records[name] = np.where(mine, packets[ours], packets[theirs])
    v4 = (packets["src"][:, 0] == 0) & (packets["src"][:, 1] >> np.uint64(32) == V4_MAPPED >> 32)
    records["family"] = np.where(v4, AF_INET, AF_INET6)


def _blank(ends: Senders, places: Indexes, kind: EventKind, side: int) -> Events:
    """Events of one kind at segments, with time, cookie and ends."""
    events = np.zeros(len(places), EVENT)
    events["ts_ns"] = ends.packets["ts_ns"][places]
    events["kind"] = kind
    events["sock_cookie"] = cookies(ends, places, side)
    write_ends(events, ends, places)
    return events


def _values(events: Events, trips: RoundTrips, places: Indexes, *, before: bool) -> None:
    """Write the values of segments, from `before` each or with it."""
    ends = trips.sender

    def at(values: Array, initial: int = 0) -> Array:
        return (ends.sequences.before(values, initial) if before else values)[places]

    origin = ends.origin[places]
    for name, values in (("snd_nxt", ends.snd_nxt), ("snd_una", ends.snd_una)):
        events[name] = (at(values) + origin) & 0xFFFFFFFF
    unknown = 0xFFFFFFFF
    events["snd_wnd"] = np.minimum(at(ends.window(~ends.own), unknown), unknown)
    events["rcv_wnd"] = np.minimum(at(ends.window(ends.own), unknown), unknown)
    events["srtt"] = np.minimum(at(trips.srtt_us), unknown)


def _alone(events: Events) -> None:
    """Let events stand for themselves: extremes are their own values."""
    events["srtt_min"] = events["srtt_max"] = events["srtt"]
    events["in_flight_min"] = events["in_flight_max"] = events["snd_nxt"] - events["snd_una"]


def reaching(ends: Senders) -> Mask:
    """Segments that reach the open end, as tcp_rcv_established sees them."""
    return np.asarray(ends.acks & (ends.flags & SYN == 0) & ends.opened)


def _probes(trips: RoundTrips, side: int) -> Events:
    ends = trips.sender
    places = np.flatnonzero(reaching(ends))
    events = _blank(ends, places, EventKind.PROBE, side)
    _values(events, trips, places, before=True)
    # What the peer acknowledges of an end whose segments are not captured was sent by it.
    events["data_len"] = np.minimum(ends.packets["payload"][places], 0xFFFF)
    _alone(events)
    return events


def _last(trips: RoundTrips, side: int) -> Events:
    """One event at each end's last segment that reached it, with the values after it."""
    ends = trips.sender
    places = np.flatnonzero(reaching(ends))
    of = ends.of.of[places]
    last = np.ones(len(of), bool)
    last[:-1] = of[1:] != of[:-1]
    places = places[last]
    una = ends.snd_una
    places = places[una[places] > ends.sequences.before(una)[places]]
    events = _blank(ends, places, EventKind.PROBE, side)
    _values(events, trips, places, before=False)
    _alone(events)
    return events


def _others(trips: RoundTrips, side: int) -> list[Events]:
    """Retransmissions, resets, and changes of state."""
    ends = trips.sender
    flags, own = ends.flags, ends.own
    places = np.flatnonzero(ends.again)
    again = _blank(ends, places, EventKind.RETRANSMIT, side)
    _values(again, trips, places, before=True)
    again["newstate"] = TcpState.ESTABLISHED
    recovery = again.view(RECOVERY)
    recovery["seq"] = ends.packets["seq"][places]
    recovery["end_seq"] = ends.packets["seq"][places] + ends.length[places].astype("u4")
    parts = [again]
    resets = (flags & RST) > 0
    for kind, mine in ((EventKind.SEND_RESET, own), (EventKind.RECEIVE_RESET, ~own)):
        parts.append(_blank(ends, np.flatnonzero(resets & mine), kind, side))
    opened = ends.opened & (ends.sequences.before(ends.opened, False) == 0)
    opened &= np.repeat(_has_syn(ends), _lengths(ends))
    established = _states(ends, opened, side, TcpState.SYN_SENT, TcpState.ESTABLISHED)
    parts += [established, *_ended(ends, side)]
    return parts


def _lengths(ends: Senders) -> Array:
    return np.diff(np.append(ends.of.first, len(ends.own)))


def _has_syn(ends: Senders) -> Mask:
    """True for connections whose own SYN was captured."""
    if not len(ends.own):
        return np.zeros(0, bool)
    return np.logical_or.reduceat(ends.sends & (ends.flags & SYN > 0), ends.of.first)


def _states(ends: Senders, where: Mask, side: int, old: TcpState, new: TcpState) -> Events:
    events = _blank(ends, np.flatnonzero(where), EventKind.STATE, side)
    events["oldstate"], events["newstate"] = old, new
    return events


def _ended(ends: Senders, side: int) -> list[Events]:
    """The end of each connection that has one: both FINs acknowledged, or a reset."""
    if not len(ends.own):
        return []
    flags, first = ends.flags, ends.of.first
    fin = (flags & FIN) > 0
    reset = np.logical_or.reduceat((flags & RST) > 0, first)
    closed = np.logical_or.reduceat(fin & ends.own, first)
    closed &= np.logical_or.reduceat(fin & ~ends.own, first)
    over = np.append(first[1:], len(ends.own))[reset | closed] - 1
    states = _blank(ends, over, EventKind.STATE, side)
    states["oldstate"], states["newstate"] = TcpState.ESTABLISHED, TcpState.CLOSE
    ends_ = _blank(ends, over, EventKind.DESTROY, side)
    ends_["ts_ns"] += np.uint64(1)
    return [states, ends_]
