"""The columns of the flow table: what each shows, how wide it is, what it sorts by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tcctui.flows.diagnosis import LIMIT_NAMES
from tcctui.flows.snapshot import Flows
from tcctui.ui import cells, units

LONGEST_ENDPOINT = 47
"""Characters of an IPv6 address in brackets, a colon and a port."""


@dataclass(frozen=True)
class TableColumn:
    """One column of the table.

    `needs` are the flow columns that `cells` makes its text from, one text per flow. `sort` are the
    flow columns it sorts by, the most significant first; empty for a column that can't be sorted.
    `style` is the component class its cells are drawn in, `styles` are those of some of its words.
    `rank` says which columns stay on a narrow screen: the lowest ranks. `width` is the least number
    of characters, `most` what it can use where there is room. `meaning` is for the help.
    """

    name: str
    title: str
    width: int
    rank: int
    meaning: str
    needs: tuple[str, ...] = ()
    cells: Callable[[Flows], list[str]] = lambda _: []
    sort: tuple[str, ...] = ()
    style: str = ""
    styles: Mapping[str, str] = field(default_factory=dict)
    left: bool = False
    most: int = 0
    descending: bool = True


def _number(
    name: str,
    title: str,
    width: int,
    *,
    rank: int,
    field: str,
    form: Callable[[float], str],
    meaning: str,
) -> TableColumn:
    """Make a column that shows one number and sorts by it."""
    style = name if name in ("cwnd", "ssthresh", "srtt") else ""
    made = cells.number(field, form)
    return TableColumn(name, title, width, rank, meaning, (field,), made, (field,), style)


def _text(
    name: str, title: str, width: int, *, rank: int, field: str, most: int, meaning: str
) -> TableColumn:
    """Make a column that shows a name and sorts by it."""
    return TableColumn(
        name,
        title,
        width,
        rank,
        meaning,
        (field,),
        cells.text(field),
        (field,),
        left=True,
        most=most,
        descending=False,
    )


_LOCAL = ("saddr_hi", "saddr_lo", "sport")
_REMOTE = ("daddr_hi", "daddr_lo", "dport")

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
    ),
    _text(
        *("process", "PROCESS", 10),
        rank=7,
        field="comm",
        most=15,
        meaning="name of the process that has the socket",
    ),
    _number(
        *("pid", "PID", 7),
        rank=16,
        field="pid",
        form=units.plain_count,
        meaning="number of that process",
    ),
    _text(
        *("netns", "NETNS", 8),
        rank=19,
        field="netns_name",
        most=16,
        meaning="network namespace: its name, or its number where it has none",
    ),
    _text(
        *("cc", "CC", 5),
        rank=6,
        field="cc",
        most=8,
        meaning="congestion control algorithm",
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
    ),
    _number(
        *("cwnd", "CWND", 6),
        rank=1,
        field="snd_cwnd",
        form=units.segments,
        meaning="congestion window, in segments",
    ),
    _number(
        *("ssthresh", "SSTHR", 6),
        rank=9,
        field="ssthresh",
        form=units.segments,
        meaning="slow start threshold, in segments; ∞ was never set",
    ),
    _number(
        *("srtt", "SRTT", 8),
        rank=2,
        field="srtt_us",
        form=units.milliseconds,
        meaning="smoothed round-trip time",
    ),
    _number(
        *("min_rtt", "MINRTT", 8),
        rank=12,
        field="min_rtt",
        form=units.milliseconds,
        meaning="least round-trip time of late: what the path takes without queues",
    ),
    _number(
        *("in_flight", "INFLIGHT", 9),
        rank=17,
        field="in_flight",
        form=units.size,
        meaning="bytes sent and not yet acknowledged: snd_nxt - snd_una",
    ),
    _number(
        *("rate", "RATE", 9),
        rank=3,
        field="rate",
        form=units.rate,
        meaning="bits per second that the other end acknowledged, over the last second",
    ),
    _number(
        *("delivery_rate", "DELIV", 9),
        rank=13,
        field="delivery_rate",
        form=units.rate,
        meaning="bits per second that the path delivered last, as the kernel measures it",
    ),
    _number(
        *("retrans", "RETR", 5),
        rank=15,
        field="total_retrans",
        form=units.short_count,
        meaning="segments sent again, since the connection began",
    ),
    _number(
        *("retrans_pct", "RETR%", 6),
        rank=8,
        field="retrans_percent",
        form=units.percent,
        meaning="the same, of a hundred segments sent with data",
    ),
    TableColumn(
        name="limit",
        title="LIMITED",
        width=8,
        rank=4,
        meaning="what held it back for most of the last 2 s; the words are above",
        needs=("limit",),
        cells=cells.limit,
        sort=("limit",),
        styles={word: f"limit-{word}" for limit, word in LIMIT_NAMES.items() if limit},
        left=True,
        descending=False,
    ),
    _number(
        *("rcv_wnd", "RCV_WND", 8),
        rank=21,
        field="rcv_wnd",
        form=units.size,
        meaning="window offered to the other end, in bytes",
    ),
    _number(
        *("snd_wnd", "SND_WND", 8),
        rank=20,
        field="snd_wnd",
        form=units.size,
        meaning="window that the other end offers, in bytes",
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
    ),
    _text(
        *("cgroup", "CGROUP", 14),
        rank=18,
        field="cgroup",
        most=40,
        meaning="container or unit of the process",
    ),
)
"""All columns but the sparklines, from left to right."""

SPARKLINE_WIDTH = 10

SPARKLINES = (
    TableColumn(
        name="cwnd_spark",
        title="CWND 30s",
        width=SPARKLINE_WIDTH,
        rank=10,
        meaning="the lowest cwnd in each 3 s of the last 30 s",
        style="cwnd",
        left=True,
    ),
    TableColumn(
        name="srtt_spark",
        title="SRTT 30s",
        width=SPARKLINE_WIDTH,
        rank=14,
        meaning="the highest srtt in each 3 s of the last 30 s",
        style="srtt",
        left=True,
    ),
)
"""The sparklines: their cells come from histories (tcctui/ui/table_rows.py)."""
