"""Health of a connection, and what of it no other field tells."""

from __future__ import annotations

from tcctui.fields.field import Column, Field, Format, Unit, Where, Window, moment

HEALTH = (
    Field(
        "health", "u1", Unit.CODE,
        "signs that it suffers or did in the last 10 s, the worst first: a timeout (rto), a closed "
        "window (zero), 2 % or more retransmitted (loss), srtt over three times its minimum "
        "(queue), reordering (reorder)",
        "tcp_cong_state_set; TCP_INFO tcpi_ca_state, tcpi_total_retrans, tcpi_data_segs_out, "
        "tcpi_rtt, tcpi_min_rtt, tcpi_snd_wnd, tcpi_rcv_wnd, tcpi_reord_seen; idiag_rqueue",
        Column("HEALTH", format=Format.SIGNS, width=10, most=27, rank=23), query="health",
        where=Where.DERIVED, unknown=0xFF, noun="a sign",
    ),
    Field(
        "timeouts_10s", "f8", Unit.COUNT, "retransmission timeouts that expired in the last 10 s",
        "tcp_cong_state_set cong_state; between samples TCP_INFO tcpi_ca_state: Loss was entered",
        Column("TIMEOUTS"), query="timeouts timeouts_10s", where=Where.DERIVED,
    ),
    Field(
        "reorder_rate_10s", "f8", Unit.PER_SECOND,
        "reordering events per second, over the last 10 s sampled",
        "TCP_INFO tcpi_reord_seen, its growth", Column("REORD/s"), query="reorder_rate_10s",
        where=Where.DERIVED, window=Window("reord_seen", 10),
    ),
    moment(
        "zero_window_ns", Column("ZEROWND", key="zero_window"),
        "a receive window was last seen closed, the peer's or the local one with data unread",
        "tcp_probe snd_wnd; TCP_INFO tcpi_snd_wnd, tcpi_rcv_wnd; idiag_rqueue",
    ),
    moment(
        "queued_ns", Column("QUEUED", key="queued"),
        "srtt was last sampled beyond three times its minimum",
        "tcp_probe srtt; TCP_INFO tcpi_rtt, tcpi_min_rtt",
    ),
)  # fmt: skip
"""Signs of a connection that suffers, whatever limits it."""
