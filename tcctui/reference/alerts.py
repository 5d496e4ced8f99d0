"""Alerts: condition, log and hook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tcctui.flows.groups.groups import GROUPINGS
from tcctui.reference.blocks import Block, Command, Heading, Paragraph, entry

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "TCCTUI_ALERT": "the query",
        "TCCTUI_TIME": "time of the alert, UTC, ISO 8601",
        "TCCTUI_GROUP": "the group, such as net 10.0.3.0/24, of a condition of groups",
        "TCCTUI_LOCAL": "local address and port",
        "TCCTUI_REMOTE": "remote address and port",
        "TCCTUI_COOKIE": "socket cookie",
        "TCCTUI_CC": "congestion control algorithm",
        "TCCTUI_PROCESS": "name of the process",
        "TCCTUI_PID": "its id",
        "TCCTUI_VALUES": "the queried values, such as retrans 12, srtt 21ms",
    }
)
"""Environment of the hook: name and content."""


CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "retrans%10s>5 for 10s": "a connection that matches at each check for 10 s",
        "group:net retrans%10s>5": "a group with a matching connection; the same as any(…)",
        "group:net count(retrans%10s>5)>3": "a group with more than three of them",
        "group:process share(limit:rwnd)>50% for 1m": "a group of which more than half match",
        "count(state:estab)<1": "of all connections, none is established",
        "count(ca:loss)>10 and share(ca:loss)>5%": "both",
        "sum(rate)<100Mbit for 10s": "all connections together send less than that",
        "group:net max(srtt)>200ms": "a group of which the largest srtt is beyond that",
        "group:remote mean(srtt-min_rtt)>50ms": "the mean of a calculation; also of sum, min",
    }
)
"""Conditions and their meanings."""


def blocks() -> Iterator[Block]:
    """Commands, the rule of raising and clearing, and the outputs."""
    yield Command(
        "sudo tcctui --alert 'retrans>5 and srtt>200ms'",
        "Mark matching rows, and show a notice. A lists active and past alerts.",
    )
    yield Command(
        "sudo tcctui trace --alert 'retrans>5' --alert-run ./page-me",
        "Without a screen: print each alert, and run a command.",
    )
    yield Paragraph(
        "An alert is raised once, when a connection starts to match. It clears when the connection"
        " has not matched for 5 s, or is gone; then it may be raised again."
    )
    yield Heading("Conditions of groups, and for some time")
    yield Paragraph(
        "--alert, and trace --until and --fail-if, take more than a query: [group:KEY] CONDITION"
        f" [for DURATION]. KEY is {', '.join(GROUPINGS)}; without it the condition is of each"
        " connection, or, with count, share, sum, max, min and mean, of all connections together."
        " The last four have a column or a calculation in their brackets. Connections of which it"
        " is unknown are left out; without any, the condition is false."
    )
    for example, meaning in CONDITIONS.items():
        yield entry(example, meaning)
    yield Heading("Log")
    yield Paragraph(
        "--alert-log appends a JSON object per line for each raised and each cleared alert: time,"
        " event (raised or cleared), alert (the query), local, remote, sock_cookie, group, cc,"
        " process, pid, and values (raised) or seconds (cleared)."
    )
    yield Heading("Hook")
    yield Paragraph(
        "--alert-run runs a command for each raised alert, without a shell, under sudo as the"
        " calling user. Its environment has the connection; an unknown value is empty:"
    )
    for name, content in VARIABLES.items():
        yield entry(name, content)
