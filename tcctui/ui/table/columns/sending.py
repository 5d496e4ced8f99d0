"""Columns about what is sent: windows, rates, losses, and what holds it back."""

from __future__ import annotations

from tcctui.flows.diagnosis.causes import BY_LIMIT, CAUSES, LIMIT_NAMES
from tcctui.ui.table.columns import asking, forms
from tcctui.ui.table.columns.column import UNUSUAL, TableColumn
from tcctui.ui.table.columns.kinds import (
    BYTES,
    CLOCK,
    COUNT,
    NUMBER,
    RATE,
    SEGMENTS,
    Kind,
    asks,
    number,
    tcp_info,
    words,
)

_SEQUENCE = Kind(forms.whole, 10)

WINDOW = (
    TableColumn(
        name="phase",
        title="PHASE",
        width=10,
        rank=UNUSUAL,
        meaning="slow-start while cwnd is below ssthresh, else avoidance; of BBR, what it probes",
        needs=("snd_cwnd", "slow_start", "cc", "bbr_phase"),
        cells=forms.phase,
        sort=("slow_start",),
        left=True,
        source="snd_cwnd < ssthresh (tcp_in_slow_start); BBR: inferred from its gains",
        query=asking.phase,
    ),
    tcp_info(
        *("snd_ssthresh", "SND_SSTHR", SEGMENTS),
        meaning="slow start threshold as TCP_INFO has it, in segments; ∞ was never set",
    ),
    tcp_info(
        *("unacked", "UNACKED", SEGMENTS),
        meaning="segments sent and neither acknowledged nor given up",
    ),
    tcp_info(
        *("sacked", "SACKED", SEGMENTS),
        meaning="segments of these that arrived behind a gap",
    ),
    tcp_info(
        *("notsent_bytes", "NOTSENT", BYTES),
        meaning="bytes that wait in the send buffer and have not been sent",
        asked=("unsent",),
    ),
    number(
        *("wqueue", "SEND-Q", BYTES),
        meaning="bytes written and not yet acknowledged: write_seq - snd_una",
        source="sock_diag idiag_wqueue",
    ),
    number(
        *("snd_nxt", "SND_NXT", _SEQUENCE),
        meaning="sequence number of the next byte to be sent",
        source="tcp_probe snd_nxt",
    ),
    number(
        *("snd_una", "SND_UNA", _SEQUENCE),
        meaning="sequence number of the first byte that is not acknowledged",
        source="tcp_probe snd_una",
    ),
)

RATES = (
    tcp_info(
        *("pacing_rate", "PACING", RATE),
        meaning="bits per second that the kernel spreads segments to",
    ),
    tcp_info(
        *("max_pacing_rate", "MAXPACING", RATE),
        meaning="bits per second that pacing never exceeds: SO_MAX_PACING_RATE",
    ),
    words(
        *("rate_flags", "APP_LIM", 8),
        form=forms.app_limited,
        meaning="whether the delivery rate was measured while the application had too little",
        source="TCP_INFO tcpi_delivery_rate_app_limited",
    ),
    number(
        *("bytes_acked", "ACKED", BYTES),
        meaning="bytes that the other end acknowledged; where never sampled, since first seen",
        source="TCP_INFO tcpi_bytes_acked; tcp_probe snd_una",
    ),
    tcp_info(
        *("bytes_sent", "SENT", BYTES),
        meaning="bytes sent, those sent again too",
    ),
    tcp_info(
        *("segs_out", "SEGS_OUT", COUNT),
        meaning="segments sent, without data too",
    ),
    tcp_info(
        *("data_segs_out", "DATASEGSO", COUNT),
        meaning="segments sent with data",
    ),
    tcp_info(
        *("delivered", "DELIVERED", COUNT),
        meaning="segments with data that arrived, those sent again too",
    ),
)

LOSS = (
    words(
        *("ca_state", "CA_STATE", 9),
        form=forms.word(forms.CA_STATES),
        meaning="what congestion control takes the path for: Open, Disorder, CWR, Recovery, Loss",
        source="tcp_cong_state_set; TCP_INFO tcpi_ca_state",
        query=asks("ca_state", forms.CA_STATES, "ca", "ca_state"),
    ),
    tcp_info(
        *("retrans_out", "RETR_OUT", SEGMENTS),
        field="retrans",
        meaning="segments sent again and not yet acknowledged",
    ),
    tcp_info(
        *("lost", "LOST", SEGMENTS),
        meaning="segments that are taken for lost, and not yet made up for",
    ),
    tcp_info(
        *("bytes_retrans", "BYTESRETR", BYTES),
        meaning="bytes sent again, since the connection began",
    ),
    tcp_info(
        *("dsack_dups", "DSACKDUPS", COUNT),
        meaning="segments that the other end got twice: sent again without need",
    ),
    tcp_info(
        *("reordering", "REORD", NUMBER),
        meaning="by how many segments the path may change their order before one counts as lost",
    ),
    tcp_info(
        *("reord_seen", "REORDSEEN", COUNT),
        meaning="how often segments came in another order",
    ),
    tcp_info(
        *("delivered_ce", "DELIV_CE", COUNT),
        meaning="segments that arrived with a mark of congestion: ECN's CE",
    ),
    tcp_info(
        *("rehash", "REHASH", COUNT),
        meaning="how often another path was tried by another hash, after timeouts or congestion",
    ),
)

_CHRONOS = "TCP_INFO tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited, tcpi_ca_state"

LIMITS = (
    *(
        TableColumn(
            name=f"{LIMIT_NAMES[limit]}_share",
            title=f"{LIMIT_NAMES[limit].upper()}%",
            width=max(6, len(LIMIT_NAMES[limit]) + 1),
            rank=UNUSUAL,
            meaning=f"part of the last 2 s that it was held back by {BY_LIMIT[limit].by}",
            needs=("limit_shares",),
            cells=forms.share(place),
            source=_CHRONOS,
        )
        for place, limit in enumerate(CAUSES)
    ),
    tcp_info(
        *("busy_time", "BUSY", CLOCK),
        meaning="time in which there was something to send, since the connection began",
    ),
    tcp_info(
        *("rwnd_limited", "RWND_LIM", CLOCK),
        meaning="time of that in which the other end's window held it back",
    ),
    tcp_info(
        *("sndbuf_limited", "SNDBUFLIM", CLOCK),
        meaning="time of that in which the send buffer held it back",
    ),
)
