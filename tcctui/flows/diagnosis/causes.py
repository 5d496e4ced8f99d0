"""What a flow can be limited by."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


class Limit(IntEnum):
    """What keeps a flow from sending faster."""

    UNKNOWN = 0
    CWND = 1
    """Congestion control, or the network that it has to do with."""
    RWND = 2
    """The other end's receive window."""
    SNDBUF = 3
    """This end's send buffer."""
    APP = 4
    """The application, which has nothing to send."""
    RECOVERY = 5
    """Congestion control, which makes up for losses."""
    RECEIVES = 6
    """Nothing: this end only receives."""


LIMIT_NAMES: Mapping[int, str] = MappingProxyType(
    {limit: "–" if limit == Limit.UNKNOWN else limit.name.lower() for limit in Limit}
)
"""What is shown for each, by its number."""

CAUSES = (Limit.CWND, Limit.RWND, Limit.SNDBUF, Limit.APP, Limit.RECOVERY)
"""What a flow's time is divided among. Where it only receives, APP stands for RECEIVES."""
