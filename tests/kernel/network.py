"""Two hosts on one machine: network namespaces joined by a veth pair, with a path of our making."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

_CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h

_numbers = itertools.count()


def run(*command: str, check: bool = True) -> str:
    """Run a command and give its output; a failure shows what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Let this thread be in a namespace; a socket stays in the one it was made in."""
    own, other = Path("/proc/thread-self/ns/net"), Path("/run/netns", namespace)
    with own.open() as back, other.open() as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(back.fileno())


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Network:
    """A `client` and a `server` namespace, and between them a switch with a bottleneck.

    `rate` and `queue` are tc's words for a token bucket on the way to the server (`20mbit`,
    `200kb`); it is not the client's own, since a sender's small queues (TCP_SMALL_QUEUES) would
    keep it from ever being full.
    `loss` is the probability with which the server's firewall drops a segment that carries data.
    Everything is gone when the context ends.
    """

    CLIENT, SERVER = "192.0.2.1", "192.0.2.2"
    DEVICE = "veth0"  # of either host
    CLIENT6, SERVER6 = "2001:db8::1", "2001:db8::2"

    def __init__(self, *, rate: str = "", queue: str = "100kb", loss: float = 0.0) -> None:
        tag = f"{os.getpid()}-{next(_numbers)}"
        self.client, self.server = f"tcc-c-{tag}", f"tcc-s-{tag}"
        self._switch = f"tcc-x-{tag}"
        self._rate, self._queue, self._loss = rate, queue, loss
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Network:
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def _build(self) -> None:
        for name in (self.client, self.server):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
            # So that values which settled don't change when a quiet connection goes on.
            with inside(name):
                Path("/proc/sys/net/ipv4/tcp_slow_start_after_idle").write_text("0")
        self._join()
        for name, address, address6 in (
            (self.client, self.CLIENT, self.CLIENT6),
            (self.server, self.SERVER, self.SERVER6),
        ):
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", self.DEVICE)
            run("ip", "-n", name, "address", "add", f"{address6}/64", "dev", self.DEVICE, "nodad")
            run("ip", "-n", name, "link", "set", self.DEVICE, "up")
        if self._loss:
            self.firewall(
                "meta l4proto tcp meta length > 200"
                f" numgen random mod 10000 < {int(self._loss * 10000)} drop"
            )

    def _join(self) -> None:
        """Give both hosts their device, and make the path between them."""
        run("ip", "netns", "add", self._switch)
        run("ip", "-n", self._switch, "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", self._switch, "link", "set", "bridge", "up")
        for name, port in ((self.client, "to-client"), (self.server, "to-server")):
            run(
                *("ip", "-n", name, "link", "add", self.DEVICE, "type", "veth"),
                *("peer", "name", port, "netns", self._switch),
            )
            run("ip", "-n", self._switch, "link", "set", port, "master", "bridge", "up")
        self._limit_rate()

    def _limit_rate(self) -> None:
        if self._rate:
            run(
                *("tc", "-n", self._switch, "qdisc", "add", "dev", "to-server", "root"),
                *("tbf", "rate", self._rate, "burst", "16kb", "limit", self._queue),
            )

    def firewall(self, rule: str) -> None:
        """Let the server's firewall apply a rule of nftables, and no other, to what comes in."""
        rules = (
            "table inet path; delete table inet path;"
            f" table inet path {{ chain in {{ type filter hook input priority 0; {rule}; }}; }}"
        )
        run("ip", "netns", "exec", self.server, "nft", rules)

    def mangle(self, rule: str) -> None:
        """Let the server apply a rule of nftables to IPv4 that comes in, before all else."""
        chain = f"type filter hook prerouting priority -300; {rule};"
        rules = f"table ip mangle {{ chain in {{ {chain} }}; }}"
        run("ip", "netns", "exec", self.server, "nft", rules)

    def _remove(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()
        for name in (self.client, self.server, self._switch):
            run("ip", "netns", "delete", name, check=False)

    def popen(self, namespace: str, command: Sequence[str]) -> subprocess.Popen[str]:
        """Start a command in a namespace; it is killed when the context ends."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process
