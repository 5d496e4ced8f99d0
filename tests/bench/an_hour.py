"""An hour of events, taken in as fast as it goes: what the store keeps must not grow."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tcctui.flows.store import Store
from tcctui.wire.events import EVENT, EventKind, Events, TcpState
from tcctui.wire.records import joined
from tests.bench.report import Section, Target, number
from tests.unit.events import stand_alone

HOUR_NS = 3600 * 10**9
BATCH_NS = 250_000_000
FLOWS = 200
PER_BATCH = 1500
LIFE = 80
"""Batches that a connection lives: 20 s, so that an hour has 36,000 of them."""

_MARKS = (0, 1, 10, 20, 30, 40, 50, 60)  # sixtieths of the time: of an hour, minutes


class _Hour:
    """Makes batches: the same number of connections always, each replaced when its time is up."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self._cookies = np.arange(1, FLOWS + 1, dtype="u8")
        self._ends = np.arange(FLOWS) * LIFE // FLOWS  # spread over its life
        self._next = FLOWS + 1
        self._una = self._random.integers(0, 1 << 32, FLOWS, dtype="u8")
        self._batches = 0
        self.events = 0

    def batch(self, now_ns: int) -> Events:
        """Make the events of the 250 ms until now."""
        flows = np.sort(self._random.integers(0, FLOWS, PER_BATCH))
        probes = self._of(flows, now_ns)
        self._una[flows] = (self._una[flows] + np.uint64(1448)) & np.uint64(0xFFFFFFFF)
        probes["snd_una"] = self._una[flows]
        probes["snd_nxt"] = (self._una[flows] + np.uint64(14_480)) & np.uint64(0xFFFFFFFF)
        probes["snd_cwnd"] = 10 + (self._batches + flows) % 90
        probes["ssthresh"], probes["srtt"] = 60, 20_000 + flows
        stand_alone(probes)
        ends = self._of(np.flatnonzero(self._ends == self._batches % LIFE), now_ns)
        ends["kind"] = EventKind.DESTROY
        begins = self._replace(ends, now_ns)
        self._batches += 1
        batch = joined([probes, ends, begins])
        self.events += len(batch)
        return batch

    @property
    def connections(self) -> int:
        """How many there were so far."""
        return self._next - 1

    def _of(self, flows: npt.NDArray[np.int64], now_ns: int) -> Events:
        events = np.zeros(len(flows), EVENT)
        cookies = self._cookies[flows]
        events["sock_cookie"], events["skaddr"] = cookies, cookies << np.uint64(10)
        events["saddr"][:, 1] = events["daddr"][:, 1] = 0xFFFF_7F00_0001
        events["daddr"][:, 1] += cookies // np.uint64(20_000)
        events["sport"], events["dport"] = 443, 20_000 + cookies % np.uint64(20_000)
        events["family"] = 2
        events["ts_ns"] = np.sort(now_ns - self._random.integers(0, BATCH_NS, len(flows)))
        return events

    def _replace(self, ends: Events, now_ns: int) -> Events:
        """Let new connections take the place of those that end."""
        gone = np.flatnonzero(np.isin(self._cookies, ends["sock_cookie"]))
        self._cookies[gone] = np.arange(self._next, self._next + len(gone))
        self._next += len(gone)
        begins = self._of(gone, now_ns)
        begins["kind"], begins["sock_cookie"] = EventKind.STATE, 0
        begins["oldstate"], begins["newstate"] = TcpState.SYN_SENT, TcpState.ESTABLISHED
        begins["ts_ns"] = now_ns
        return begins


def _resident() -> float:
    """Megabytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / (1 << 20)


def measure(nanoseconds: int = HOUR_NS) -> Section:
    """Ingest an hour in a process that does nothing else, and look at its memory on the way."""
    with multiprocessing.get_context("spawn").Pool(1) as alone:
        return alone.apply(_measure, (nanoseconds,))


def _measure(nanoseconds: int) -> Section:
    hour, store = _Hour(), Store()
    sizes: dict[int, tuple[float, int]] = {}
    spent = 0.0
    batches = nanoseconds // BATCH_NS
    marks = {batches * sixtieth // 60: sixtieth for sixtieth in _MARKS}
    for number_of in range(batches + 1):
        now_ns = 10**12 + number_of * BATCH_NS
        if number_of in marks:
            sizes[marks[number_of]] = _resident(), store.totals().flows
        batch = hour.batch(now_ns)
        started = time.perf_counter()
        store.ingest(batch, now_ns)
        spent += time.perf_counter() - started
    base = sizes[10][0]
    return Section(
        "An hour, replayed",
        ("ratio", "after", "RSS", "flows known"),
        [
            (
                f"{size / base:.3f}",
                f"{nanoseconds * sixtieth / 60**2 / 1e9:g} min",
                f"{size:.1f} MB",
                f"{flows:,}",
            )
            for sixtieth, (size, flows) in sizes.items()
        ],
        [Target("growth from 10 min on", sizes[60][0] - base, 3, " MB")],
        [
            f"{hour.events:,} events in batches of 250 ms; {FLOWS} connections at a time, each of"
            f" which lives {LIFE * BATCH_NS / 1e9:g} s, so that there are {hour.connections:,} in"
            f" all; closed ones stay for 10 s. Taking them in took {spent:.0f} s:"
            f" {number(spent / hour.events * 1e6)} µs an event. The store"
            " alone, without its screen.",
        ],
    )
