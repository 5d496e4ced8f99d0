"""A batch of tcp_probe events, grouped by flow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.events import Events
from tcctui.flows.buckets import BUCKET_NS, Buckets, from_events, run_starts
from tcctui.flows.index import Keys, Rows

LAST_FIELDS = {
    "skaddr": "skaddr",
    "sport": "sport",
    "dport": "dport",
    "family": "family",
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


class ProbeBatch:
    """tcp_probe events sorted by flow, in the order of their arrival within each.

    `cookies` are the flows, one entry each; `first` and `last` the places of each flow's first and
    last event in `events`.
    """

    def __init__(self, events: Events) -> None:
        self.events = events
        self._order = _by_cookie(events["sock_cookie"])
        cookies = events["sock_cookie"][self._order]
        self._starts = run_starts(cookies)
        self._ends = np.append(self._starts[1:], len(events)) - 1
        self.cookies: Keys = cookies[self._starts]
        self.counts = self._ends - self._starts + 1
        self.first = self._order[self._starts]
        self.last = self._order[self._ends]

    def acked(self, una_before: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
        """Bytes that the peer acknowledged between consecutive events of each flow.

        `una_before` is snd_una of each flow before its first event here. snd_una only moves forward
        (RFC 9293, 3.4; sequence numbers are compared modulo 2³²): a step back counts as nothing.
        """
        una = self.events["snd_una"][self._order]
        before = np.empty_like(una)
        before[1:] = una[:-1]
        before[self._starts] = una_before
        step = (una - before).view("i4")
        step[self._connected_anew()] = 0
        return np.maximum(step, 0).astype("u8")

    def _connected_anew(self) -> npt.NDArray[np.intp]:
        """Places, in the sorted order, of events from where a flow has other addresses.

        A socket keeps its cookie when it is disconnected and connected anew: looked for are flows
        whose last event differs from the first.
        """
        changed = np.zeros(len(self.cookies), bool)
        for name in ("sport", "dport", "daddr"):
            differs = self.events[name][self.first] != self.events[name][self.last]
            changed |= differs if differs.ndim == 1 else differs.any(axis=1)
        if not changed.any():
            return np.empty(0, "i8")
        places = np.flatnonzero(np.repeat(changed, self.counts))
        sorted_events = self.events[self._order[places]]
        starts = run_starts(*(sorted_events[name] for name in ("sock_cookie", "sport", "dport")))
        halves = sorted_events["daddr"]
        starts = np.union1d(starts, run_starts(halves[:, 0], halves[:, 1]))
        return places[starts[~np.isin(places[starts], self._starts)]]

    def total(self, acked: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """Sum of a per-event number over each flow."""
        return np.add.reduceat(acked, self._starts)

    def buckets(
        self, rows: Rows, newest: npt.NDArray[np.uint32], acked: npt.NDArray[np.uint64]
    ) -> tuple[Rows, Buckets]:
        """Fold the events into history buckets; gives each bucket's row with it.

        `rows` and `newest` have one entry per flow: its row, and the stamp of its newest bucket.
        An event older than that, or than its predecessor, counts to the newest bucket.
        """
        events, order = self.events, self._order
        stamp = events["ts_ns"][order] // np.uint64(BUCKET_NS)
        stamp[self._starts] = np.maximum(stamp[self._starts], newest)
        flow = np.repeat(np.arange(len(rows), dtype="u8") << np.uint64(32), self.counts)
        key = np.maximum.accumulate(flow | stamp)
        starts = run_starts(key)
        in_flight = events["snd_nxt"][order] - events["snd_una"][order]
        values = (
            events["snd_cwnd"][order],
            events["ssthresh"][order],
            events["srtt"][order],
            in_flight,
        )
        buckets = from_events(key & np.uint64(0xFFFFFFFF), values, acked, starts)
        return rows[(key[starts] >> np.uint64(32)).astype("i8")], buckets


def _by_cookie(cookies: Keys) -> npt.NDArray[np.int64]:
    """Places of the events sorted by cookie, in the order of their arrival within each cookie."""
    bits = np.uint64(len(cookies).bit_length())
    if int(cookies.max()) >> (64 - int(bits)):
        return np.argsort(cookies, kind="stable")
    # Cookies are small numbers: with the place behind it, one plain sort does it, several times
    # faster than a stable argsort.
    keys = cookies << bits | np.arange(len(cookies), dtype="u8")
    keys.sort()
    return (keys & ((np.uint64(1) << bits) - np.uint64(1))).astype("i8")
