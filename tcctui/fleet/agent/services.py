"""Service of each connection: the port of the end that listens.

The local port, where a socket of this network namespace listens on it. Else the remote one; but the
local one where more connections have the local address and port than have the remote ones, and at
least two: a server whose listener is gone, as that of a process that is being replaced. A port that
a client was given is its alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import Array, Mask, among
from tcctui.fields.connection import LOCAL, REMOTE
from tcctui.flows.intake.sockets import keys_of_ends
from tcctui.wire.events import TcpState

_PORT_BITS = np.uint64(16)


def listening(flows: Mapping[str, Array]) -> tuple[Array, Array]:
    """Ports that are listened on, as keys with their namespaces, and of whatever namespace."""
    listeners = flows["state"] == TcpState.LISTEN
    ports = flows["sport"][listeners].astype("u8")
    return _of_namespace(namespaces(flows)[listeners], ports), ports


def incoming(flows: Mapping[str, Array], listened: tuple[Array, Array]) -> Mask:
    """True for connections whose service is here; `flows` are connections alone."""
    ports, netns = flows["sport"].astype("u8"), namespaces(flows)
    in_namespace, anywhere = listened
    here = among(_of_namespace(netns, ports), in_namespace)
    here |= (netns == 0) & among(ports, anywhere)  # not sampled so far
    local = _shared(netns, *(flows[name] for name in LOCAL))
    remote = _shared(netns, *(flows[name] for name in REMOTE))
    return here | ((local >= 2) & (local > remote))


def namespaces(flows: Mapping[str, Array]) -> Array:
    """Inode of each flow's network namespace; 0 where it was not sampled so far."""
    return np.nan_to_num(flows["netns"]).astype("u8")


def _of_namespace(netns: Array, ports: Array) -> Array:
    return netns << _PORT_BITS | ports


def _shared(*parts: Array) -> Array:
    """Number of connections that have the same parts, for each."""
    keys = keys_of_ends(*parts)
    ordered = np.sort(keys)
    return np.searchsorted(ordered, keys, "right") - np.searchsorted(ordered, keys)
