"""CPU that sampling takes beside tcp_probe: the thread of the sampler, and that of owners."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from tcctui.flows.store import Store
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.live import ON_SCREEN
from tcctui.sources.sock_diag.sampling import Sampler
from tests.bench.many_flows import ManyFlows
from tests.bench.report import Section, Target, ratio

COUNTS = (0, 400, 10_000)
WATCHED = 45
SECONDS = 20.0
_WANTED = {10_000: 1.0}
"""Per cent of a core, both threads together."""

_PATIENCE = 60.0
_THREADS = ("sock_diag", "owners")


def _spent() -> dict[str, float]:
    """CPU seconds of the sampler's threads so far, by name."""
    return {
        thread.name: int(
            Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()[0]
        )
        / 1e9
        for thread in threading.enumerate()
        if thread.name in _THREADS
    }


def _take(sampler: Sampler, store: Store) -> None:
    while len(samples := sampler.take()):
        store.ingest_samples(samples, time.monotonic_ns())


def _shares(count: int, seconds: float) -> dict[str, float]:
    """Per cent of a core of each thread, with so many sockets and some of them watched."""
    with ExitStack() as stack:
        if count:
            stack.enter_context(ManyFlows(count))
        sampler = stack.enter_context(closing(Sampler(KernelFilter(), ON_SCREEN)))
        store = Store()
        deadline = time.monotonic() + _PATIENCE
        while store.totals().flows < count:
            assert time.monotonic() < deadline, "the sockets are not sampled"
            sampler.wait(0.1)
            _take(sampler, store)
        sampler.watch(store.sockets(store.flows(())["cookie"][:WATCHED]))
        begun, before = time.monotonic(), _spent()
        while time.monotonic() < begun + seconds:
            time.sleep(0.1)
            _take(sampler, store)
        passed, after = time.monotonic() - begun, _spent()
    return {name: 100 * (after[name] - before[name]) / passed for name in _THREADS}


def measure(counts: Sequence[int] = COUNTS, seconds: float = SECONDS) -> Section:
    """Sample ever more idle sockets, of which some are on the screen."""
    found = {count: _shares(count, seconds) for count in counts}
    least = max(sum(found[counts[0]].values()), 1e-3)
    return Section(
        "Sampling beside tcp_probe",
        ("ratio", "sockets", "sampler", "owners"),
        [
            (
                ratio(sum(shares.values()) / least),
                f"{count:,}",
                *(f"{shares[name]:.2f}%" for name in _THREADS),
            )
            for count, shares in found.items()
        ],
        [
            Target(f"both, {count:,} sockets", sum(found[count].values()), wanted, " %")
            for count, wanted in _WANTED.items()
            if count in found
        ],
        [
            f"Share of a core over {seconds:g} s of each thread, at the pace of a screen with"
            f" {WATCHED} rows: those twice a second, all sockets every 2 to 10 s, and processes"
            " when there are new sockets. What the machine itself has comes to these sockets."
        ],
    )
