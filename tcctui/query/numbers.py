"""Every number of a flow as a field of the language."""

from __future__ import annotations

from tcctui.flows.columns import UNKNOWN_WINDOW
from tcctui.query.definitions import Definition
from tcctui.query.number_terms import number
from tcctui.query.quantities import (
    AGE,
    ALPHA,
    BIT_RATE,
    BYTES,
    COUNT,
    GAIN,
    IDENTIFIER,
    PERCENT,
    ROUND_TRIP,
    SEGMENTS,
    SINCE,
    THRESHOLD,
    Quantity,
)


def _flow(
    names: str,
    quantity: Quantity,
    meaning: str,
    source: str,
    *,
    column: str = "",
    unknown: int | None = None,
) -> Definition:
    """A number that tcctui keeps of each flow; the first of `names` is the usual one."""
    name, *synonyms = names.split()
    field = number(column or name, quantity, unknown)
    return Definition(name, tuple(synonyms), field, meaning, source)


def _info(names: str, quantity: Quantity, meaning: str, *, member: str = "") -> Definition:
    """A member of `struct tcp_info`."""
    member = member or names.split(maxsplit=1)[0]
    return _flow(names, quantity, meaning, f"TCP_INFO tcpi_{member}", column=member)


_WINDOW = UNKNOWN_WINDOW

OF_FLOWS: tuple[Definition, ...] = (
    _flow(
        *("cwnd snd_cwnd", SEGMENTS, "congestion window", "tcp_probe snd_cwnd"),
        column="snd_cwnd",
        unknown=0,
    ),
    _flow(
        *("ssthresh ssthr snd_ssthresh", THRESHOLD, "slow start threshold; inf was never set"),
        "tcp_probe ssthresh",
        unknown=0,
    ),
    _flow(
        *("srtt rtt srtt_us", ROUND_TRIP, "smoothed round-trip time", "tcp_probe srtt"),
        column="srtt_us",
        unknown=0,
    ),
    _info("min_rtt minrtt", ROUND_TRIP, "least round-trip time of late"),
    _flow(
        *("queueing queueing_us", ROUND_TRIP, "srtt beyond the least one", "srtt - tcpi_min_rtt"),
        column="queueing_us",
    ),
    _flow(
        *("rate", BIT_RATE, "what the other end acknowledged over the last second"),
        "tcp_probe snd_una, tcpi_bytes_acked",
    ),
    _info("delivery_rate delivery deliv", BIT_RATE, "what the path delivered last"),
    _info("pacing_rate pacing", BIT_RATE, "what is sent at most"),
    _info("max_pacing_rate", BIT_RATE, "what SO_MAX_PACING_RATE allows"),
    _flow(
        *("inflight in_flight", BYTES, "sent and not yet acknowledged"),
        "tcp_probe snd_nxt - snd_una",
        column="in_flight",
    ),
    _flow(
        *("snd_wnd swnd", BYTES, "window that the other end offers", "tcp_probe snd_wnd"),
        unknown=_WINDOW,
    ),
    _flow(
        *("rcv_wnd rwnd", BYTES, "window offered to the other end", "tcp_probe rcv_wnd"),
        unknown=_WINDOW,
    ),
    _flow(
        *("mss", BYTES, "largest segment that it was seen to send", "TCP_INFO tcpi_snd_mss"),
        unknown=0,
    ),
    _flow(
        *("acked bytes_acked", BYTES, "acknowledged in its life, or since it was first seen"),
        "TCP_INFO tcpi_bytes_acked",
        column="bytes_acked",
    ),
    _flow(
        *("retrans retr total_retrans", SEGMENTS, "segments sent again in its life"),
        "TCP_INFO tcpi_total_retrans",
        column="total_retrans",
    ),
    _flow(
        *(
            "retrans_pct retrans% retr% retrans_percent",
            PERCENT,
            "segments sent again, of a hundred sent with data",
        ),
        "tcpi_total_retrans / tcpi_data_segs_out",
        column="retrans_percent",
    ),
    _flow(
        *("age", AGE, "time since it was opened, or first seen", "inet_sock_set_state"),
        column="age_ns",
    ),
    _flow("events", COUNT, "tcp_probe events of it", "counted by tcctui"),
    _flow("acks", COUNT, "the kernel's own count of them", "counted in the kernel"),
    _flow("pid", IDENTIFIER, "number of the process", "/proc"),
    _flow("uid", IDENTIFIER, "user whose socket it is", "sock_diag idiag_uid"),
    _flow("mark", IDENTIFIER, "mark of the last segment received", "tcp_probe mark"),
    _flow(
        *("cookie sock_cookie", IDENTIFIER, "the socket's number", "tcp_probe sock_cookie"),
        column="cookie",
    ),
    _flow("snd_nxt", IDENTIFIER, "next sequence number to send", "tcp_probe snd_nxt"),
    _flow("snd_una", IDENTIFIER, "first one not acknowledged", "tcp_probe snd_una"),
)
"""What the tracepoint and tcctui itself tell."""

OF_SAMPLES: tuple[Definition, ...] = (
    _info("unacked", SEGMENTS, "segments sent and not yet acknowledged"),
    _info("sacked", SEGMENTS, "segments not yet acknowledged that arrived out of order"),
    _info("lost", SEGMENTS, "segments not yet acknowledged that are taken for lost"),
    _info(
        "retrans_out",
        SEGMENTS,
        "segments not yet acknowledged that were sent again",
        member="retrans",
    ),
    _info("retransmits", COUNT, "timeouts in a row of the oldest segment"),
    _info("probes", COUNT, "probes of a closed window or of an idle peer, unanswered"),
    _info("backoff", COUNT, "how often the timeout was doubled"),
    _info("rttvar", ROUND_TRIP, "how much the round-trip time varies"),
    _info("rto", ROUND_TRIP, "timeout after which a segment is sent again"),
    _info("ato", ROUND_TRIP, "timeout after which an acknowledgement is sent"),
    _info("snd_mss", BYTES, "maximum segment size to send, now"),
    _info("rcv_mss rcvmss", BYTES, "segment size of what comes, as estimated"),
    _info("advmss", BYTES, "maximum segment size that was announced"),
    _info("pmtu", BYTES, "largest packet the path takes"),
    _info("rcv_ssthresh", BYTES, "limit of the window that may be offered"),
    _info("rcv_rtt", ROUND_TRIP, "round-trip time as the receiver estimates it"),
    _info("rcv_space", BYTES, "receive buffer that is aimed at"),
    _info("reordering", SEGMENTS, "how far segments overtake each other on this path"),
    _info("reord_seen", COUNT, "how often that was seen"),
    _info("last_data_sent lastsnd", SINCE, "time since data was sent"),
    _info("last_ack_sent", SINCE, "time since an acknowledgement was sent; the kernel keeps none"),
    _info("last_data_recv lastrcv", SINCE, "time since data came"),
    _info("last_ack_recv lastack", SINCE, "time since an acknowledgement came"),
    _info("received bytes_received", BYTES, "data that came in its life", member="bytes_received"),
    _info("bytes_sent", BYTES, "data sent, repetitions too"),
    _info("bytes_retrans", BYTES, "data sent again"),
    _info("unsent notsent notsent_bytes", BYTES, "written, not yet sent", member="notsent_bytes"),
    _info("segs_out", COUNT, "segments sent"),
    _info("segs_in", COUNT, "segments that came"),
    _info("data_segs_out", COUNT, "segments with data sent"),
    _info("data_segs_in", COUNT, "segments with data that came"),
    _info("delivered", COUNT, "segments that arrived, as the other end says"),
    _info("delivered_ce", COUNT, "segments that arrived marked for congestion (ECN)"),
    _info("dsack_dups", COUNT, "segments that arrived twice, as the other end says"),
    _info("rcv_ooopack", COUNT, "segments that came out of order"),
    _info("rehash", COUNT, "how often another path was tried (tcp_rehash)"),
    _info("busy busy_time", ROUND_TRIP, "time with something to send", member="busy_time"),
    _info("rwnd_limited", ROUND_TRIP, "time held back by the other end's window"),
    _info("sndbuf_limited", ROUND_TRIP, "time held back by the send buffer"),
    _info("options", IDENTIFIER, "bits: timestamps 1, SACK 2, window scale 4, ECN 8, …"),
    _info("wscale", IDENTIFIER, "window scales: send in the lower four bits, receive above"),
    _info("rate_flags", IDENTIFIER, "bits: 1 is that the application limited delivery_rate"),
    _flow("rqueue recvq", BYTES, "came and not yet read", "sock_diag idiag_rqueue"),
    _flow("wqueue sendq", BYTES, "written and not yet acknowledged", "sock_diag idiag_wqueue"),
    _flow("ifindex", IDENTIFIER, "device that the socket is bound to", "sock_diag idiag_if"),
    _flow("inode", IDENTIFIER, "the socket's inode", "sock_diag idiag_inode"),
    _flow(
        *("netns_id", IDENTIFIER, "inode of the network namespace", "/proc/PID/ns/net"),
        column="netns",
    ),
    _flow("info_len", BYTES, "size of the kernel's TCP_INFO", "INET_DIAG_INFO"),
    _flow("cc_info", IDENTIFIER, "whose own values there are: BBR 1, DCTCP 2", "INET_DIAG"),
    _flow("has_skmem", IDENTIFIER, "whether memory is known", "INET_DIAG_SKMEMINFO"),
    _flow("bbr_bw", BIT_RATE, "bandwidth that BBR estimates", "INET_DIAG_BBRINFO bbr_bw"),
    _flow("bbr_min_rtt", ROUND_TRIP, "least round trip that BBR knows", "BBRINFO bbr_min_rtt"),
    _flow("bbr_pacing_gain pacing_gain", GAIN, "BBR's pacing gain", "BBRINFO bbr_pacing_gain"),
    _flow("bbr_cwnd_gain cwnd_gain", GAIN, "BBR's window gain", "BBRINFO bbr_cwnd_gain"),
    _flow("dctcp_alpha", ALPHA, "share of marked segments", "INET_DIAG_DCTCPINFO dctcp_alpha"),
    _flow("dctcp_ce_state", IDENTIFIER, "whether the last was marked", "DCTCPINFO dctcp_ce_state"),
    _flow("dctcp_enabled", IDENTIFIER, "whether ECN is used", "DCTCPINFO dctcp_enabled"),
    _flow("rmem_alloc", BYTES, "memory of what came", "SKMEMINFO rmem_alloc"),
    _flow("rcvbuf", BYTES, "the most memory that what came may take", "SKMEMINFO rcvbuf"),
    _flow("wmem_alloc", BYTES, "memory of what is on its way out", "SKMEMINFO wmem_alloc"),
    _flow("sndbuf", BYTES, "the most memory that what is to be sent may take", "SKMEMINFO sndbuf"),
    _flow("wmem_queued", BYTES, "memory of what is to be sent", "SKMEMINFO wmem_queued"),
    _flow("drops", COUNT, "segments dropped by the socket", "SKMEMINFO drops"),
)
"""What only samples tell."""
