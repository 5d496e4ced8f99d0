"""The whole page, from NAME to SEE ALSO."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui import __version__
from tcctui.cli import parser
from tcctui.manual import options, roff
from tcctui.reference.blocks import Block, Command, Entry, Heading, Listing, Paragraph
from tcctui.reference.topics import TOPICS
from tcctui.reference.topics import blocks as reference_blocks

_SUMMARY = "htop for TCP congestion control"

_DESCRIPTION = (
    "tcctui shows, live and for every TCP connection of a Linux machine, the state of congestion"
    " control: cwnd, ssthresh, srtt, windows and bytes in flight from each ACK that the kernel's"
    " tcp:tcp_probe tracepoint sees, through eBPF; retransmits, rates, BBR's model and the kernel's"
    " own clocks from sock_diag, the source of ss(8). It names what limits each connection.",
    "Without a command it is the dashboard. With root (or CAP_BPF and CAP_PERFMON) it sees every"
    " ACK; without, it takes samples of the sockets. In the dashboard, ? lists the keys and Ctrl-P"
    " all commands.",
)

_EXAMPLES = (
    ("sudo tcctui", "The dashboard of all connections, in all network namespaces."),
    ("sudo tcctui --filter 'port:443 and srtt>80ms'", "Only slow connections of one service."),
    (
        "sudo tcctui --alert 'retrans>5 and srtt>200ms' --alert-log alerts.jsonl",
        "Mark connections that are losing, and log a line for each.",
    ),
    ("sudo tcctui record day.arrows --duration 60", "Record a minute."),
    ("tcctui replay day.arrows --at 14:05:03", "Replay it, anywhere, without root."),
    ("ssh HOST sudo tcctui record - | tcctui replay -", "The dashboard of another machine."),
    ("tcctui import day.pcap day.arrows", "Make a recording of a capture."),
    ("tcctui export day.arrows flows.parquet --table flows", "A table for DuckDB or pandas."),
    ("sudo tcctui trace --until 'retrans>10' --duration 60", "Wait for a match."),
    ("tcctui demo", "Try it on the bundled recording."),
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
    yield roff.section("EXAMPLES", roff.examples(_EXAMPLES))
    yield from map(reference, TOPICS)
    yield roff.section("SEE ALSO", roff.paragraph(_SEE_ALSO))


def _commands(
    commands: list[tuple[str, str, options.Parser]], known: frozenset[str]
) -> Iterator[str]:
    yield roff.paragraph(
        "An option of the same name as one above has the same meaning; only a command's own options"
        " follow."
    )
    for name, told, command in commands:
        yield roff.subsection(f"tcctui {name}")
        yield roff.paragraph(command.description or told)
        yield options.described(command, known)


def reference(topic: str) -> str:
    """Section of one topic."""
    return roff.section(TOPICS[topic].title.upper(), *map(_laid_out, reference_blocks(topic)))


def _laid_out(block: Block) -> str:
    if isinstance(block, Heading):
        return roff.subsection(block.title)
    if isinstance(block, Paragraph):
        return roff.paragraph(block.text)
    if isinstance(block, Command):
        return roff.examples([(block.line, block.effect)])
    if isinstance(block, Listing):
        return roff.listing(block.text)
    assert isinstance(block, Entry)
    setting = f" ({roff.escaped(block.setting)})" if block.setting else ""
    return roff.tagged(roff.bold(block.term) + setting, *block.texts)
