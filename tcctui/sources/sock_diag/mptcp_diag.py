"""MPTCP connections, dumped by mptcp_diag, and their figures in samples of their subflows.

Requests and answers are those of net/mptcp/mptcp_diag.c, there since Linux 5.9. A subflow's ULP
info (subflow_get_info, net/mptcp/diag.c) has its connection's token, and so has mptcp_info.
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
CONNECTION = np.dtype(
    {
        "names": ["info", "length", *_KEPT],
        "formats": [f"V{_BYTES}", "u4", *(kind for kind, _ in _KEPT.values())],
        "offsets": [0, -(-_BYTES // 8) * 8, *(place for _, place in _KEPT.values())],
        "itemsize": -(-_BYTES // 8) * 8 + 8,
    }
)
"""One MPTCP connection: `length` bytes of the kernel's struct mptcp_info, and its token."""

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
        for kind, size, at in layout:
            if kind == Attribute.INFO and size:
                kept = min(size, _BYTES)
                part["length"] = kept
                column(part, f"V{kept}", 0)[:] = column(told, f"V{kept}", at)
        found[places] = part
    return found[found["length"] > 0]


def fill(samples: Samples, known: Records) -> None:
    """Write figures of `known` connections into samples of their subflows; others stay as is."""
    rows = np.flatnonzero(samples["mptcp_token"])
    if not len(rows) or not len(known):
        return
    known = known[np.argsort(known["token"], kind="stable")]
    wanted = samples["mptcp_token"][rows]
    at = np.minimum(np.searchsorted(known["token"], wanted), len(known) - 1)
    same = known["token"][at] == wanted
    rows, found = rows[same], known[at[same]]
    for name in MPTCP_INFO:
        samples[name][rows] = found[name]
    samples["mptcp_info_len"][rows] = found["length"]
