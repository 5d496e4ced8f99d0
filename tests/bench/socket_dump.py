"""All sockets, asked of sock_diag: beside `ss` and pyroute2."""

from __future__ import annotations

import importlib
import resource
import socket
import subprocess
from collections.abc import Callable
from statistics import median
from typing import Any

from tcctui.sources.sock_diag import inet_diag, namespaces
from tcctui.sources.sock_diag.diag_socket import DiagSocket
from tcctui.sources.sock_diag.netlink import NLMSG_DONE, Inbox
from tests.bench.many_flows import ManyFlows
from tests.bench.report import Section, Target, number, ratio

SOCKETS = 10_000
FEWER = 4_000
RUNS = 9
_EXTENSIONS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6  # INFO, VEGASINFO, CONG, SKMEMINFO


def _spent(who: int, work: Callable[[], int], sockets: int, runs: int) -> float:
    """CPU seconds of a piece of work, the median of some runs; it gives how many sockets it saw."""
    work()
    found = []
    for _ in range(runs):
        before = _cpu(who)
        seen = work()
        found.append(_cpu(who) - before)
        assert seen >= sockets, f"{seen} sockets of {sockets}"
    return median(found)


def _cpu(who: int) -> float:
    """CPU seconds so far, in the kernel and out of it: which is which is only estimated."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def _tcctui(sockets: int, runs: int) -> float:
    diag = DiagSocket()
    try:
        return _spent(resource.RUSAGE_SELF, lambda: len(diag.dump()), sockets, runs)
    finally:
        diag.close()


def _only_received(sockets: int, runs: int) -> float:
    """The same without decoding: what the kernel takes."""
    inbox = Inbox()
    with namespaces.diag_socket() as raw:

        def receive() -> int:
            size = 0
            raw.send(inet_diag.dump_request(1))
            while inbox.newest().kind != NLMSG_DONE:
                inbox.clear()
                inbox.receive(raw, 0)
                size += len(inbox)
            inbox.clear()
            return size

        return _spent(resource.RUSAGE_SELF, receive, sockets, runs)


def _ss(sockets: int, runs: int) -> float:
    """`ss`, which prints all of it."""

    def run() -> int:
        subprocess.run(["ss", "-tinmH"], check=True, stdout=subprocess.DEVNULL)
        return sockets

    return _spent(resource.RUSAGE_CHILDREN, run, sockets, runs)


def _pyroute2(sockets: int, runs: int) -> float | None:
    """pyroute2, if it is installed."""
    try:
        pyroute2: Any = importlib.import_module("pyroute2")
    except ImportError:
        return None
    with pyroute2.DiagSocket() as diag:
        diag.bind()

        def dump() -> int:
            families = (socket.AF_INET, socket.AF_INET6)
            return sum(
                len(
                    list(
                        diag.get_sock_stats(
                            family=family, states=inet_diag.CONNECTED, extensions=_EXTENSIONS
                        )
                    )
                )
                for family in families
            )

        return _spent(resource.RUSAGE_SELF, dump, sockets, runs)


def measure(sockets: int = SOCKETS, fewer: int = FEWER, runs: int = RUNS) -> Section:
    """Dump all sockets with each, then fewer with ours."""
    with ManyFlows(sockets):
        found = {
            "tcctui": _tcctui(sockets, runs),
            "received and not decoded": _only_received(sockets, runs),
            "ss -tinm": _ss(sockets, runs),
            "pyroute2": _pyroute2(sockets, runs),
        }
    with ManyFlows(fewer):
        spent_on_fewer = _tcctui(fewer, runs)
    ours = found["tcctui"]
    assert ours
    return Section(
        f"{sockets:,} sockets of sock_diag",
        ("ratio", "by", "CPU", "per socket"),
        [
            (
                ratio(spent / ours),
                name,
                f"{number(spent * 1e3)} ms",
                f"{number(spent / sockets * 1e6)} µs",
            )
            for name, spent in found.items()
            if spent
        ],
        [Target(f"CPU for a dump of {fewer:,} sockets", spent_on_fewer * 1e3, 40, " ms")],
        [
            f"Connections over loopback; median of {runs} dumps with TCP_INFO, algorithm and"
            " buffers. ss is a process each time and prints text, to /dev/null; pyroute2 is the one"
            " that `pip install -e .[dev]` brings."
            + ("" if found["pyroute2"] else " It is not installed here.")
        ],
    )
