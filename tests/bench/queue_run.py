"""Nanoseconds per packet that leaves a queue, while the selected flow's own waits are told."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from statistics import median

from tests.bench.bpf_run import ran, statistics
from tests.bench.report import Section, ratio
from tests.kernel.network import Network
from tests.kernel.test_queue_waits import queues_watched, shaped
from tests.kernel.traffic import Connection, connections, quiet

ROUNDS = 5
PACKETS = 20_000
_QUEUE = ("tbf", "rate", "1gbit", "burst", "100000", "limit", "1000000")
_OTHER, _SELECTED = "of another flow", "of the selected flow"


@contextlib.contextmanager
def _drained(of: Connection) -> Iterator[None]:
    """Take all that comes, until the sender says that it was all."""

    def drain() -> None:
        while of.server.recv(1 << 16):
            pass

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        yield
    finally:
        of.client.shutdown(socket.SHUT_WR)
        thread.join()


def measure(rounds: int = ROUNDS, packets: int = PACKETS) -> Section:
    """Compare packets of the selected flow, whose waits are counted, with those of others."""
    found: dict[str, list[float]] = {_OTHER: [], _SELECTED: []}
    with (
        statistics(),
        Network() as network,
        connections(network, "ipv4", "ipv6") as (one, other),
        shaped(network, *_QUEUE),
        queues_watched(one) as source,
        _drained(one),
        _drained(other),
    ):
        program = source._program.programs["qdisc/qdisc_dequeue"]
        for _ in range(rounds):
            for name, over in ((_OTHER, other), (_SELECTED, one)):
                before = ran([program])
                for _ in range(packets):
                    over.client.sendmsg([bytes(1000)], [], socket.MSG_EOR)
                quiet([over])
                after = ran([program])
                found[name].append((after[0] - before[0]) / max(1, after[1] - before[1]))
    base = min(found[_OTHER])
    return Section(
        "Nanoseconds per run of the program where packets leave a queue",
        ("ratio", "whose packet", "best", "median"),
        [
            (ratio(min(runs) / base), name, f"{min(runs):.0f} ns", f"{median(runs):.0f} ns")
            for name, runs in found.items()
        ],
        remarks=[
            "As the kernel measures it (kernel.bpf_stats_enabled). It is attached only while the"
            " details of a flow are shown that leaves by a device with a queue."
            f" {rounds} rounds of {packets:,} packets of 1,000 bytes through tbf."
        ],
    )
