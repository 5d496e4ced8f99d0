"""A batch of tcp_probe events, grouped by flow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcctui.arrays import I64, U32, U64, Indexes, Mask, among, distinct
from tcctui.flows.history.buckets import (
    BUCKET_NS,
    SERIES,
    Buckets,
    assembled,
    row_runs,
    run_starts,
)
from tcctui.flows.index import Keys, Rows
from tcctui.flows.intake.endpoints import ends_keys
from tcctui.wire.events import EVENT, Events
from tcctui.wire.records import pick

LAST_FIELDS = {
    "mark": "mark",
    "snd_cwnd": "snd_cwnd",
    "ssthresh": "ssthresh",
    "srtt": "srtt_us",
    "snd_wnd": "snd_wnd",
    "rcv_wnd": "rcv_wnd",
    "snd_nxt": "snd_nxt",
    "snd_una": "snd_una",
}
"""Fields of an event whose newest value a flow keeps, and the columns that keep them."""

SOCKET_FIELDS = ("skaddr", "sport", "dport", "family")
"""The same of those that a socket keeps while it is connected."""


def by_flow(events: Events, most: int = 0) -> Iterator[ProbeBatch]:
    """Sort events by flow, and cut them between two flows after about `most` of them, if that is.

    So it takes little more memory, however many there are, and stays in the processor's cache.
    """
    order = _by_cookie(events["sock_cookie"])
    if not most or len(order) < 2 * most:
        yield ProbeBatch(pick(events, order))
        return
    starts = run_starts(events["sock_cookie"][order])
    places = np.searchsorted(starts, np.arange(most, len(order), most))
    cuts = distinct(np.append(starts[places[places < len(starts)]], len(order))).tolist()
    begin = 0
    for end in cuts:
        yield ProbeBatch(pick(events, order[begin:end]))
        begin = end


class ProbeBatch:
    """tcp_probe events, sorted by flow (see `by_flow`), in order of arrival within each.

    `cookies` are the flows, one entry each; `first` and `last` the indexes of each flow's first and
    last event.
    """

    def __init__(self, events: Events) -> None:
        self.events = events
        cookies = self.events["sock_cookie"]
        self.first, self.cookies, self._lengths = row_runs(cookies)
        self.last = self.first + self._lengths - 1
        self.newest = pick(self.events, self.last)
        """The last event of each flow."""
        self.ends = ends_keys(self.newest)
        """Key of each one's addresses and ports; see `ends_keys`."""

    def acks(self, told: U32) -> U64:
        """Number of ACKs that each flow's events stand for.

        `told` is each flow's `acks` before its first event here, 0 if unknown: an event that did
        not begin its count then stands for itself, as the rest was reported to another reader. An
        unchanged count comes from an event that was delivered twice.
        """
        count = self.events["acks"]
        if not np.count_nonzero(count):
            return self._lengths.astype("u8")
        alone = count == 0
        if np.count_nonzero(alone):
            count = self._carried(count, alone, told)
        before = np.empty_like(count)
        before[1:] = count[:-1]
        before[self.first] = told
        step = np.maximum((count - before).view("i4"), 0).view("u4")
        step[before == 0] = 1
        begun = self.events["begun"] != 0
        stands_for = np.where(alone, 1, np.where(begun, count, step))
        return np.add.reduceat(stands_for.astype("u8"), self.first)

    def told(self, before: U32) -> U32:
        """Count `acks` of each flow's last event that has it, else the one `before`."""
        count = self.events["acks"]
        if not np.count_nonzero(count):
            return before
        alone = count == 0
        if np.count_nonzero(alone):
            count = self._carried(count, alone, before)
        return count[self.last]

    def _carried(self, count: U32, alone: Mask, told: U32) -> U32:
        """Extend the flow's count by events that stand for themselves."""
        place = np.where(alone, -1, np.arange(len(count)))
        place[self.first] = np.maximum(place[self.first], self.first)
        place = np.maximum.accumulate(place)
        begun = count.copy()
        begun[self.first] = np.where(alone[self.first], told, count[self.first])
        return begun[place]

    def acked(self, una_before: U32) -> U64:
        """Bytes that the peer acknowledged between consecutive events of each flow.

        `una_before` is snd_una of each flow before its first event here. snd_una only moves forward
        (RFC 9293, 3.4; sequence numbers are compared modulo 2³²): a step back counts as nothing.
        """
        una = self.events["snd_una"]
        before = np.empty_like(una)
        before[1:] = una[:-1]
        before[self.first] = una_before
        step = (una - before).view("i4")
        anew = self._connected_anew()
        if len(anew):
            step[anew] = 0
        return np.maximum(step, 0).astype("u8")

    def _connected_anew(self) -> Indexes:
        """Indexes of events at which a flow changes its addresses.

        A socket keeps its cookie when it is disconnected and reconnected: only flows whose last
        event differs from the first are searched.
        """
        changed = ends_keys(pick(self.events, self.first)) != self.ends
        if not np.count_nonzero(changed):
            return np.empty(0, "i8")
        places = np.flatnonzero(np.repeat(changed, self._lengths))
        events = pick(self.events, places)
        starts = run_starts(*(events[name] for name in ("sock_cookie", "sport", "dport")))
        halves = events["daddr"]
        starts = distinct(np.concatenate([starts, run_starts(halves[:, 0], halves[:, 1])]))
        return places[starts[~among(places[starts], self.first)]]

    def total(self, acked: U64) -> U64:
        """Sum of a per-event number over each flow."""
        return np.add.reduceat(acked, self.first)

    def buckets(self, rows: Rows, newest: U32, acked: U64) -> tuple[Rows, Buckets]:
        """Fold the events into history buckets; gives each bucket's row with it.

        `rows` and `newest` have one entry per flow: its row, and the stamp of its newest bucket.
        An event older than that, or than its predecessor, counts to the newest bucket.
        """
        events = self.events
        stamp = events["ts_ns"] // np.uint64(BUCKET_NS)
        stamp[self.first] = np.maximum(stamp[self.first], newest)
        flow = np.repeat(np.arange(len(rows), dtype="u8") << np.uint64(32), self._lengths)
        key = np.maximum.accumulate(flow | stamp)
        starts = run_starts(key)
        words = events.view("u4").reshape(len(events), -1)
        if len(starts) == len(events):  # one in each: of an agent, the rule
            last = words[:, _LAST]
            last[:, _IN_FLIGHT] -= events["snd_una"]
            low, high = last.copy(), last.copy()
            low[:, _EXTREME], high[:, _EXTREME] = words[:, _LOW], words[:, _HIGH]
        else:
            ends = np.append(starts[1:], len(events)) - 1
            last = words[ends][:, _LAST]
            last[:, _IN_FLIGHT] -= events["snd_una"][ends]
            low, high = np.empty_like(last), np.empty_like(last)
            # Side by side in the event, so that no column is copied.
            low[:, _EXTREME] = np.minimum.reduceat(words[:, _LOW], starts)
            high[:, _EXTREME] = np.maximum.reduceat(words[:, _HIGH], starts)
            low[:, _SSTHRESH] = np.minimum.reduceat(events["ssthresh"], starts)
            high[:, _SSTHRESH] = np.maximum.reduceat(events["ssthresh"], starts)
            key, acked = key[starts], np.add.reduceat(acked, starts)
        stamps = key & np.uint64(0xFFFFFFFF)
        buckets = assembled(stamps, acked, low=low, high=high, last=last)
        return rows[(key >> np.uint64(32)).astype("i8")], buckets


def _words(*names: str) -> list[int]:
    """Places of fields of 32 bits in an event, in words."""
    assert EVENT.fields is not None
    return [EVENT.fields[name][1] // 4 for name in names]


_LAST = _words("snd_cwnd", "ssthresh", "srtt", "snd_nxt")
"""Words of an event that have each of `SERIES`, the last one less snd_una."""

_SSTHRESH, _IN_FLIGHT = SERIES.index("ssthresh"), SERIES.index("in_flight")
_EXTREME = [SERIES.index(name) for name in ("snd_cwnd", "srtt_us", "in_flight")]
_LOW, _HIGH = (
    slice(first, first + len(_EXTREME)) for first in _words("snd_cwnd_min", "snd_cwnd_max")
)
assert _words("srtt_min", "in_flight_min") == [_LOW.start + 1, _LOW.start + 2]
assert _words("srtt_max", "in_flight_max") == [_HIGH.start + 1, _HIGH.start + 2]


def _by_cookie(cookies: Keys) -> I64:
    """Indexes of the events sorted by cookie, in order of arrival within each cookie."""
    bits = np.uint64(len(cookies).bit_length())
    if int(cookies.max()) >> (64 - int(bits)):
        return np.argsort(cookies, kind="stable")
    # Cookies are small numbers: combined with the index, one plain sort does it, several times
    # faster than a stable argsort.
    keys = cookies << bits | np.arange(len(cookies), dtype="u8")
    keys.sort()
    return (keys & ((np.uint64(1) << bits) - np.uint64(1))).astype("i8")
