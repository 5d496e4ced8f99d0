"""Compact events: most numbers are stored as differences between a flow's events."""

from __future__ import annotations

import numpy as np

from tcctui.flows.keyframe.packed import Packed, pack
from tcctui.wire.events import EVENT, Events

_EXTREMES = (
    ("snd_cwnd_min", "snd_cwnd_max", "snd_cwnd"),
    ("srtt_min", "srtt_max", "srtt"),
    ("in_flight_min", "in_flight_max", "snd_nxt"),  # in_flight at that point
)

_RUNNING = ("ts_ns", "sock_cookie", "skaddr", "snd_una", "acks")


def pack_events(events: Events) -> Packed:
    """Pack events that are sorted by flow."""
    return pack(events, _Differences().write)


def unpack_events(packed: Packed) -> Events:
    """Restore the events exactly."""
    return packed.array(_Differences().read)


class _Differences:
    """Replaces numbers by differences to other fields or to the previous event, and back.

    All are modulo 2³² or 2⁶⁴, so that every value survives.
    """

    def __init__(self) -> None:
        self._before = np.zeros(1, EVENT)

    def write(self, events: Events) -> None:
        """Replace values by differences."""
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
        """Replace differences by values."""
        for name in _RUNNING:
            numbers = events[name].copy()
            numbers[:1] += self._before[name]
            events[name] = np.cumsum(numbers, dtype=numbers.dtype)
        for low, high, value in _EXTREMES:
            np.subtract(events[value], events[low], out=events[low])
            events[high] += events[value]
        events["snd_nxt"] += events["snd_una"]
        self._before = events[-1:].copy()
