"""The queue of this machine that a connection's segments leave by."""

from __future__ import annotations

import math
from typing import NamedTuple


class OwnQueue(NamedTuple):
    """Root queueing discipline of a network device: totals are since it was set up.

    `backlog` is bytes, `qlen` packets that wait now, of all that leaves by the device. `wait_us` is
    the time that they take to leave at the rate of the last moments (Little's law), in
    microseconds; NaN where nothing left, or it was not looked at before.
    """

    device: str
    kind: str
    backlog: int
    qlen: int
    drops: int
    overlimits: int
    wait_us: float = math.nan
