"""Windows, rates and segments of the direction in which a connection sends."""

from __future__ import annotations

from tcctui.fields.field import Column, Field, Format, Unit, Where, tcp_info

WINDOW = (
    Field(
        "cc", "S16", Unit.NAME, "congestion control algorithm", "sock_diag INET_DIAG_CONG",
        Column("CC", width=5, most=8, rank=7), query="cc congestion", noun="an algorithm",
        sample="bbr",
    ),
    Field(
        "snd_cwnd", "u4", Unit.SEGMENTS, "congestion window (segments)",
        "tcp_probe snd_cwnd; TCP_INFO tcpi_snd_cwnd",
        Column("CWND", key="cwnd", rank=1, style="cwnd"), query="cwnd snd_cwnd", where=Where.FLOW,
        unknown=0, offset=80,
    ),
    Field(
        "cwnd_spark", "", Unit.SEGMENTS, "lowest cwnd in each 3 s of the last 30 s",
        "tcp_probe snd_cwnd; TCP_INFO tcpi_snd_cwnd",
        Column("CWND 30s", format=Format.LOWEST, rank=10, style="cwnd"), where=Where.PARTS,
        parts=("snd_cwnd",),
    ),
    Field(
        "ssthresh", "u4", Unit.THRESHOLD, "slow start threshold (segments); ∞ was never set",
        "tcp_probe ssthresh; of TCP_INFO tcpi_snd_ssthresh, as tcp_current_ssthresh()",
        Column("SSTHR", rank=9, style="ssthresh"), query="ssthresh ssthr snd_ssthresh",
        where=Where.FLOW, unknown=0,
    ),
    Field(
        "in_flight", "u4", Unit.BYTES, "bytes sent and not yet acknowledged: snd_nxt - snd_una",
        "tcp_probe snd_nxt, snd_una; of sock_diag idiag_wqueue less tcpi_notsent_bytes",
        Column("INFLIGHT", rank=17), query="inflight in_flight", where=Where.FLOW,
    ),
    Field(
        "snd_wnd", "u4", Unit.BYTES, "receive window offered by the peer, in bytes",
        "tcp_probe snd_wnd; TCP_INFO tcpi_snd_wnd", Column("SND_WND", rank=20),
        query="snd_wnd rwnd swnd", where=Where.FLOW, unknown=0xFFFFFFFF, offset=228,
    ),
    Field(
        "slow_start", "?", Unit.CODE,
        "slow-start while cwnd is below ssthresh, else avoidance; of BBR, its own phase",
        "snd_cwnd < ssthresh: tcp_in_slow_start, include/net/tcp.h; BBR: as bbr_phase",
        Column("PHASE", key="phase", format=Format.PHASE, width=10), query="phase",
        where=Where.DERIVED, noun="a phase",
    ),
    tcp_info(
        "snd_ssthresh", "u4@76", Unit.THRESHOLD,
        "slow start threshold when last sampled (segments); ∞ was never set", Column("SND_SSTHR"),
        query="",
    ),
    tcp_info(
        "unacked", "u4@24", Unit.SEGMENTS, "segments sent and not yet acknowledged",
        Column("UNACKED"),
    ),
    tcp_info(
        "sacked", "u4@28", Unit.SEGMENTS, "unacknowledged segments that arrived beyond a gap",
        Column("SACKED"),
    ),
    tcp_info(
        "notsent_bytes", "u4@144", Unit.BYTES, "bytes in the send buffer, not yet sent",
        Column("NOTSENT"), query="unsent notsent notsent_bytes",
    ),
    Field(
        "wqueue", "u4", Unit.BYTES,
        "bytes written and not yet acknowledged; of a listener, the limit of its accept queue",
        "sock_diag idiag_wqueue: write_seq - snd_una", Column("SEND-Q"), query="wqueue sendq",
        unknown=0xFFFFFFFF,
    ),
    Field(
        "snd_nxt", "u4", Unit.SEQUENCE, "sequence number of the next byte to send",
        "tcp_probe snd_nxt", Column("SND_NXT"), query="snd_nxt", where=Where.FLOW,
    ),
    Field(
        "snd_una", "u4", Unit.SEQUENCE, "sequence number of the first unacknowledged byte",
        "tcp_probe snd_una", Column("SND_UNA"), query="snd_una", where=Where.FLOW,
    ),
)  # fmt: skip
"""Congestion control's window, and what is in it."""

RATES = (
    Field(
        "rate", "f8", Unit.BYTES_PER_SECOND, "rate acknowledged by the peer in the last second",
        "tcp_probe snd_una; between samples TCP_INFO tcpi_bytes_acked", Column("RATE", rank=3),
        query="rate", where=Where.FLOW,
    ),
    tcp_info(
        "delivery_rate", "u8@160", Unit.BYTES_PER_SECOND,
        "latest delivery rate, as the kernel measures it", Column("DELIV", rank=13),
        query="delivery_rate delivery deliv", unknown=0,
    ),
    # A flow that is not paced has the largest number for its rate.
    tcp_info(
        "pacing_rate", "u8@104", Unit.BYTES_PER_SECOND, "rate that segments are paced at",
        Column("PACING"), query="pacing_rate pacing", unknown=0xFFFFFFFFFFFFFFFF,
    ),
    tcp_info(
        "max_pacing_rate", "u8@112", Unit.BYTES_PER_SECOND,
        "maximum pacing rate: SO_MAX_PACING_RATE", Column("MAXPACING"), unknown=0xFFFFFFFFFFFFFFFF,
    ),
    tcp_info(
        "rate_flags", "u1@7", Unit.BITS,
        "app-limited: the application sent too little while delivery_rate was measured",
        Column("APP_LIM", format=Format.APP_LIMITED, width=8),
        source="TCP_INFO tcpi_delivery_rate_app_limited, the lowest bit",
    ),
    Field(
        "bytes_acked", "u8", Unit.BYTES,
        "bytes acknowledged by the peer in its whole life; where never sampled, since first seen",
        "TCP_INFO tcpi_bytes_acked; tcp_probe snd_una", Column("ACKED"), query="acked bytes_acked",
        where=Where.FLOW, offset=120,
    ),
    Field(
        "bytes_acked_seen", "u8", Unit.BYTES, "bytes acknowledged by the peer since first seen",
        "tcp_probe snd_una; TCP_INFO tcpi_bytes_acked less that of the first sample",
        Column("ACKEDSEEN"), query="acked_seen bytes_acked_seen", where=Where.DERIVED,
    ),
    Field(
        "acked_before", "u8", Unit.BYTES, "bytes acknowledged by the peer before it was first seen",
        "TCP_INFO tcpi_bytes_acked of the first sample", where=Where.FLOW,
    ),
    Field(
        "acked_sampled", "u8", Unit.BYTES, "bytes acknowledged by the peer, when last sampled",
        "TCP_INFO tcpi_bytes_acked", where=Where.DERIVED, unknown=0xFFFFFFFFFFFFFFFF,
    ),
    tcp_info(
        "bytes_sent", "u8@200", Unit.BYTES, "bytes sent, retransmissions included", Column("SENT"),
    ),
    tcp_info(
        "segs_out", "u4@136", Unit.TOTAL, "segments sent, pure ACKs included", Column("SEGS_OUT"),
    ),
    tcp_info("data_segs_out", "u4@156", Unit.TOTAL, "segments sent with data", Column("DATASEGSO")),
    tcp_info(
        "delivered", "u4@192", Unit.TOTAL,
        "segments with data that were delivered, retransmitted ones included", Column("DELIVERED"),
    ),
)  # fmt: skip
"""Speed, and totals of what was sent."""

SEGMENTS = (
    Field(
        "mss", "u4", Unit.BYTES, "newest maximum segment size that was sampled, in bytes",
        "TCP_INFO tcpi_snd_mss", Column("MSS", format=Format.WHOLE), query="mss", where=Where.FLOW,
        unknown=0,
    ),
    tcp_info(
        "snd_mss", "u4@16", Unit.BYTES, "maximum segment size for sending, in bytes",
        Column("SND_MSS", format=Format.WHOLE), unknown=0,
    ),
    tcp_info(
        "rcv_mss", "u4@20", Unit.BYTES, "estimated size of the peer's segments, in bytes",
        Column("RCV_MSS", format=Format.WHOLE), query="rcv_mss rcvmss",
    ),
    tcp_info(
        "advmss", "u4@84", Unit.BYTES, "maximum segment size advertised to the peer, in bytes",
        Column("ADVMSS", format=Format.WHOLE),
    ),
    tcp_info(
        "pmtu", "u4@60", Unit.BYTES, "path MTU, in bytes", Column("PMTU", format=Format.WHOLE),
        unknown=0,
    ),
    tcp_info(
        "options", "u1@5", Unit.BITS,
        "TCP options in use: timestamps 1, SACK 2, window scaling 4, ECN 8, …",
        Column("OPTIONS", format=Format.OPTIONS, width=14, most=40),
    ),
    tcp_info(
        "wscale", "u1@6", Unit.BITS,
        "window scales (powers of two): of the peer in the lower four bits, then the local one",
        Column("WSCALE", format=Format.SCALES, width=7),
        source="TCP_INFO tcpi_snd_wscale, tcpi_rcv_wscale",
    ),
)  # fmt: skip
"""Sizes of segments, and options that both ends agreed on."""
