"""Columns about round trips and timers."""

from __future__ import annotations

from tcctui.ui.table.columns.kinds import AGO, NUMBER, ROUND_TRIP, number, tcp_info

ROUND_TRIPS = (
    tcp_info(
        *("rtt", "RTT", ROUND_TRIP),
        meaning="smoothed round-trip time when it was last sampled",
        asked=("tcpi_rtt",),
    ),
    tcp_info(
        *("rttvar", "RTTVAR", ROUND_TRIP),
        meaning="how far round-trip times are from the smoothed one, on the average",
    ),
    number(
        *("queueing", "QUEUEING", ROUND_TRIP),
        field="queueing_us",
        meaning="smoothed round-trip time beyond the least one: time spent in queues",
        source="srtt less TCP_INFO tcpi_min_rtt",
    ),
)

TIMERS = (
    tcp_info(
        *("rto", "RTO", ROUND_TRIP),
        meaning="time without an acknowledgement after which segments are sent again",
    ),
    tcp_info(
        *("ato", "ATO", ROUND_TRIP),
        meaning="time for which an acknowledgement may be delayed",
    ),
    tcp_info(
        *("retransmits", "RETRANSM", NUMBER),
        meaning="timeouts in a row that sent a segment again, and no acknowledgement since",
    ),
    tcp_info(
        *("probes", "PROBES", NUMBER),
        meaning="probes of a closed window or of a silent peer that were not answered",
    ),
    tcp_info(
        *("backoff", "BACKOFF", NUMBER),
        meaning="how often the timeout was doubled",
    ),
    tcp_info(
        *("last_data_sent", "LASTSND", AGO),
        meaning="time since data was sent, when it was last sampled",
        asked=("lastsnd",),
    ),
    tcp_info(
        *("last_ack_sent", "LASTACKSN", AGO),
        meaning="time since an acknowledgement was sent: Linux does not remember, and says 0",
    ),
    tcp_info(
        *("last_data_recv", "LASTRCV", AGO),
        meaning="time since data was received, when it was last sampled",
        asked=("lastrcv",),
    ),
    tcp_info(
        *("last_ack_recv", "LASTACK", AGO),
        meaning="time since an acknowledgement was received, when it was last sampled",
        asked=("lastack",),
    ),
)
