"""Columns about what is received, and about the memory that sockets take."""

from __future__ import annotations

from tcctui.ui.table.columns.column import TableColumn
from tcctui.ui.table.columns.kinds import BYTES, COUNT, ROUND_TRIP, number, tcp_info

RECEIVER = (
    tcp_info(
        *("rcv_ssthresh", "RCV_SSTHR", BYTES),
        meaning="window that the receive buffer has room for, in bytes",
    ),
    tcp_info(
        *("rcv_rtt", "RCV_RTT", ROUND_TRIP),
        meaning="round-trip time that this end measured as a receiver",
    ),
    tcp_info(
        *("rcv_space", "RCV_SPACE", BYTES),
        meaning="bytes that the application takes in a round trip: sizes the receive buffer",
    ),
    tcp_info(
        *("bytes_received", "RECEIVED", BYTES),
        meaning="bytes received",
        asked=("received",),
    ),
    tcp_info(
        *("segs_in", "SEGS_IN", COUNT),
        meaning="segments received, without data too",
    ),
    tcp_info(
        *("data_segs_in", "DATASEGSI", COUNT),
        meaning="segments received with data",
    ),
    tcp_info(
        *("rcv_ooopack", "RCV_OOO", COUNT),
        meaning="segments received out of their order",
    ),
    number(
        *("rqueue", "RECV-Q", BYTES),
        meaning="bytes received that the application has not read",
        source="sock_diag idiag_rqueue",
    ),
)


def _memory(name: str, title: str, meaning: str) -> TableColumn:
    constant = f"SK_MEMINFO_{name.upper()}"
    source = f"sock_diag INET_DIAG_SKMEMINFO {constant}"
    kind = COUNT if name == "drops" else BYTES
    return number(name, title, kind, meaning=meaning, source=source)


MEMORY = (
    _memory("rmem_alloc", "RMEM", "memory that what was received takes, in bytes"),
    _memory("rcvbuf", "RCVBUF", "memory that what is received may take, in bytes: SO_RCVBUF"),
    _memory("wmem_alloc", "WMEM", "memory that what is handed down to the device takes, in bytes"),
    _memory("sndbuf", "SNDBUF", "memory that what is to be sent may take, in bytes: SO_SNDBUF"),
    _memory("wmem_queued", "WMEM_Q", "memory that what is to be sent takes, in bytes"),
    _memory("drops", "DROPS", "segments that were dropped for want of memory"),
)
