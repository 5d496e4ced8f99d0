"""Paths between hosts on this machine: each has a TUN device, a process carries the packets.

`python -m tests.fleet_demo.paths DESCRIPTOR=ADDRESS,ADDRESS ...`; a line on standard input that is
an object of JSON by address replaces all conditions, and its end is the process's end.
"""

from __future__ import annotations

import contextlib
import heapq
import ipaddress
import itertools
import json
import os
import random
import select
import sys
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

DELAY = 0.02
"""Seconds one way, of a path without conditions."""

_PACKET_BYTES = 1 << 16
_DATA_BYTES = 200
"""Length from which on a packet may be lost: one with data."""


class Condition(NamedTuple):
    """Condition of all paths from or to an address.

    `delay` in seconds one way, `loss` the probability that a packet with data gets lost, `rate` in
    bytes a second (0: any) with a queue of `queue_s` seconds, for what the address sends.
    """

    delay: float = DELAY
    loss: float = 0.0
    rate: float = 0.0
    queue_s: float = 0.05


class Paths:
    """Packets on their way between descriptors of TUN devices, by address."""

    def __init__(self, places: Mapping[bytes, int]) -> None:
        self._places = places
        self.conditions: Mapping[bytes, Condition] = {}
        self._usual = Condition()
        self._waiting: list[tuple[float, int, int, bytes]] = []
        self._numbers = itertools.count()
        self._free_at: dict[bytes, float] = {}
        self._chance = random.Random(1)

    def send(self, packet: bytes, now: float) -> None:
        """Put a packet on its way, if it has one and is not lost."""
        four = packet[0] >> 4 == 4
        source, target = (packet[12:16], packet[16:20]) if four else (packet[8:24], packet[24:40])
        place = self._places.get(target)
        if place is None:
            return
        mine, other = (self.conditions.get(end, self._usual) for end in (source, target))
        loss = max(mine.loss, other.loss)
        if loss and len(packet) > _DATA_BYTES and self._chance.random() < loss:
            return
        if mine.rate:
            begin = max(now, self._free_at.get(source, now))
            if begin - now > mine.queue_s:
                return
            now = self._free_at[source] = begin + len(packet) / mine.rate
        due = now + max(mine.delay, other.delay)
        heapq.heappush(self._waiting, (due, next(self._numbers), place, packet))

    def deliver(self, now: float) -> None:
        """Hand over what has arrived."""
        while self._waiting and self._waiting[0][0] <= now:
            _, _, place, packet = heapq.heappop(self._waiting)
            with contextlib.suppress(OSError):  # the device is down
                os.write(place, packet)

    def left_s(self, now: float) -> float:
        """Seconds until something arrives; a second at the most."""
        return max(0.0, self._waiting[0][0] - now) if self._waiting else 1.0


def packed(address: str) -> bytes:
    """Bytes of an address, as a packet has them."""
    return ipaddress.ip_address(address).packed


def carry(places: Mapping[bytes, int]) -> None:
    """Carry packets until standard input ends."""
    paths = Paths(places)
    poll = select.poll()
    for file in {*places.values(), sys.stdin.fileno()}:
        poll.register(file, select.POLLIN)
    while True:
        for file, _ in poll.poll(paths.left_s(time.monotonic()) * 1000):
            if file == sys.stdin.fileno():
                line = sys.stdin.readline()
                if not line:
                    return
                told = json.loads(line)
                paths.conditions = {packed(one): Condition(**told[one]) for one in told}
                continue
            now = time.monotonic()
            with contextlib.suppress(BlockingIOError):
                while True:
                    paths.send(os.read(file, _PACKET_BYTES), now)
        paths.deliver(time.monotonic())


def main(words: Iterable[str]) -> None:
    """Run the program, before others where that is allowed: it must not become a bottleneck."""
    with contextlib.suppress(PermissionError):
        os.nice(-15)
    places: dict[bytes, int] = {}
    for word in words:
        file, _, addresses = word.partition("=")
        places |= {packed(address): int(file) for address in addresses.split(",")}
    carry(places)


if __name__ == "__main__":
    main(sys.argv[1:])
