"""The queue of this machine that a connection's segments leave by."""

from __future__ import annotations

import math
from typing import NamedTuple


class OwnWait(NamedTuple):
    """Packets of one connection that left its queue of late.

    `wait_us` is the mean time, `longest_us` the longest, from when a packet was to be sent until it
    left the queue, in microseconds. `backlog` is what waited there at a time, in bytes on average.
    """

    packets: int
    wait_us: float
    longest_us: float
    backlog: float


class OwnQueue(NamedTuple):
    """Root queueing discipline of a network device: totals are since it was set up.

    `backlog` is bytes, `qlen` packets that wait now, of all that leaves by the device. `wait_us` is
    the time that they take to leave at the rate of the last moments (Little's law), in
    microseconds; NaN where nothing left, or it was not looked at before. `own` is of the
    connection alone; None where none of its packets waited, or that is not known.
    """

    device: str
    kind: str
    backlog: int
    qlen: int
    drops: int
    overlimits: int
    wait_us: float = math.nan
    own: OwnWait | None = None
