"""The queue of this machine that a connection's segments leave by."""

from __future__ import annotations

from typing import NamedTuple


class OwnQueue(NamedTuple):
    """Root queueing discipline of a network device: totals are since it was set up.

    `backlog` is bytes, `qlen` packets that wait now, of all that leaves by the device.
    """

    device: str
    kind: str
    backlog: int
    qlen: int
    drops: int
    overlimits: int
