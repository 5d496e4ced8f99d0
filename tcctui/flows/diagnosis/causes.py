"""Limits of a flow."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


class Limit(IntEnum):
    """The limit on a flow's sending rate."""

    UNKNOWN = 0
    CWND = 1
    """Congestion control, or the network behind it."""
    RWND = 2
    """The peer's receive window."""
    SNDBUF = 3
    """The local send buffer."""
    APP = 4
    """The application, which has nothing to send."""
    RECOVERY = 5
    """Congestion control during the repair of losses."""
    RECEIVES = 6
    """No limit: this end only receives."""


LIMIT_NAMES: Mapping[int, str] = MappingProxyType(
    {limit: "–" if limit == Limit.UNKNOWN else limit.name.lower() for limit in Limit}
)
"""Name of each limit, by its number."""

CAUSES = (Limit.CWND, Limit.RWND, Limit.SNDBUF, Limit.APP, Limit.RECOVERY)
"""Causes that share a flow's time. For a receiver, APP stands for RECEIVES."""
