"""Several ring buffers read as one, while programs on several processors write to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tcctui.sources.kernel import ring_maps
from tcctui.sources.kernel.ringbuf import Ring
from tcctui.sources.kernel.rings import Rings
from tcctui.wire.events import Events
from tests.unit.events import probes
from tests.unit.test_ringbuf import RECORD, Producer

CPUS = 8

Steps = list[tuple[int, int]]
"""Processors that go on, one after the other, each with a flow to begin with."""


class Watched(Ring):
    """A ring; before each look at it, `meanwhile` is called."""

    meanwhile: Callable[[], None]

    @property
    def produced(self) -> int:
        self.meanwhile()
        return super().produced

    def read(self, limit: int) -> Events:
        self.meanwhile()
        return super().read(limit)


@dataclass
class Run:
    """A program that runs: for which flow, when it began, and the place of its record so far."""

    flow: int
    began: int
    position: int | None = None


class Machine:
    """Processors that write to rings, as bpf/tcc.c does: one program at a time for each flow."""

    def __init__(self, rings: int, size: int = 4096) -> None:
        self.now = 1000
        self.producers = [Producer(size=size) for _ in range(rings)]
        self.soon: list[Steps] = []
        """What processors do while user space reads, some steps at each look."""
        self.running: dict[int, Run] = {}
        self.written: dict[int, list[int]] = {}
        """Moments of the records of each flow that are written, in order."""
        watched = []
        for producer in self.producers:
            ring = producer.ring(Watched)
            ring.meanwhile = self.meanwhile
            watched.append(ring)
        self.rings = Rings(watched, now_ns=self.clock)

    def clock(self) -> int:
        """CLOCK_MONOTONIC: it goes on with each look."""
        self.meanwhile()
        self.now += 1
        return self.now

    def meanwhile(self) -> None:
        """Let processors go on."""
        for cpu, flow in self.soon.pop(0) if self.soon else ():
            self.go_on(cpu, flow)

    def go_on(self, cpu: int, flow: int) -> None:
        """Let a processor take the next step of its program, or begin with one for a flow."""
        self.now += 1
        ring = self.producers[cpu % len(self.producers)]
        run = self.running.get(cpu)
        if run is None:
            if all(flow != other.flow for other in self.running.values()):
                self.running[cpu] = Run(flow, self.now)
        elif run.position is None:
            run.position = ring.reserve()
            if run.position is None:  # lost
                del self.running[cpu]
        else:
            ring.commit(run.position, probes(run.began, run.flow))
            self.written.setdefault(run.flow, []).append(run.began)
            del self.running[cpu]

    def write(self, cpu: int, flow: int) -> None:
        """Let a processor run a program as a whole."""
        assert cpu not in self.running
        self.go_on(cpu, flow)
        while cpu in self.running:
            self.go_on(cpu, flow)


class ProgramsAndReader(RuleBasedStateMachine):
    """Programs run on any processor, and between any two looks of the reader's."""

    @initialize(rings=st.sampled_from([1, 2, 8]))
    def start(self, rings: int) -> None:
        """Begin with empty rings."""
        self.machine = Machine(rings)
        self.told: dict[int, list[int]] = {}

    @rule(cpu=st.integers(0, CPUS - 1), flow=st.integers(1, 4))
    def go_on(self, cpu: int, flow: int) -> None:
        """Let a processor take a step."""
        self.machine.go_on(cpu, flow)

    @rule(
        limit=st.sampled_from([1, 2, 1000]),
        soon=st.lists(
            st.lists(st.tuples(st.integers(0, CPUS - 1), st.integers(1, 4)), max_size=7),
            max_size=20,
        ),
    )
    def read(self, limit: int, soon: list[Steps]) -> None:
        """Read: each flow's records are in order, and none from before the call is left out."""
        self.machine.soon = soon
        there = {flow: list(moments) for flow, moments in self.machine.written.items()}
        events, all_read = self.machine.rings.read(limit)
        assert len(events) <= limit
        for event in events:
            self.told.setdefault(int(event["sock_cookie"]), []).append(int(event["ts_ns"]))
        for flow, moments in self.told.items():
            assert moments == self.machine.written[flow][: len(moments)]
        if all_read:
            for flow, moments in there.items():
                assert self.told.get(flow, [])[: len(moments)] == moments
        self.machine.soon = []

    def teardown(self) -> None:
        """In the end all has come."""
        if not hasattr(self, "machine"):
            return
        for cpu in list(self.machine.running):
            while cpu in self.machine.running:
                self.machine.go_on(cpu, 0)
        for _ in range(3):
            self.read(1000, [])
        assert self.told == self.machine.written


ProgramsAndReader.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestProgramsAndReader = ProgramsAndReader.TestCase


@pytest.mark.parametrize("rings", [1, 2, 8])
def test_records_of_all_rings_come_in_the_order_of_time(rings: int) -> None:
    """What processors wrote in turns is one stream, cut into batches as asked for."""
    machine = Machine(rings, size=1 << 16)
    for number in range(100):
        machine.write(number * 3 % CPUS, number % 5)
    batches = [machine.rings.read(30) for _ in range(4)]
    assert [len(events) for events, _ in batches] == [30, 30, 30, 10]
    assert not any(all_read for _, all_read in batches[:3])
    assert machine.rings.read(30)[1]
    moments = np.concatenate([events["ts_ns"] for events, _ in batches])
    written = [moment for moments in machine.written.values() for moment in moments]
    assert moments.tolist() == sorted(written)


@pytest.mark.parametrize("look", range(12))
def test_what_is_younger_is_held_back(look: int) -> None:
    """At whatever look a flow goes from one processor to another, its records are in order."""
    machine = Machine(2)
    for first, then in ((0, 1), (1, 0)):
        machine.soon = [[]] * look + [[(first, 1)] * 3 + [(then, 1)] * 3]
        batches = [machine.rings.read(10)[0]["ts_ns"].tolist() for _ in range(5)]
        machine.soon = []
        told = [moment for batch in batches for moment in batch]
        assert told == machine.written.pop(1, [])


def test_what_is_being_written_hides_nothing() -> None:
    """While one ring's first record is not written yet, nothing of other rings overtakes it."""
    machine = Machine(2)
    for _ in range(2):
        machine.go_on(0, 1)  # reserved, and not written
    machine.write(2, 2)  # behind it
    machine.write(1, 2)
    machine.write(1, 3)
    assert [len(events) for events, _ in (machine.rings.read(10),)] == [0]
    machine.go_on(0, 1)
    events, all_read = machine.rings.read(10)
    assert events["sock_cookie"].tolist() == [1, 2, 2, 3]
    assert all_read


def test_rings_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to two processors have one ring, more have more, but each holds a page at least."""
    found = []
    for processors in (1, 2, 3, 4, 7, 8, 192):
        monkeypatch.setattr("os.cpu_count", lambda number=processors: number)
        found.append(ring_maps.count(16 << 20))
    assert found == [1, 1, 2, 4, 4, 8, 8]
    assert ring_maps.count(4096) == 1


def test_the_fullest_ring_counts() -> None:
    """One processor's flood is seen, whatever the others do."""
    machine = Machine(8)
    for _ in range(20):
        machine.write(5, 1)
    assert machine.rings.used == 20 * RECORD / 4096
