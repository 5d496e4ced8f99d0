"""Alerts: condition, log and hook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tcctui.reference.blocks import Block, Command, Heading, Paragraph, entry

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "TCCTUI_ALERT": "the query",
        "TCCTUI_TIME": "time of the alert, UTC, ISO 8601",
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
    yield Heading("Log")
    yield Paragraph(
        "--alert-log appends a JSON object per line for each raised and each cleared alert: time,"
        " event (raised or cleared), alert (the query), local, remote, sock_cookie, cc, process,"
        " pid, and values (raised) or seconds (cleared)."
    )
    yield Heading("Hook")
    yield Paragraph(
        "--alert-run runs a command for each raised alert, without a shell, under sudo as the"
        " calling user. Its environment has the connection; an unknown value is empty:"
    )
    for name, content in VARIABLES.items():
        yield entry(name, content)
