"""Losses and recovery from them, and what holds a connection back."""

from __future__ import annotations

from tcctui.fields.field import Column, Field, Format, Unit, Where, tcp_info

_CAUSES = "tcp_retransmit_skb; icsk_ca_state, icsk_pending (net/ipv4/tcp_timer.c)"

LOSS = (
    tcp_info(
        "total_retrans", "u4@100", Unit.TOTAL, "segments retransmitted",
        Column("RETR", key="retrans", width=5, rank=15), query="retrans retr total_retrans",
    ),
    Field(
        "retrans_percent", "f8", Unit.PERCENT,
        "segments retransmitted, in percent of those sent with data",
        "TCP_INFO tcpi_total_retrans of tcpi_data_segs_out",
        Column("RETR%", key="retrans_pct", rank=8),
        query="retrans_pct retrans% retr% retrans_percent", where=Where.DERIVED,
    ),
    Field(
        "ca_state", "u1", Unit.CODE, "loss recovery state: Open, Disorder, CWR, Recovery, Loss",
        "tcp_cong_state_set; TCP_INFO tcpi_ca_state", Column("CA_STATE", width=9),
        query="ca ca_state", where=Where.FLOW, unknown=0xFF, offset=1, noun="a state",
    ),
    *(
        Field(
            name, "u4", Unit.COUNT, meaning, _CAUSES, Column(title), query=name, where=Where.FLOW,
            unknown=0,
        )
        for name, title, meaning in (
            ("retrans_rto", "R_RTO", "segments retransmitted by a timeout, or after one"),
            ("retrans_fast", "R_FAST", "segments retransmitted in Recovery: SACK, RACK, dup ACKs"),
            ("retrans_tlp", "R_TLP", "segments retransmitted as tail loss probes"),
            ("retrans_syn", "R_SYN", "retransmissions of the SYN"),
        )
    ),
    Field(
        "undone", "u4", Unit.COUNT,
        "recoveries that were spurious: the reduction of cwnd was taken back",
        "tcp_cong_state_set; undo_marker, prior_ssthresh (tcp_undo_cwnd_reduction)",
        Column("UNDONE"), query="undone spurious", where=Where.FLOW, unknown=0,
    ),
    Field(
        "dropped", "u4", Unit.COUNT, "packets of the connection that this machine dropped",
        "kfree_skb", Column("DROPPED"), query="dropped", where=Where.FLOW, unknown=0,
    ),
    Field(
        "drop_reason", "S24", Unit.NAME, "reason of the last drop, as the kernel names it",
        "kfree_skb reason; enum skb_drop_reason", Column("DROP_BY", width=14, most=24),
        query="drop_reason", where=Where.FLOW, noun="a reason", sample="netfilter_drop",
    ),
    tcp_info(
        "retrans", "u4@36", Unit.SEGMENTS, "segments retransmitted and not yet acknowledged",
        Column("RETR_OUT", key="retrans_out"), query="retrans_out",
    ),
    tcp_info("lost", "u4@32", Unit.SEGMENTS, "segments presumed lost", Column("LOST")),
    tcp_info("bytes_retrans", "u8@208", Unit.BYTES, "bytes retransmitted", Column("BYTESRETR")),
    tcp_info(
        "dsack_dups", "u4@216", Unit.TOTAL,
        "segments that the peer received twice (DSACK): retransmitted without need",
        Column("DSACKDUPS"),
    ),
    tcp_info(
        "reordering", "u4@88", Unit.SEGMENTS, "reordering tolerance (segments)",
        Column("REORD", format=Format.WHOLE),
    ),
    tcp_info("reord_seen", "u4@220", Unit.COUNT, "reordering events", Column("REORDSEEN")),
    tcp_info(
        "delivered_ce", "u4@196", Unit.TOTAL, "segments delivered with a congestion mark (ECN CE)",
        Column("DELIV_CE"),
    ),
    tcp_info(
        "rehash", "u4@236", Unit.COUNT, "path changes by a new hash after timeouts (tcp_rehash)",
        Column("REHASH"),
    ),
)  # fmt: skip
"""Retransmissions, reordering, congestion marks."""

_CHRONOS = "TCP_INFO tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited, tcpi_ca_state"
LIMITS = (
    Field(
        "limit", "u1", Unit.CODE, "main limit over the last 2 s; the signs explain each", _CHRONOS,
        Column("LIMITED", width=8, rank=4), query="limit limited", where=Where.DERIVED, unknown=0,
        noun="a cause",
    ),
    Field(
        "limit_shares", "f8", Unit.SHARE, "share of the last 2 s", _CHRONOS,
        Column("%", format=Format.SHARES), where=Where.DERIVED, clickhouse_type="Array(Float64)",
    ),
    tcp_info(
        "busy_time", "u8@168", Unit.MICROSECONDS, "time with data to send",
        Column("BUSY", format=Format.CLOCK), query="busy busy_time",
    ),
    tcp_info(
        "rwnd_limited", "u8@176", Unit.MICROSECONDS,
        "part of the busy time limited by the peer's receive window",
        Column("RWND_LIM", format=Format.CLOCK),
    ),
    tcp_info(
        "sndbuf_limited", "u8@184", Unit.MICROSECONDS,
        "part of the busy time limited by the send buffer",
        Column("SNDBUFLIM", format=Format.CLOCK),
    ),
)  # fmt: skip
"""Limits, as the kernel's clocks tell them."""
