"""Samples of captured connections: of TCP_INFO, what their packets prove."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tcctui.arrays import I64, Array, Indexes, Mask
from tcctui.importing.capture_events import cookies, reaching, write_ends
from tcctui.importing.packet_headers import ACK, RST, SACK, SYN, TIMESTAMPS
from tcctui.importing.round_trips import RoundTrips
from tcctui.importing.segmented import NEVER, earliest
from tcctui.importing.senders import UNKNOWN_WINDOW
from tcctui.importing.vantage import near
from tcctui.wire.events import TcpState
from tcctui.wire.records import joined
from tcctui.wire.samples import BITS, NO_QUEUE, NOT_COUNTED, SAMPLE, Samples

_SECOND = 1_000_000_000

_KEPT_US = 300_000_000

_WHOLE = 1500
"""Bytes of data up to which a packet is one segment, where no SYN tells the size of segments."""

_STAMPS = 12
"""Bytes of the timestamps in each segment's header (TCPOLEN_TSTAMP_ALIGNED, net/tcp.h)."""

_UNKNOWN = 0xFFFFFFFF


def samples_of(both: tuple[RoundTrips, RoundTrips], first_ns: int) -> Samples:
    """Samples of both ends of each connection, with the cookies of their events.

    One is at the first segment that reaches an open end, and one at the last segment of each second
    since `first_ns` with any, just behind it. Totals are those of the capture.
    """
    parts = [np.empty(0, SAMPLE)]
    for side, own in enumerate(both):
        places = _places(own, first_ns)
        if len(places):
            parts.append(_samples(_End(own, both[1 - side]), places, side))
    return joined(parts)


def count_of(both: tuple[RoundTrips, RoundTrips], first_ns: int) -> int:
    """Number of samples that `samples_of` makes."""
    return sum(len(_places(own, first_ns)) for own in both)


def _places(own: RoundTrips, first_ns: int) -> Indexes:
    ends = own.sender
    if not len(ends.own):
        return np.empty(0, "i8")
    reached = ends.sequences.latest(reaching(ends))
    begun = (reached >= 0) & (ends.sequences.before(reached, -1) < 0)
    second = (ends.packets["ts_ns"] - first_ns) // _SECOND
    last = np.ones(len(second), bool)
    last[:-1] = (second[1:] != second[:-1]) | (ends.of.of[1:] != ends.of.of[:-1])
    return np.flatnonzero((reached >= 0) & (last | begun))


@dataclass(frozen=True, eq=False)
class _End:
    """One end of each connection: `own` are the round trips of what it sent, `peer` of the rest.

    Arrays have an entry for each segment, unless it is said that it is one for each connection.
    """

    own: RoundTrips
    peer: RoundTrips

    @cached_property
    def near(self) -> Mask:
        """True for each connection that was captured beside this end."""
        return near(self.own, self.peer)

    @cached_property
    def agreed(self) -> Mask:
        """True for each connection with the SYNs of both ends."""
        return self._has_syn(self.own.sender.own) & self._has_syn(~self.own.sender.own)

    def _of_syn(self, of: Mask, name: str) -> Array:
        """Value of the first SYN of one end of each connection; 0 without one."""
        ends = self.own.sender
        syns = np.flatnonzero(of & (ends.flags & (SYN | RST) == SYN))[::-1]
        found = np.zeros(len(ends.of.first), ends.packets[name].dtype)
        found[ends.of.of[syns]] = ends.packets[name][syns]
        return found

    def _has_syn(self, of: Mask) -> Mask:
        return self._of_syn(of, "flags") > 0

    @cached_property
    def passive(self) -> Mask:
        """True for each connection that the peer opened: this end's SYN acknowledges."""
        return np.asarray(self._of_syn(self.own.sender.own, "flags") & ACK > 0)

    @cached_property
    def options(self) -> Array:
        """Options that both ends of each connection agreed on, as tcpi_options."""
        mine = self.own.sender.own
        return self._of_syn(mine, "options") & self._of_syn(~mine, "options")

    @cached_property
    def advmss(self) -> I64:
        """Data of a segment that this end's SYN allows in each connection; 0 without one."""
        return np.maximum(self._mss(self.own.sender.own) - self._stamps, 0)

    def _mss(self, of: Mask) -> I64:
        return self._of_syn(of, "mss").astype("i8")

    @property
    def _stamps(self) -> Array:
        return np.where(self.options & TIMESTAMPS > 0, _STAMPS, 0)

    @cached_property
    def mss(self) -> I64:
        """Largest data of a segment of each connection: smaller MSS, less options; 0 if unknown.

        tcp_sync_mss (net/ipv4/tcp_output.c) begins so.
        """
        other = self._mss(~self.own.sender.own) - self._stamps
        return np.maximum(np.minimum(self.advmss, other), 0)

    @cached_property
    def wscale(self) -> Array:
        """Scales of both windows of each connection, as the byte of TCP_INFO; where `agreed`."""
        mine = self.own.sender.own
        ours, theirs = self._of_syn(mine, "scale"), self._of_syn(~mine, "scale")
        scaled = (ours >= 0) & (theirs >= 0)
        return np.where(scaled, theirs & 15 | (ours & 15) << 4, 0).astype("u1")

    def of_full_size(self, own: Mask) -> Mask:
        """True for connections with a segment of `own` of `mss` bytes, or of several of them."""
        ends = self.own.sender
        data = ends.packets["payload"].astype("i8")
        mss = self.mss[ends.of.of]
        full = own & (data > 0) & (mss > 0) & (data % np.maximum(mss, 1) == 0)
        return np.logical_or.reduceat(full, ends.of.first)

    def countable(self, own: Mask) -> Mask:
        """True for connections whose segments of `own` can be counted."""
        ends = self.own.sender
        data = np.where(own, ends.packets["payload"], 0)
        return (self.mss > 0) | (np.maximum.reduceat(data, ends.of.first) <= _WHOLE)

    @cached_property
    def segments(self) -> I64:
        """Number of the path's segments that each captured one is."""
        ends = self.own.sender
        data = ends.packets["payload"].astype("i8")
        unit = np.where(self.mss > 0, self.mss, _WHOLE)[ends.of.of]
        return np.maximum(-(-data // unit), 1)

    @cached_property
    def counted(self) -> Mask:
        """Segments that sockets count: a listener's SYN and SYN-ACK are not its connection's."""
        ends = self.own.sender
        return np.asarray(~(self.passive[ends.of.of] & (ends.flags & SYN > 0)))

    @cached_property
    def clocks(self) -> tuple[I64, I64]:
        """Nanoseconds until each segment with data in flight, and of these with a full window.

        The window is full where it has no room for a segment and the end sends more later. With
        nothing in flight that is a closed one, which counts, as in the kernel.
        """
        ends = self.own.sender
        when, of = ends.packets["ts_ns"], ends.of.of
        flying = ends.snd_nxt - ends.snd_una
        last = np.full(len(ends.of.first), -1, "i8")
        sent = np.flatnonzero(ends.leads & (ends.packets["payload"] > 0))
        last[of[sent]] = sent
        full = flying + np.maximum(self.mss, 1)[of] > ends.window(~ends.own)
        full &= (np.arange(len(of)) < last[of]) & ends.opened
        busy = ((flying > 0) & ends.opened) | full
        passed = np.zeros(len(of), "i8")
        passed[1:] = when[1:] - when[:-1]
        passed[ends.of.first] = 0
        before = ends.sequences.before
        return (
            ends.sequences.total(passed * before(busy, False)),
            ends.sequences.total(passed * before(full, False)),
        )


def _samples(end: _End, places: Indexes, side: int) -> Samples:
    ends = end.own.sender
    of = ends.of.of[places]
    made = np.zeros(len(places), SAMPLE)
    made["ts_ns"] = ends.packets["ts_ns"][places] + 1
    made["sock_cookie"] = cookies(ends, places, side)
    write_ends(made, ends, places)
    made["state"] = TcpState.ESTABLISHED
    made["half_open"] = NOT_COUNTED
    made["rqueue"] = made["wqueue"] = NO_QUEUE
    known = _Known(made)
    _agreed(known, end, of)
    _acknowledged(known, end, places)
    _counted(known, end, places)
    _timed(known, end, places)
    return made


class _Known:
    """Members of samples, written with what says where they are known."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def put(self, name: str, values: Array, where: Mask) -> None:
        """Write one member where it is known."""
        most = np.iinfo(SAMPLE[name]).max
        self._samples[name] = np.where(where, np.clip(values, 0, most), 0)
        self._samples["also_known"] |= np.where(where, np.uint64(BITS[name]), np.uint64(0))


def _agreed(known: _Known, end: _End, of: Indexes) -> None:
    """Write what the SYNs say."""
    mine = end.own.sender.own
    known.put("snd_mss", end.mss[of], end.of_full_size(mine)[of])
    known.put("advmss", end.advmss[of], (end.advmss > 0)[of])
    known.put("wscale", end.wscale[of], end.agreed[of])


def _acknowledged(known: _Known, end: _End, places: Indexes) -> None:
    """Write what ACKs say, wherever they were captured."""
    ends, peer = end.own.sender, end.peer.sender
    every = np.ones(len(places), bool)
    of = ends.of.of[places]
    # A client's total has its SYN, as tcp_ack counts it; a server's socket begins behind it.
    known.put("bytes_acked", ends.snd_una[places] - end.passive[of], every)
    syn = end._has_syn(~ends.own)[of]
    known.put("bytes_received", peer.snd_una[places] - syn, every)
    for name, whose in (("snd_wnd", ~ends.own), ("rcv_wnd", ends.own)):
        window = ends.window(whose)[places]
        known.put(name, np.minimum(window, _UNKNOWN), window != UNKNOWN_WINDOW)


def _counted(known: _Known, end: _End, places: Indexes) -> None:
    """Write what is counted of each segment: where it was captured beside the end."""
    ends, total = end.own.sender, end.own.sender.sequences.total
    of, here = ends.of.of[places], end.near[ends.of.of[places]]
    data = ends.packets["payload"].astype("i8")
    out, come = ends.own & end.counted, ~ends.own & end.counted
    first = ends.missing - np.where(ends.reordered, data, 0)
    unit = np.where(end.mss > 0, end.mss, _WHOLE)[ends.of.of]
    skipped = -(-ends.missing // unit) - np.where(ends.reordered, end.segments, 0)
    known.put("bytes_sent", total(np.where(ends.own, data + first, 0))[places], here)
    known.put("bytes_retrans", total(np.where(ends.again, data, 0))[places], here)
    counts = end.countable(ends.own)[of] & here
    again = total(np.where(ends.again, end.segments, 0))
    known.put("total_retrans", again[places], counts)
    for name, which in (("segs_out", out), ("data_segs_out", out & (data > 0))):
        sent = np.where(which, end.segments, 0) + np.where(ends.own, skipped, 0)
        known.put(name, total(sent)[places], counts)
    counts = end.countable(~ends.own)[of] & here
    for name, which in (("segs_in", come), ("data_segs_in", come & (data > 0))):
        known.put(name, total(np.where(which, end.segments, 0))[places], counts)


def _timed(known: _Known, end: _End, places: Indexes) -> None:
    """Write round trips, clocks, and what SACK tells: where captured beside the end."""
    ends, trips = end.own.sender, end.own
    of, here = ends.of.of[places], end.near[ends.of.of[places]]
    least = _least_ns(end, places)
    known.put("min_rtt", least // 1000, here & (least < NEVER))
    known.put("rtt", trips.srtt_us[places], here & (trips.srtt_us[places] > 0))
    busy, full = end.clocks
    told = here & end.agreed[of]
    known.put("busy_time", busy[places] // 1000, told)
    known.put("rwnd_limited", full[places] // 1000, told)
    sacks = here & (end.options[of] & SACK > 0)
    known.put("sacked", _scoreboard(end)[places], sacks & end.countable(ends.own)[of])
    known.put("dsack_dups", _duplicates(end)[places], sacks & (end.mss > 0)[of])
    when, data = ends.packets["ts_ns"], ends.packets["payload"] > 0
    for name, whose in (("last_data_sent", ends.own), ("last_data_recv", ~ends.own)):
        newest = ends.sequences.latest(whose & data)[places]
        since = (when[places] - when[np.maximum(newest, 0)]) // 1_000_000
        known.put(name, since, here & (newest >= 0))


def _least_ns(end: _End, places: Indexes) -> I64:
    """Least round trip of the last 5 minutes at some segments, in nanoseconds; NEVER without one.

    tcp_update_rtt_min keeps it for tcp_min_rtt_wlen, 300 s (net/ipv4/tcp_input.c).
    """
    trips, ends = end.own, end.own.sender
    taken = np.append(np.where(trips.newest_ns < 0, NEVER, trips.newest_ns), NEVER)
    of = ends.of.of[places]
    since = ends.of.first[of]
    since[1:] = np.where(of[1:] == of[:-1], places[:-1] + 1, since[1:])
    between = np.minimum.reduceat(taken, np.stack([since, places + 1], axis=1).ravel())[::2]
    when = ends.packets["ts_ns"][places] - ends.packets["ts_ns"][ends.of.first][of]
    keys = ends.sequences.keys(when // 1000, places)
    kept = np.searchsorted(keys, ends.sequences.keys(when // 1000 + _KEPT_US, places), "right")
    return earliest(len(places), np.arange(len(places)), kept, between)


def _scoreboard(end: _End) -> I64:
    """Segments that SACK told of and no cumulative ACK yet, at each captured one."""
    trips, ends = end.own, end.own.sender
    change = np.zeros(len(ends.own), "i8")
    mine = np.flatnonzero(trips.sacked < NEVER)
    segments = end.segments[trips.sent[mine]]
    np.add.at(change, trips.sacked[mine], segments)
    over = trips.acknowledged[mine]
    np.subtract.at(change, over[over < NEVER], segments[over < NEVER])
    return ends.sequences.total(change)


def _duplicates(end: _End) -> I64:
    """Segments that the peer received twice, at each captured one (tcp_dsack_seen)."""
    trips, ends = end.own, end.own.sender
    change = np.zeros(len(ends.own), "i8")
    at, begin, last, _ = (part[trips.duplicates] for part in trips.blocks)
    segments = -(-(last - begin) // np.maximum(end.mss, 1)[ends.of.of[at]])
    np.add.at(change, at, np.clip(segments, 0, _WHOLE))
    return ends.sequences.total(change)
