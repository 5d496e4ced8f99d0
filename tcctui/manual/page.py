"""The whole page, from NAME to SEE ALSO."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui import __version__
from tcctui.cli import parser
from tcctui.manual import options, roff
from tcctui.manual.screen import columns, keys, searches, signs

_SUMMARY = "htop for TCP congestion control"

_DESCRIPTION = (
    "tcctui shows live, for every TCP connection of a Linux machine, what congestion control is"
    " doing: cwnd, ssthresh, srtt, windows and bytes in flight from each ACK that the kernel's"
    " tcp:tcp_probe tracepoint sees, through eBPF; retransmits, rates, BBR's model and the kernel's"
    " own clocks from sock_diag, which is what ss(8) reads. It says what limits a connection.",
    "Without a command it is the dashboard. With root (or CAP_BPF and CAP_PERFMON) it sees every"
    " ACK; without, it takes samples of the sockets. In the dashboard, ? lists the keys and Ctrl-P"
    " all there is to do.",
)

_EXAMPLES = (
    ("sudo tcctui", "The dashboard of all connections, in all network namespaces."),
    ("sudo tcctui --filter 'port:443 and srtt>80ms'", "Only slow connections of one service."),
    (
        "sudo tcctui --alert 'retrans>5 and srtt>200ms' --alert-log alerts.jsonl",
        "Mark connections that are losing, and write a line for each.",
    ),
    ("sudo tcctui record day.arrows --duration 60", "Record a minute."),
    ("tcctui replay day.arrows --at 14:05:03", "See it again, anywhere, without root."),
    ("ssh HOST sudo tcctui record - | tcctui replay -", "The dashboard of another machine."),
    ("tcctui export day.arrows flows.parquet --table flows", "A table for DuckDB or pandas."),
    ("sudo tcctui trace --until 'retrans>10' --duration 60", "Wait for something to happen."),
    ("tcctui demo", "Try it on a recording that comes along."),
)

_FILES = (
    (
        "~/.config/tcctui/config.toml",
        "Settings: keys, columns, theme, filters, units. Under sudo, those of the calling user;"
        " $XDG_CONFIG_HOME is heeded. `tcctui config --print-default` writes one to begin with.",
    ),
    (
        "~/.local/state/tcctui/searches",
        "What was searched for, for the arrow keys in the search box; $XDG_STATE_HOME is heeded.",
    ),
)

_ENVIRONMENT = (
    ("NO_COLOR", "If set, the screen has no colours; words and glyphs say all the same."),
    ("TEXTUAL_THEME", "A theme that holds where the settings name none."),
    ("SUDO_UID, SUDO_GID", "Whose files are made and read under sudo(8)."),
    ("TCCTUI_ALERT, TCCTUI_LOCAL, …", "What the command of --alert-run is told; set for it alone."),
)

_STATUS = (
    ("0", "All went well."),
    ("1", "Something failed: one sentence says what, and another what mends it."),
    ("2", "A mistake in the usage, such as a filter that can't be read."),
    ("3", "trace --until: it did not happen within --duration."),
)

_SEE_ALSO = "ss(8), tc(8), bpftrace(8), tcp(7), sock_diag(7)"


def page() -> str:
    """The manual page tcctui(1), for man(7)'s macros; plain ASCII, the same each time."""
    head = f'.TH TCCTUI 1 "" "tcctui {__version__}" "User Commands"\n'
    return head + "".join(_sections())


def _sections() -> Iterator[str]:
    whole = parser()
    commands = list(options.commands(whole))
    calls = [options.synopsis("tcctui", whole)]
    calls += [options.synopsis(f"tcctui {name}", command) for name, _, command in commands]
    yield roff.section("NAME", f"tcctui \\- {_SUMMARY}\n")
    yield roff.section("SYNOPSIS", "\n.br\n".join(calls) + "\n")
    yield roff.section("DESCRIPTION", *map(roff.paragraph, _DESCRIPTION))
    yield roff.section("OPTIONS", options.described(whole))
    yield roff.section("COMMANDS", *_commands(commands, options.names(whole)))
    yield roff.section("SEARCHES AND FILTERS", *searches())
    yield roff.section("KEYS", *keys())
    yield roff.section("COLUMNS", *columns())
    yield roff.section("SIGNS", *signs())
    yield roff.section("EXAMPLES", roff.examples(_EXAMPLES))
    for title, entries in (
        ("FILES", _FILES),
        ("ENVIRONMENT", _ENVIRONMENT),
        ("EXIT STATUS", _STATUS),
    ):
        yield roff.section(title, *(roff.tagged(roff.bold(one), said) for one, said in entries))
    yield roff.section("SEE ALSO", roff.paragraph(_SEE_ALSO))


def _commands(
    commands: list[tuple[str, str, options.Parser]], known: frozenset[str]
) -> Iterator[str]:
    yield roff.paragraph(
        "Options of the same name as one above mean the same; what follows are those that only"
        " the command has."
    )
    for name, told, command in commands:
        yield roff.subsection(f"tcctui {name}")
        yield roff.paragraph(command.description or told)
        yield options.described(command, known)
