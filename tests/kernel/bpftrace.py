"""tcp_probe as bpftrace sees it: another program's reading of the same tracepoint.

It may lack a few events that we have. The kernel does not run its program, which is none with typed
arguments, while another one is at work on the same CPU; and some virtual machines do not while the
threads of process 1 are interrupted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import numpy as np

from tcctui.wire.addresses import V4_MAPPED
from tcctui.wire.events import AF_INET, EVENT, Events
from tests.kernel.command import Command
from tests.kernel.deadlines import until
from tests.kernel.recorder import probes_of
from tests.kernel.traffic import Connection, cookie, talk
from tests.unit.events import stand_alone

_FIELDS = (
    *("family", "sport", "dport", "mark", "data_len", "snd_nxt", "snd_una", "snd_cwnd"),
    *("ssthresh", "snd_wnd", "srtt", "rcv_wnd", "sock_cookie"),
)
_PROGRAM = (
    'tracepoint:tcp:tcp_probe /args->sport == PORT || args->dport == PORT/ { printf("'
    + " ".join(["%llu"] * (1 + len(_FIELDS)))
    + ' %rx %rx\\n", nsecs, '
    + ", ".join(f"args->{name}" for name in _FIELDS)
    + ", buf(args->saddr, 28), buf(args->daddr, 28)); }"
)


_PAGES = 2048
"""Pages for each CPU: some 40,000 events, so that none is lost while bpftrace has to wait."""


_FEW = 0.01
_QUIET = 10
"""Looks, 0.3 s apart, in which no more came of what is not complete."""


def may_lack(count: int) -> int:
    """Give how many of so many events bpftrace may lack."""
    return math.ceil(_FEW * count)


def bpftrace(port: int) -> Command:
    """Make the command that prints every tcp_probe event with a port at either end."""
    room = f"BPFTRACE_PERF_RB_PAGES={_PAGES}"
    return Command("env", room, "bpftrace", "-B", "line", "-e", _PROGRAM.replace("PORT", str(port)))


def tracing(command: Command, over: Connection) -> None:
    """Wait until bpftrace prints what happens on a connection that is there for nothing else."""
    wanted = f" {cookie(over.client)} \\x"

    def at_work() -> bool:
        assert command.process.poll() is None, command.stderr
        talk(over, 1)
        return wanted in command.stdout

    until("bpftrace is attached", at_work)


def events(command: Command) -> Events:
    """Read what bpftrace printed, as `EVENT` records without skaddr, in the order of their times.

    Raises:
        AssertionError: bpftrace lost some.

    """
    text = command.stdout
    assert "Lost" not in text + command.stderr, command.stderr
    lines = [line.split(" ") for line in text.splitlines() if "\\x" in line]
    found = np.zeros(len(lines), EVENT)
    for event, (nsecs, *numbers, saddr, daddr) in zip(found, lines, strict=True):
        event["ts_ns"] = int(nsecs)
        for name, number in zip(_FIELDS, numbers, strict=True):
            event[name] = int(number)
        event["saddr"], event["daddr"] = (
            _address(int(event["family"]), bytes.fromhex(re.sub(r"\\x", "", sockaddr)))
            for sockaddr in (saddr, daddr)
        )
    stand_alone(found)
    return found[np.argsort(found["ts_ns"], kind="stable")]


def printed(command: Command, cookies: Iterable[int], at_least: int) -> Events:
    """Give what it prints of some sockets, once that is so much, or nearly, and no more comes."""
    wanted = list(cookies)
    sizes = [-1] * _QUIET

    def done() -> bool:
        sizes.append(len(probes_of(events(command), wanted)))
        if sizes[-1] >= at_least:
            return sizes[-1] == sizes[-2]
        return sizes[-1] + may_lack(at_least) >= at_least and len({*sizes[-_QUIET:]}) == 1

    until("bpftrace printed all", done, pause=0.3)
    return probes_of(events(command), wanted)


def _address(family: int, sockaddr: bytes) -> tuple[int, int]:
    """Two halves of the address in a sockaddr: IPv4 stands at 4, IPv6 at 8."""
    if family == AF_INET:
        return 0, V4_MAPPED | int.from_bytes(sockaddr[4:8], "big")
    return int.from_bytes(sockaddr[8:16], "big"), int.from_bytes(sockaddr[16:24], "big")
