"""Kinds of MPTCP subflows, and the share of their connection's bytes that they carry."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import U8, Array, Floats
from tcctui.fields.mptcp import Subflow

_CAPABLE_REMOTE, _CAPABLE_LOCAL, _JOIN, _BACKUP, _CONNECTED = 0x01, 0x02, 0x0C, 0x30, 0x80
"""MPTCP_SUBFLOW_FLAG_MCAP_REM and _LOC, JOIN_REM and _LOC, BKUP_REM and _LOC, CONNECTED
(include/uapi/linux/mptcp.h).
"""

_FALLBACK = 0x01
"""MPTCP_INFO_FLAG_FALLBACK."""


def kinds(flags: Floats, connection: Floats) -> U8:
    """Kind of each subflow: numbers of `Subflow`.

    `flags` are those of MPTCP_SUBFLOW_ATTR_FLAGS, NaN of plain TCP, and `connection` those of its
    connection, mptcpi_flags, NaN if unknown. A client whose peer has no MPTCP keeps a subflow that
    is connected, and of which the peer never was capable.
    """
    bits = np.nan_to_num(flags).astype("u4")
    found = np.where(bits & _JOIN, Subflow.JOIN, Subflow.INITIAL)
    found[(bits & _BACKUP) != 0] = Subflow.BACKUP
    refused = (bits & (_CAPABLE_REMOTE | _CAPABLE_LOCAL | _JOIN)) == _CAPABLE_LOCAL
    refused &= (bits & _CONNECTED) != 0
    refused |= (np.nan_to_num(connection).astype("u4") & _FALLBACK) != 0
    found[refused] = Subflow.FALLBACK
    found[bits == 0] = Subflow.NONE
    return found.astype("u1")


def share(own: Array, connection: Array) -> Floats:
    """Percents of the connection's bytes that a subflow carried; NaN without any.

    The connection is read after its subflows. What is reinjected counts on each subflow, and a
    SYN as one byte, so that a subflow may have carried more than its connection: 100 at most.
    """
    percent = np.full(len(own), np.nan)
    np.divide(100 * own, connection, out=percent, where=connection > 0)
    return np.minimum(percent, 100)
