"""What happens to connections besides ACKs, as the tracepoints print it."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable
from ipaddress import ip_address

import numpy as np

from tcctui.wire.addresses import V4_MAPPED
from tcctui.wire.events import AF_INET, AF_INET6, EVENT, EventKind, Events, TcpState
from tests.kernel.tracefs import ProbeText
from tests.kernel.traffic import Connection

KINDS = (
    EventKind.RETRANSMIT,
    EventKind.CA_STATE,
    EventKind.RECEIVE_RESET,
    EventKind.SEND_RESET,
    EventKind.RETRANSMIT_SYNACK,
)

_NAMES = {
    "tcp_retransmit_skb": EventKind.RETRANSMIT,
    "tcp_cong_state_set": EventKind.CA_STATE,
    "tcp_receive_reset": EventKind.RECEIVE_RESET,
    "tcp_send_reset": EventKind.SEND_RESET,
    "tcp_retransmit_synack": EventKind.RETRANSMIT_SYNACK,
}
_LINE = re.compile(
    r"-(?P<pid>\d+) +\[.* (?P<seconds>\d+)\.(?P<micros>\d{6}): (?P<name>\w+): (?P<fields>.*)$"
)
_FAMILIES = {"": 0, "AF_INET": AF_INET, "AF_INET6": AF_INET6}
_PASSING = (TcpState.TIME_WAIT, TcpState.NEW_SYN_RECV)

End = tuple[tuple[int, int], int]
"""An address, as two halves, and a port."""
Happening = tuple[int, End, End, int, int, int, int]
"""Kind, this end, the other end, family, new state, cookie, and skaddr where it is printed."""


class HappeningText(ProbeText):
    """Records what the tracepoints of `KINDS` print, with the sockets' real addresses."""

    def __init__(self) -> None:
        super().__init__(*KINDS)

    def __enter__(self) -> HappeningText:
        super().__enter__()
        self._write("options/hash-ptr", "0")
        self.since_ns = time.monotonic_ns()
        """CLOCK_MONOTONIC when it had begun."""
        return self

    def happenings(self, *ports: int) -> Events:
        """Give what the text says as `EVENT` records, of connections with one of the ports."""
        return of_ports(parse(self.lines()), *ports)

    def failures(self, port: int) -> int:
        """Count retransmits to a port that could not be sent; not every kernel tells of them."""
        return sum(" err=-" in line and f" dport={port} " in line for line in self.lines())

    def pids(self) -> list[int]:
        """Give the thread that each event interrupted, or was caused by."""
        return [int(match["pid"]) for line in self.lines() if (match := _LINE.search(line))]


def parse(lines: Iterable[str]) -> Events:
    """Read text as `EVENT` records: what says whose it is, and took place.

    `ts_ns` is exact to a microsecond. Not every text has `skaddr`, or `family`; the address of a
    socket that is not the connection's own is left out.
    """
    told = [event for event in map(_read, lines) if event is not None]
    return np.concatenate([np.zeros(0, EVENT), *told])


def _read(line: str) -> Events | None:
    match = _LINE.search(line)
    assert match, f"not a tracepoint's text: {line!r}"
    text = dict(pair.split("=", 1) for pair in match["fields"].split())
    event = np.zeros(1, EVENT)
    event["kind"] = kind = _NAMES[match["name"]]
    event["ts_ns"] = int(match["seconds"]) * 10**9 + int(match["micros"]) * 10**3
    if "src" in text:
        ends = [text[name].rpartition(":") for name in ("src", "dest")]
        hosts, ports = [host.strip("[]") for host, _, _ in ends], [int(port) for *_, port in ends]
        # The text of a socket's own address; of a segment that has no socket, the segment's.
        event["family"] = AF_INET6 if ":" in hosts[0] else AF_INET
    else:
        hosts = [text["saddrv6"], text["daddrv6"]]
        ports = [int(text["sport"]), int(text["dport"])]
        event["family"] = _FAMILIES[text.get("family", "")]
    for (address, port), host, number in zip(_ENDS, hosts, ports, strict=True):
        event[address], event[port] = halves(host), number
    event["sock_cookie"] = int(text.get("sock_cookie", "0"), 16)
    event["skaddr"] = int(text.get("skaddr", "0"), 16)
    if kind == EventKind.CA_STATE:
        event["newstate"] = int(text["cong_state"])
    elif text.get("state", "UNKNOWN") != "UNKNOWN":
        event["newstate"] = state = TcpState[text["state"].removeprefix("TCP_")]
        if state in _PASSING:
            event["skaddr"] = 0
    return None if text.get("err", "0") != "0" or not ports[1] else event


_ENDS = (("saddr", "sport"), ("daddr", "dport"))


def halves(host: str) -> tuple[int, int]:
    """Give an address as an event has it: in two halves, IPv4 as ::ffff:a.b.c.d."""
    address = ip_address(host)
    number = int(address) | (V4_MAPPED if address.version == 4 else 0)
    return number >> 64, number & (1 << 64) - 1


def rows(events: Events) -> list[Happening]:
    """List what has to be equal of each event, with `skaddr` for those whose text has it."""
    return [
        (
            int(event["kind"]),
            ((int(event["saddr"][0]), int(event["saddr"][1])), int(event["sport"])),
            ((int(event["daddr"][0]), int(event["daddr"][1])), int(event["dport"])),
            int(event["family"]),
            int(event["newstate"]),
            int(event["sock_cookie"]),
            int(event["skaddr"]) if event["kind"] in _TEXT_HAS_SKADDR else 0,
        )
        for event in events
    ]


_TEXT_HAS_SKADDR = (EventKind.RETRANSMIT, EventKind.SEND_RESET)


def of_kinds(events: Events, *kinds: EventKind) -> Events:
    """Pick the events of some kinds."""
    return events[np.isin(events["kind"], kinds)]


def of_ports(events: Events, *ports: int) -> Events:
    """Pick the events with one of the ports at either end."""
    return events[np.isin(events["sport"], ports) | np.isin(events["dport"], ports)]


def ends_of(connection: Connection) -> tuple[End, End]:
    """Give a connection's ends as events have them: the client's, the server's."""
    (client, client_port), (server, server_port) = connection.endpoints
    return (halves(client), client_port), (halves(server), server_port)


def differences(ours: Events, text: Events) -> tuple[list[Happening], list[Happening]]:
    """Find events that are in ours and not in the text, and those that are only in the text.

    Where there are none, each end of a connection must have had its events in the text's order.

    Raises:
        AssertionError: they are the same, in another order.

    """
    left, right = rows(ours), rows(text)
    more = list((Counter(left) - Counter(right)).elements())
    less = list((Counter(right) - Counter(left)).elements())
    if not more and not less:
        for end in {row[1] for row in right}:
            assert [row for row in left if row[1] == end] == [row for row in right if row[1] == end]
    return more, less
