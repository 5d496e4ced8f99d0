"""MPTCP connections, dumped by mptcp_diag, and their figures in samples of their subflows.

Requests and answers are those of net/mptcp/mptcp_diag.c, there since Linux 5.9. A subflow and its
connection have one inode (mptcp_sock_graft, net/mptcp/protocol.h), which is told without
privileges; a subflow's own token takes CAP_NET_ADMIN.
"""

from __future__ import annotations

import struct

import numpy as np

from tcctui.arrays import Records
from tcctui.sources.sock_diag.inet_diag import (
    MESSAGE,
    SOCK_DIAG_BY_FAMILY,
    Attribute,
    alike,
    column,
    dump_request_of,
)
from tcctui.sources.sock_diag.netlink import Messages
from tcctui.wire.events import AF_INET, AF_INET6
from tcctui.wire.samples import MPTCP_INFO, Samples

FAMILIES = (AF_INET, AF_INET6)
"""Address families: each is dumped by a request of its own."""

_IPPROTO_MPTCP = 262
_REQ_PROTOCOL = struct.pack("=HHI", 8, 3, _IPPROTO_MPTCP)  # INET_DIAG_REQ_PROTOCOL
_TOKEN = 12  # offset of mptcpi_token

_KEPT = {"token": ("u4", _TOKEN), **MPTCP_INFO}
_BYTES = max(place + np.dtype(kind).itemsize for kind, place in _KEPT.values())
_BEFORE = 8
CONNECTION = np.dtype(
    {
        "names": ["inode", "length", "info", *_KEPT],
        "formats": ["u4", "u4", f"V{_BYTES}", *(kind for kind, _ in _KEPT.values())],
        "offsets": [0, 4, _BEFORE, *(_BEFORE + place for _, place in _KEPT.values())],
        "itemsize": _BEFORE + _BYTES,
    }
)
"""One MPTCP connection: its inode, and `length` bytes of the kernel's struct mptcp_info."""

_INODE = MESSAGE.fields["inode"][1]  # type: ignore[index]

NO_CONNECTIONS = np.empty(0, CONNECTION)


def dump_request(sequence: int, family: int) -> bytes:
    """Request for all MPTCP connections of a family."""
    return dump_request_of(sequence, family, _REQ_PROTOCOL)


def connections(messages: Messages, sequence: int) -> Records:
    """MPTCP connections, of dtype `CONNECTION`, that answer the request of that number."""
    headers = messages.headers
    mine = (headers["sequence"] == sequence) & (headers["kind"] == SOCK_DIAG_BY_FAMILY)
    mine &= headers["length"] >= MESSAGE.itemsize
    found = np.zeros(len(headers), CONNECTION)
    for places, told, layout in alike(messages.data, messages.starts, headers["length"], mine):
        part = np.zeros(len(told), CONNECTION)
        part["inode"] = column(told, "u4", _INODE)
        for kind, size, at in layout:
            if kind == Attribute.INFO:
                kept = min(size, _BYTES)
                part["length"] = kept
                column(part, f"V{kept}", _BEFORE)[:] = column(told, f"V{kept}", at)
        found[places] = part
    return found[(found["inode"] > 0) & (found["length"] > 0)]


def fill(samples: Samples, connections_: Records) -> None:
    """Write connections' figures into samples of their subflows; others stay as they are.

    A connection that no process has accepted yet has no inode, and is not found.
    """
    known = connections_[np.argsort(connections_["inode"], kind="stable")]
    rows = np.flatnonzero((samples["subflow_flags"] > 0) & (samples["inode"] > 0))
    if not len(rows) or not len(known):
        return
    at = np.searchsorted(known["inode"], samples["inode"][rows])
    at = np.minimum(at, len(known) - 1)
    same = known["inode"][at] == samples["inode"][rows]
    rows, found = rows[same], known[at[same]]
    for name in MPTCP_INFO:
        samples[name][rows] = found[name]
    samples["mptcp_info_len"][rows] = found["length"]
    samples["mptcp_token"][rows] = found["token"]
