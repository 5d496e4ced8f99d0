"""The help: every key, every column, the filter language."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tcctui.ui.signs import LIMITS, MARKS
from tcctui.ui.table_columns import COLUMNS, SPARKLINES

KEYS = (
    ("↑ ↓  j k", "select the flow above, below"),
    ("PgUp PgDn", "a screenful up, down"),
    ("g G", "first, last flow; Home and End too, where the screen is live"),
    ("< >", "sort by the column to the left, right; or click its title"),
    ("r", "reverse the order"),
    ("/", "search; Enter returns to the table, Esc clears"),
    ("c", "left chart: cwnd, rates, what is in flight"),
    ("d", "details of the flow, in place of a chart where there is little room"),
    ("y", "y axis from 0, or fitted to the curves"),
    ("w", "window of the charts: 60 s, 10 s, the flow's life"),
    ("+ =  -", "less, more time in the charts: 5 s to 15 min, the flow's life"),
    (", .", "read the charts out a column further left, right; or by the mouse; Esc ends"),
    ("s", "save the screen as an SVG picture"),
    ("?", "this help"),
    ("q  Ctrl-C", "quit"),
)

TIME = (
    ("p  space", "pause at this moment, while events are still taken in; live again"),
    ("← →", "a second back, on; ← pauses what is live"),
    ("Shift-← Shift-→", "ten seconds back, on"),
    ("Home End", "the oldest moment there is; live again"),
    ("S", "save all that is remembered as a recording"),
    ("p  space", "in a recording: pause, go on"),
    ("Home End", "in a recording: its beginning, its end"),
    ("[ ]", "in a recording: more slowly, faster"),
)

SEARCHES = (
    (
        "10.0.3.7  estab",
        "words found in addresses, ports, state, process, algorithm; all must match",
    ),
    ("port:443  port:8000-8100", "either end's port; sport: and dport: one end's"),
    ("ip:10.0.0.0/8", "either end's address or prefix; src: local, dst: remote"),
    ("state:close-wait,last-ack", "one of these states"),
    ("cwnd>100  ssthresh=inf", "segments"),
    ("srtt>50ms  age<5s", "times: us, ms, s, m, h; a bare srtt is in ms, a bare age in s"),
    ("rate>1M  rate>1MB", "bits, or bytes, per second"),
    ("inflight>64k  rcv_wnd<1Ki", "bytes, in powers of 1000 or 1024"),
    ("limit:rwnd,sndbuf", "what held it back for most of the last 2 s; the words are below"),
    ("cc:bbr  proc:nginx  pid:4021", "algorithm; process that has the socket"),
    ("netns:blue  cgroup:docker", "network namespace; container or unit"),
    ("retrans%>1  minrtt<5ms", "share of segments sent again; least round-trip time"),
    ("delivery_rate>10M  pacing_rate<1M", "bits, or bytes, per second, as the kernel has them"),
    ("phase:slow-start", "cwnd is below ssthresh; else phase:avoidance"),
    ("-port:22", "not"),
)


class Help(ModalScreen[None]):
    """Lists the keys, the columns and what can be searched for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", "Close"),
    ]

    def compose(self) -> ComposeResult:
        """Make the lists."""
        columns = [(column.title, column.meaning) for column in (*COLUMNS, *SPARKLINES)]
        limits = [(f"{sign.glyph}  {sign.word}", sign.meaning) for sign in LIMITS.values()]
        marks = [(f"{sign.glyph}  {sign.word}", sign.meaning) for sign in MARKS.values()]
        lists = (
            ("Keys", KEYS),
            ("Time", TIME),
            ("Search", SEARCHES),
            ("Limited by: the column, and the strip below the charts", limits),
            ("Marks on the axis of time", marks),
            ("Columns", columns),
        )
        with VerticalScroll(id="help"):
            for title, entries in lists:
                table = Table.grid(padding=(0, 2))
                table.add_column(no_wrap=True, min_width=26)
                table.add_column()
                for entry, meaning in entries:
                    table.add_row(Text(entry, "bold"), Text(meaning))
                yield Static(Text(title, "bold underline"))
                yield Static(table, classes="entries")

    def on_mount(self) -> None:
        """Let the arrow keys scroll it."""
        entries = self.query_one("#help")
        entries.border_subtitle = "Esc closes"
        entries.focus()
