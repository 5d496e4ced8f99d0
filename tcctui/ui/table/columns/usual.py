"""The usual columns: what is on the screen where nobody has chosen any, as many as fit."""

from __future__ import annotations

from tcctui.flows.diagnosis.diagnosis import LIMIT_NAMES
from tcctui.flows.frame import Sparkline
from tcctui.ui.style import units
from tcctui.ui.style.colours import limit_style
from tcctui.ui.table import cells
from tcctui.ui.table.columns import asking, kinds
from tcctui.ui.table.columns.column import LONGEST_ENDPOINT, TableColumn
from tcctui.ui.table.columns.kinds import Kind, number, text
from tcctui.wire.tcp_states import STATE_NAMES

_LOCAL = ("saddr_hi", "saddr_lo", "sport")
_REMOTE = ("daddr_hi", "daddr_lo", "dport")
_PROCFS = "/proc: who has the socket's inode"

COLUMNS: tuple[TableColumn, ...] = (
    TableColumn(
        name="local",
        title="LOCAL",
        width=15,
        rank=5,
        meaning="address and port at this end",
        needs=_LOCAL,
        cells=cells.local,
        sort=_LOCAL,
        left=True,
        most=LONGEST_ENDPOINT,
        descending=False,
        source="tcp_probe saddr; sock_diag idiag_src, idiag_sport",
        query=asking.address("s", "src"),
    ),
    TableColumn(
        name="remote",
        title="REMOTE",
        width=21,
        rank=0,
        meaning="address and port at the other end",
        needs=_REMOTE,
        cells=cells.remote,
        sort=_REMOTE,
        left=True,
        most=LONGEST_ENDPOINT,
        descending=False,
        source="tcp_probe daddr; sock_diag idiag_dst, idiag_dport",
        query=asking.address("d", "dst"),
    ),
    text(
        *("process", "PROCESS", 10),
        rank=7,
        field="comm",
        most=15,
        meaning="name of the process that has the socket",
        source=_PROCFS,
        asked="proc",
    ),
    number(
        *("pid", "PID", Kind(units.plain_count, 7)),
        rank=16,
        meaning="number of that process",
        source=_PROCFS,
    ),
    text(
        *("netns", "NETNS", 8),
        rank=19,
        field="netns_name",
        most=16,
        meaning="network namespace: its name, or its number where it has none",
        source="/run/netns, or /proc: which namespace sock_diag was asked in",
        asked="netns",
    ),
    text(
        *("cc", "CC", 5),
        rank=6,
        field="cc",
        most=8,
        meaning="congestion control algorithm",
        source="sock_diag INET_DIAG_CONG",
        asked="cc",
    ),
    TableColumn(
        name="state",
        title="STATE",
        width=10,
        rank=11,
        meaning="state of the socket",
        needs=("state",),
        cells=cells.state,
        sort=("state",),
        left=True,
        descending=False,
        source="inet_sock_set_state newstate; sock_diag idiag_state",
        query=asking.named("state", STATE_NAMES, "state"),
    ),
    number(
        *("cwnd", "CWND", kinds.SEGMENTS),
        rank=1,
        field="snd_cwnd",
        meaning="congestion window, in segments",
        source="tcp_probe snd_cwnd; TCP_INFO tcpi_snd_cwnd",
    ),
    number(
        *("ssthresh", "SSTHR", kinds.SEGMENTS),
        rank=9,
        meaning="slow start threshold, in segments; ∞ was never set",
        source="tcp_probe ssthresh; of TCP_INFO tcpi_snd_ssthresh, as tcp_current_ssthresh()",
    ),
    number(
        *("srtt", "SRTT", kinds.ROUND_TRIP),
        rank=2,
        field="srtt_us",
        meaning="smoothed round-trip time",
        source="tcp_probe srtt; TCP_INFO tcpi_rtt",
    ),
    number(
        *("min_rtt", "MINRTT", kinds.ROUND_TRIP),
        rank=12,
        meaning="least round-trip time of late: what the path takes without queues",
        source="TCP_INFO tcpi_min_rtt",
    ),
    number(
        *("in_flight", "INFLIGHT", kinds.BYTES),
        rank=17,
        meaning="bytes sent and not yet acknowledged: snd_nxt - snd_una",
        source="tcp_probe snd_nxt, snd_una; of sock_diag idiag_wqueue less tcpi_notsent_bytes",
        width=9,
    ),
    number(
        *("rate", "RATE", kinds.RATE),
        rank=3,
        meaning="bits per second that the other end acknowledged, over the last second",
        source="tcp_probe snd_una; between samples TCP_INFO tcpi_bytes_acked",
    ),
    number(
        *("delivery_rate", "DELIV", kinds.RATE),
        rank=13,
        meaning="bits per second that the path delivered last, as the kernel measures it",
        source="TCP_INFO tcpi_delivery_rate",
    ),
    number(
        *("retrans", "RETR", kinds.COUNT),
        rank=15,
        field="total_retrans",
        meaning="segments sent again, since the connection began",
        source="TCP_INFO tcpi_total_retrans",
        width=5,
    ),
    number(
        *("retrans_pct", "RETR%", kinds.PERCENT),
        rank=8,
        field="retrans_percent",
        meaning="the same, of a hundred segments sent with data",
        source="TCP_INFO tcpi_total_retrans of tcpi_data_segs_out",
    ),
    TableColumn(
        name="limit",
        title="LIMITED",
        width=8,
        rank=4,
        meaning="what held it back for most of the last 2 s; the signs say by what",
        needs=("limit",),
        cells=cells.limit,
        sort=("limit",),
        styles={word: limit_style(limit) for limit, word in LIMIT_NAMES.items() if limit},
        left=True,
        descending=False,
        source="TCP_INFO tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited, tcpi_ca_state",
        query=asking.named("limit", LIMIT_NAMES, "limit"),
    ),
    number(
        *("rcv_wnd", "RCV_WND", kinds.BYTES),
        rank=21,
        meaning="window offered to the other end, in bytes",
        source="tcp_probe rcv_wnd; TCP_INFO tcpi_rcv_wnd",
    ),
    number(
        *("snd_wnd", "SND_WND", kinds.BYTES),
        rank=20,
        meaning="window that the other end offers, in bytes",
        source="tcp_probe snd_wnd; TCP_INFO tcpi_snd_wnd",
    ),
    TableColumn(
        name="age",
        title="AGE",
        width=7,
        rank=22,
        meaning="time since it was opened; > where it was open before tcctui looked",
        needs=("age_ns", "opened_ns"),
        cells=cells.age,
        sort=("age_ns",),
        source="inet_sock_set_state, when it became ESTABLISHED",
        query=asking.at_least("age_ns", asking.nanoseconds, "age"),
    ),
    text(
        *("cgroup", "CGROUP", 14),
        rank=18,
        field="cgroup",
        most=40,
        meaning="container or unit of the process",
        source="/proc: cgroup of the process",
        asked="cgroup",
    ),
)
"""The usual columns but the sparklines, from left to right."""

SPARKLINE_WIDTH, SPARKLINE_SECONDS = 10, 30

SPARKLINES = (
    TableColumn(
        name="cwnd_spark",
        title="CWND 30s",
        width=SPARKLINE_WIDTH,
        rank=10,
        meaning="the lowest cwnd in each 3 s of the last 30 s",
        style="cwnd",
        left=True,
        source="tcp_probe snd_cwnd; TCP_INFO tcpi_snd_cwnd",
        sparkline=Sparkline("snd_cwnd", "min", SPARKLINE_SECONDS, SPARKLINE_WIDTH),
    ),
    TableColumn(
        name="srtt_spark",
        title="SRTT 30s",
        width=SPARKLINE_WIDTH,
        rank=14,
        meaning="the highest srtt in each 3 s of the last 30 s",
        style="srtt",
        left=True,
        source="tcp_probe srtt; TCP_INFO tcpi_rtt",
        sparkline=Sparkline("srtt_us", "max", SPARKLINE_SECONDS, SPARKLINE_WIDTH),
    ),
)
"""The sparklines: their cells are drawn from histories."""
