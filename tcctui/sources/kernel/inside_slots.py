"""Records of sockets that lie in slots, beside the events that are fetched there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcctui.arrays import I64, U64, Array
from tcctui.sources.kernel.load_options import MAX_FOCUS
from tcctui.wire.events import EVENT, Events


class InsideSlots:
    """Places of the flows in focus, in their order there, and behind them places by slot.

    `places` has an entry of `INSIDES` for each, mapped from the kernel.
    """

    def __init__(self, places: Array) -> None:
        self._places = places

    def of(self, slots: I64, events: Events, focus: U64) -> Iterator[Events]:
        """Records that go with events fetched from these slots, as such: both kinds, if there.

        A place may be another flow's, or be behind or ahead of the event: then it is left out.
        """
        cookies = events["sock_cookie"]
        at = slots + MAX_FOCUS
        for place, cookie in enumerate(focus.tolist()):
            at[cookies == cookie] = place
        there = at < len(self._places)
        at, cookies, acks = at[there], cookies[there], events["acks"][there]
        # Copied first: an ACK is counted before it changes anything.
        held = self._places[at]
        sockets = held["socket"]
        same = (sockets["sock_cookie"] == cookies) & (sockets["acks"] == acks)
        for name in ("socket", "algorithm"):
            records = np.ascontiguousarray(held[name][same])
            yield records[records["kind"] > 0].view(EVENT)
