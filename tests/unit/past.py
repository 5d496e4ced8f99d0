"""A flow's past by brute force: event by event, and nothing is ever dropped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tcctui.wire.events import Events

BUCKET = 100_000_000
"""Nanoseconds in a bucket."""

Four = tuple[int, ...]
"""snd_cwnd, ssthresh, srtt and bytes in flight."""


@dataclass(frozen=True)
class Bucket:
    """What happened within a stretch of time."""

    low: Four
    high: Four
    last: Four
    acked: int

    @classmethod
    def of(cls, values: Four, acked: int) -> Bucket:
        """Make the bucket of one event."""
        return cls(values, values, values, acked)

    def then(self, later: Bucket) -> Bucket:
        """Join it with what happened later."""
        return Bucket(
            tuple(map(min, self.low, later.low)),
            tuple(map(max, self.high, later.high)),
            later.last,
            min(self.acked + later.acked, 2**32 - 1),
        )


Past = dict[int, Bucket]
"""A flow's buckets of 100 ms by number, ascending."""


def add(past: Past, stamp: int, bucket: Bucket) -> None:
    """Let something happen in a bucket."""
    past[stamp] = past[stamp].then(bucket) if stamp in past else bucket


def widened(past: Mapping[int, Bucket], width: int) -> Past:
    """Join buckets to wider ones, each `width` of the narrow ones wide."""
    joined: Past = {}
    for stamp, bucket in past.items():
        add(joined, stamp // width, bucket)
    return joined


def pasts(events: Iterable[Events]) -> dict[int, Past]:
    """Give every flow's past, by cookie, after these tcp_probe events."""
    found: dict[int, Past] = {}
    unacked: dict[int, int] = {}
    for event in events:
        cookie, una = int(event["sock_cookie"]), int(event["snd_una"])
        past = found.setdefault(cookie, {})
        step = (una - unacked.get(cookie, una)) % 2**32
        unacked[cookie] = una
        values = (
            int(event["snd_cwnd"]),
            int(event["ssthresh"]),
            int(event["srtt"]),
            (int(event["snd_nxt"]) - una) % 2**32,
        )
        # What is older than the newest bucket counts to that one.
        stamp = max(int(event["ts_ns"]) // BUCKET, max(past, default=0))
        add(past, stamp, Bucket.of(values, step if step < 2**31 else 0))
    return found
