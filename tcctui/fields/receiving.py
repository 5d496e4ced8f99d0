"""Values of the direction in which a connection receives, and memory of its socket."""

from __future__ import annotations

from tcctui.fields.field import Column, Field, Part, Unit, Where, tcp_info

RECEIVER = (
    Field(
        "rcv_wnd", "u4", Unit.BYTES, "receive window offered to the peer, in bytes",
        "tcp_probe rcv_wnd; TCP_INFO tcpi_rcv_wnd", Column("RCV_WND", rank=21),
        query="rcv_wnd", where=Where.FLOW, unknown=0xFFFFFFFF, offset=232,
    ),
    Field(
        "rcv_rate", "f8", Unit.BYTES_PER_SECOND,
        "rate received between the last two samples, 0.25 s apart or more",
        "TCP_INFO tcpi_bytes_received", Column("RCV_RATE"), query="rcv_rate", where=Where.DERIVED,
    ),
    tcp_info(
        "rcv_ssthresh", "u4@64", Unit.BYTES, "maximum receive window that may be offered",
        Column("RCV_SSTHR"),
    ),
    tcp_info(
        "rcv_rtt", "u4@92", Unit.MICROSECONDS, "round-trip time measured as a receiver",
        Column("RCV_RTT"), unknown=0,
    ),
    tcp_info(
        "rcv_space", "u4@96", Unit.BYTES,
        "bytes read by the application in a round trip, which size the receive buffer",
        Column("RCV_SPACE"),
    ),
    tcp_info(
        "bytes_received", "u8@128", Unit.BYTES, "bytes received", Column("RECEIVED"),
        query="received bytes_received",
    ),
    tcp_info(
        "segs_in", "u4@140", Unit.TOTAL, "segments received, pure ACKs included", Column("SEGS_IN"),
    ),
    tcp_info(
        "data_segs_in", "u4@152", Unit.TOTAL, "segments received with data", Column("DATASEGSI"),
    ),
    tcp_info(
        "rcv_ooopack", "u4@224", Unit.TOTAL, "segments received out of order", Column("RCV_OOO"),
    ),
    Field(
        "rqueue", "u4", Unit.BYTES,
        "bytes received and not yet read by the application; of a listener, connections to accept",
        "sock_diag idiag_rqueue", Column("RECV-Q"), query="rqueue recvq", unknown=0xFFFFFFFF,
    ),
    Field(
        "half_open", "u4", Unit.COUNT,
        "half-open connections of a listener (SYN-RECV); listeners that share its port by "
        "SO_REUSEPORT have the sum of all",
        "sock_diag: sockets in SYN_RECV, by address, port and device, as __inet_lookup_listener",
        Column("HALFOPEN"), query="half_open", unknown=0xFFFFFFFF,
    ),
)  # fmt: skip
"""Receive window, and totals of what was received."""


def _memory(name: str, title: str, meaning: str, unit: Unit = Unit.BYTES) -> Field:
    source = f"sock_diag INET_DIAG_SKMEMINFO SK_MEMINFO_{name.upper()}"
    return Field(
        *(name, "u4", unit, meaning, source, Column(title)),
        query=name,
        part=Part.MEMORY,
    )


MEMORY = (
    _memory("rmem_alloc", "RMEM", "bytes of memory in the receive queue (sk_rmem_alloc)"),
    _memory("rcvbuf", "RCVBUF", "maximum bytes of receive memory: SO_RCVBUF"),
    _memory("wmem_alloc", "WMEM", "bytes queued for transmit (sk_wmem_alloc)"),
    _memory("sndbuf", "SNDBUF", "maximum bytes of send memory: SO_SNDBUF"),
    _memory("wmem_queued", "WMEM_Q", "bytes of memory in the send queue (sk_wmem_queued)"),
    _memory("drops", "DROPS", "segments dropped by the socket for lack of memory", Unit.TOTAL),
)  # fmt: skip
"""Memory, as `ss -m` has it."""
