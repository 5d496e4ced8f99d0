"""Events in little memory: of most numbers, what changed from one event of a flow to the next."""

from __future__ import annotations

import numpy as np

from tcctui.flows.keyframe.packed import Packed, pack
from tcctui.wire.events import EVENT, Events

_EXTREMES = (
    ("snd_cwnd_min", "snd_cwnd_max", "snd_cwnd"),
    ("srtt_min", "srtt_max", "srtt"),
    ("in_flight_min", "in_flight_max", "snd_nxt"),  # which is in_flight by then
)

_RUNNING = ("ts_ns", "sock_cookie", "skaddr", "snd_una", "acks")


def pack_events(events: Events) -> Packed:
    """Pack events that are sorted by flow."""
    return pack(events, _Differences().write)


def unpack_events(packed: Packed) -> Events:
    """Give the events as they were."""
    return packed.array(_Differences().read)


class _Differences:
    """Writes numbers as differences to others of the event, or to the event before, and back.

    All are modulo 2³² or 2⁶⁴, so that nothing is lost of any values.
    """

    def __init__(self) -> None:
        self._before = np.zeros(1, EVENT)

    def write(self, events: Events) -> None:
        """Change events to differences."""
        after = events[-1:].copy()
        events["snd_nxt"] -= events["snd_una"]
        for low, high, value in _EXTREMES:
            np.subtract(events[value], events[low], out=events[low])
            events[high] -= events[value]
        for name in _RUNNING:
            numbers = events[name].copy()
            numbers[1:] -= events[name][:-1]
            numbers[:1] -= self._before[name]
            events[name] = numbers
        self._before = after

    def read(self, events: Events) -> None:
        """Change differences back to events."""
        for name in _RUNNING:
            numbers = events[name].copy()
            numbers[:1] += self._before[name]
            events[name] = np.cumsum(numbers, dtype=numbers.dtype)
        for low, high, value in _EXTREMES:
            np.subtract(events[value], events[low], out=events[low])
            events[high] += events[value]
        events["snd_nxt"] += events["snd_una"]
        self._before = events[-1:].copy()
