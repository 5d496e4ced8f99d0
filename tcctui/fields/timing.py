"""Round trips and timers."""

from __future__ import annotations

from tcctui.fields.field import Column, Field, Format, Unit, Where, tcp_info

ROUND_TRIPS = (
    Field(
        "srtt_us", "u4", Unit.MICROSECONDS, "smoothed round-trip time",
        "tcp_probe srtt; TCP_INFO tcpi_rtt", Column("SRTT", key="srtt", rank=2, style="srtt"),
        query="srtt rtt srtt_us", where=Where.FLOW, unknown=0, record="srtt",
    ),
    Field(
        "srtt_spark", "", Unit.MICROSECONDS, "highest srtt in each 3 s of the last 30 s",
        "tcp_probe srtt; TCP_INFO tcpi_rtt",
        Column("SRTT 30s", format=Format.HIGHEST, rank=14, style="srtt"), where=Where.PARTS,
        parts=("srtt_us",),
    ),
    # Before the first measurement tcp_min_rtt() is the largest number.
    tcp_info(
        "min_rtt", "u4@148", Unit.MICROSECONDS,
        "minimum round-trip time of late: the path without queueing delay",
        Column("MINRTT", rank=12), query="min_rtt minrtt", unknown=0xFFFFFFFF,
    ),
    tcp_info(
        "rtt", "u4@68", Unit.MICROSECONDS, "smoothed round-trip time when last sampled",
        Column("RTT"), query="", unknown=0,
    ),
    tcp_info(
        "rttvar", "u4@72", Unit.MICROSECONDS, "mean deviation of the round-trip time",
        Column("RTTVAR"), unknown=0,
    ),
    Field(
        "queueing_us", "f8", Unit.MICROSECONDS,
        "queueing delay: smoothed round-trip time beyond the minimum",
        "srtt - TCP_INFO tcpi_min_rtt", Column("QUEUEING", key="queueing"),
        query="queueing queueing_us", where=Where.DERIVED,
    ),
)  # fmt: skip
"""Times that a segment and its ACK take."""

TIMERS = (
    tcp_info("rto", "u4@8", Unit.MICROSECONDS, "retransmission timeout", Column("RTO")),
    tcp_info("ato", "u4@12", Unit.MICROSECONDS, "delayed ACK timeout", Column("ATO")),
    tcp_info(
        "retransmits", "u1@2", Unit.COUNT, "retransmission timeouts in a row, without an ACK",
        Column("RETRANSM", format=Format.WHOLE),
    ),
    tcp_info(
        "probes", "u1@3", Unit.COUNT, "unanswered zero-window or keep-alive probes",
        Column("PROBES", format=Format.WHOLE),
    ),
    tcp_info(
        "backoff", "u1@4", Unit.COUNT, "doublings of the retransmission timeout",
        Column("BACKOFF", format=Format.WHOLE),
    ),
    tcp_info(
        "total_rto", "u2@240", Unit.COUNT,
        "retransmission timeouts in its life, those of SYN and SYN-ACK included (since Linux 6.7)",
        Column("RTOS"), query="total_rto rtos",
    ),
    tcp_info(
        "total_rto_recoveries", "u2@242", Unit.COUNT,
        "recoveries after timeouts, an unfinished one included (since Linux 6.7)",
        Column("RTO_RECOV"),
    ),
    tcp_info(
        "total_rto_time", "u4@244", Unit.MILLISECONDS,
        "time spent in recovery after timeouts (since Linux 6.7)", Column("RTO_TIME"),
    ),
    tcp_info(
        "last_data_sent", "u4@44", Unit.MILLISECONDS, "time since data was sent, when sampled",
        Column("LASTSND"), query="last_data_sent lastsnd", happened="data_segs_out",
    ),
    tcp_info(
        "last_ack_sent", "u4@48", Unit.MILLISECONDS,
        "time since an ACK was sent, which Linux does not keep: always 0", Column("LASTACKSN"),
    ),
    tcp_info(
        "last_data_recv", "u4@52", Unit.MILLISECONDS, "time since data was received, when sampled",
        Column("LASTRCV"), query="last_data_recv lastrcv", happened="data_segs_in",
    ),
    tcp_info(
        "last_ack_recv", "u4@56", Unit.MILLISECONDS, "time since an ACK was received, when sampled",
        Column("LASTACK"), query="last_ack_recv lastack",
    ),
)  # fmt: skip
"""Timeouts, and times since something."""
