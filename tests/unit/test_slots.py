"""The slots that kernel and user space share, against a model of the kernel's side.

The model follows bpf/tcc.c. Programs run between any two looks that `Slots` takes at the memory,
and may be held up in the middle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tcctui.sources.kernel.slots import FREE_SLOTS, IDLE_NS, MARK, Slots
from tcctui.wire.events import EVENT, EventKind, Events
from tcctui.wire.records import joined
from tests.unit.events import MS, NOTHING, SECOND, probes

INTERVAL = 10 * MS
SLOTS, CPUS = 16, 2
GONE, GONE_UNREPORTED = 1, 2  # enum slot_state in bpf/tcc.c


class Shared(np.ndarray[Any, np.dtype[Any]]):
    """Memory that the kernel writes to, too: before each look at it, `meanwhile` is called."""

    meanwhile: Callable[[], None] | None = None

    def __array_finalize__(self, base: Any) -> None:
        self.meanwhile = getattr(base, "meanwhile", None)

    def _look(self) -> None:
        if self.meanwhile is not None:
            self.meanwhile()

    def __getitem__(self, key: Any) -> Any:
        self._look()
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._look()
        super().__setitem__(key, value)

    def view(self, *kind: Any) -> Any:  # type: ignore[override]
        self._look()
        return super().view(*kind)


@dataclass
class Flow:
    """A flow as it is: `values` has srtt of each of its ACKs; `finish` ends the one under way."""

    cookie: int
    values: list[int] = field(default_factory=list)
    finish: Callable[[], None] | None = None
    ended: bool = False


class Kernel:
    """What bpf/tcc.c does with slots; `room` is how many records the ring has room for."""

    def __init__(self, start: int = 0) -> None:
        self.now = 5 * SECOND
        self.room = 1000
        self.ring: list[Events] = []
        self.produced = 0
        self.lost: set[int] = set()
        """Flows of which something is lost: the ring had no room, and a slot was not theirs."""
        self.known: dict[int, int] = {}
        self.marks, self.flows = np.zeros(SLOTS, MARK), np.zeros(SLOTS, EVENT)
        self.pending = np.zeros(SLOTS, "u8")
        self.lists = np.zeros(CPUS, FREE_SLOTS)
        self.lists["taken"] = self.lists["given"] = start
        self.soon: list[tuple[int, Callable[[], None]]] = []
        """What programs do while user space is at work: after how many looks, and what."""
        marks, pending, flows = (
            array.view(Shared) for array in (self.marks, self.pending, self.flows)
        )
        for array in (marks, pending, flows):
            array.meanwhile = self._meanwhile
        self.slots = Slots(marks, pending, flows, self.lists, self._delete)

    def _meanwhile(self) -> None:
        self.soon = [(looks - 1, what) for looks, what in self.soon]
        due = [what for looks, what in self.soon if looks <= 0]
        self.soon = [(looks, what) for looks, what in self.soon if looks > 0]
        for what in due:
            what()

    def _delete(self, cookies: Any) -> None:
        self._meanwhile()
        for cookie in cookies.tolist():
            self.known.pop(cookie, None)

    def output(self, event: Events) -> bool:
        """Write a record, if there is room."""
        if len(self.ring) >= self.room:
            return False
        self.ring.append(event.copy())
        self.produced += 1
        return True

    def take(self, cookie: int, cpu: int) -> int | None:
        """Give a flow a slot (take_slot)."""
        here = self.lists[cpu : cpu + 1]
        if here["taken"] == here["given"]:
            return None
        slot = int(here["slots"][0, int(here["taken"][0]) % 1024])
        assert slot not in self.known.values(), "two flows have one slot"
        self.known[cookie] = slot
        self.marks["owner"][slot] = cookie
        here["taken"] += np.uint32(1)
        return slot

    def begin(self, flow: Flow, srtt: int, cpu: int = 0) -> None:
        """Begin with an ACK, up to where it is folded into the slot but is not `done`."""
        flow.values.append(srtt)
        event = probes(self.now, flow.cookie, snd_una=len(flow.values), srtt=srtt, snd_cwnd=10)
        slot = self.known.get(flow.cookie)
        if slot is None:
            slot = self.take(flow.cookie, cpu)
        if slot is None:
            if not self.output(event):
                self.lost.add(flow.cookie)
            return
        mark, held = self.marks[slot : slot + 1], self.flows[slot : slot + 1]
        reported = self.all_reported(slot)
        over = self.now - int(mark["emitted_ns"][0]) >= INTERVAL
        at_once = (over and reported) or not mark["owner"][0]
        if over and not reported:
            reported = self.tell(flow, slot)
        mark["acks"] += np.uint32(1)
        if reported:
            event["begun"] = mark["emitted_ns"] == 0
        else:
            for name, worst in (("srtt_min", min), ("srtt_max", max)):
                event[name] = worst(int(held[name][0]), srtt)
            event["begun"] = held["begun"]
        event["acks"] = mark["acks"]
        held[:] = event
        began = self.now

        def finish() -> None:
            flow.finish = None
            if over or at_once:
                mark["emitted_ns"] = began - began % INTERVAL
            unreported = not (at_once and self.tell(flow, slot))
            if reported and unreported:
                self.pending[slot] = 1
            mark["done"] = mark["acks"]

        flow.finish = finish

    def tell(self, flow: Flow, slot: int) -> bool:
        """Write a record of a slot, if there is room."""
        if self.output(self.flows[slot : slot + 1]):
            self.marks["reported"][slot] = self.marks["acks"][slot]
            return True
        if self.known.get(flow.cookie) != slot:
            self.lost.add(flow.cookie)
        return False

    def all_reported(self, slot: int) -> bool:
        """Whether records or user space have reported all of a slot (all_reported)."""
        mark = self.marks[slot]
        return bool(mark["acks"] in (mark["reported"], mark["fetched"]))

    def ack(self, flow: Flow, srtt: int, cpu: int = 0) -> None:
        """Let a flow have an ACK, behind the one that is under way."""
        if flow.ended:
            return
        if flow.finish:
            flow.finish()
        self.begin(flow, srtt, cpu)
        if flow.finish:
            flow.finish()

    def destroy(self, flow: Flow) -> None:
        """Let a flow end (tcp_destroy_sock)."""
        if flow.ended:
            return
        if flow.finish:
            flow.finish()
        flow.ended = True
        slot = self.known.pop(flow.cookie, None)
        end = probes(self.now, flow.cookie)
        end["kind"] = EventKind.DESTROY
        if slot is None:
            if not self.output(end):
                self.lost.add(flow.cookie)
            return
        mark = self.marks[slot : slot + 1]
        if not self.all_reported(slot) and self.output(self.flows[slot : slot + 1]):
            mark["reported"] = mark["acks"]
        if self.all_reported(slot) and self.output(end):
            mark["state"] = GONE
        else:
            mark["emitted_ns"] = self.now
            mark["state"] = GONE_UNREPORTED
        self.pending[slot] = 1

    def read(self, limit: int = 1000) -> Events:
        """Do what BpfSource.read does."""
        now = self.now
        consumed = self.produced - len(self.ring)
        waiting = self.slots.waiting(now, INTERVAL)
        produced = self.produced
        self._meanwhile()
        taken, self.ring = self.ring[:limit], self.ring[limit:]
        events = joined([NOTHING, *taken])
        if consumed + len(taken) >= produced:
            events = joined([events, self.slots.fetch(waiting)])
        self.slots.tend(now)
        return events

    def spare(self) -> list[int]:
        """List the slots that no flow has."""
        listed = [
            int(here["slots"][(int(here["taken"]) + place) % 1024])
            for here in self.lists
            for place in range(int(here["given"]) - int(here["taken"]) & 0xFFFFFFFF)
        ]
        return listed + self.slots._free[: self.slots.free].tolist()


@pytest.fixture
def kernel() -> Kernel:
    """Begin with lists that are filled."""
    made = Kernel()
    made.read()
    return made


def acks_of(events: Events) -> list[int]:
    """Counts of the tcp_probe events."""
    return events["acks"][events["kind"] == EventKind.PROBE].tolist()


def test_what_is_left_comes_once_and_after_the_interval(kernel: Kernel) -> None:
    """What a quiet flow's last ACKs left is fetched when the interval has passed, and only then."""
    flow = Flow(1)
    for srtt in (5, 9, 2, 4):
        kernel.ack(flow, srtt)
    assert acks_of(kernel.read()) == [1]
    kernel.now += INTERVAL - 1
    assert acks_of(kernel.read()) == []
    kernel.now += 1
    left = kernel.read()
    assert acks_of(left) == [4]
    assert [left[name].tolist() for name in ("srtt", "srtt_min", "srtt_max")] == [[4], [2], [9]]
    kernel.now += INTERVAL
    assert acks_of(kernel.read()) == []


@pytest.mark.parametrize("looks", range(1, 40))
def test_an_ack_while_fetching_is_not_lost(kernel: Kernel, looks: int) -> None:
    """Whenever an ACK comes while what is left is fetched, each is reported, in order."""
    flow = Flow(1)
    for srtt in (5, 9, 2):
        kernel.ack(flow, srtt)
    kernel.read()
    kernel.now += INTERVAL
    kernel.soon = [(looks, lambda: kernel.ack(flow, 50))]
    soon = [kernel.read(), kernel.read()]
    kernel.now += INTERVAL
    events = joined([*soon, kernel.read()])
    assert acks_of(events) == ([3, 4] if len(flow.values) == 4 else [3])
    if len(flow.values) == 4:
        assert events["srtt_max"][-1] == 50
    assert events["srtt_min"][0] == 2
    assert events["srtt_max"][0] == 9


@pytest.mark.parametrize("looks", range(1, 40))
def test_a_half_done_ack_is_never_fetched(kernel: Kernel, looks: int) -> None:
    """A slot that a program is writing to is left alone until it is through."""
    flow = Flow(1)
    kernel.ack(flow, 5)
    kernel.ack(flow, 6)
    kernel.read()
    kernel.now += INTERVAL
    kernel.soon = [(looks, lambda: kernel.begin(flow, 70))]
    assert acks_of(joined([kernel.read(), kernel.read()])) == [2]
    if flow.finish:
        kernel.now += INTERVAL
        assert acks_of(kernel.read()) == []
        flow.finish()
        kernel.now += INTERVAL
        assert acks_of(kernel.read()) == [3]


def test_an_end_without_room_comes_from_the_slot(kernel: Kernel) -> None:
    """Where the ring has room for neither, the last ACKs are fetched, and the end behind them."""
    flow, other = Flow(1), Flow(2)
    for one in (flow, other):
        kernel.ack(one, 5)
        kernel.ack(one, 6)
    kernel.room = len(kernel.ring)
    kernel.now += MS
    kernel.destroy(flow)
    ended = kernel.now
    kernel.now += MS
    events = kernel.read()
    own = events[events["sock_cookie"] == 1]
    assert own["kind"].tolist() == [EventKind.PROBE, EventKind.PROBE, EventKind.DESTROY]
    assert own["acks"].tolist() == [1, 2, 0]
    assert own["ts_ns"][2] == ended
    assert own["daddr"][2].tolist() == own["daddr"][0].tolist()
    assert len(kernel.spare()) == SLOTS - 1
    assert len(kernel.read()) == 0


def test_a_slot_is_not_given_away_before_all_of_it_is_told(kernel: Kernel) -> None:
    """What a destroyed flow left is fetched first, though its end is reported already."""
    flow = Flow(1)
    kernel.ack(flow, 5)
    kernel.ack(flow, 6)
    slot = kernel.known.pop(1)
    kernel.marks["state"][slot] = GONE
    kernel.pending[slot] = 1
    kernel.slots.tend(kernel.now)
    assert slot not in kernel.spare()
    assert acks_of(kernel.read()) == [1, 2]
    assert slot in kernel.spare()


@pytest.mark.parametrize("start", [0, 2**32 - 3])
def test_lists_are_refilled_without_end(start: int) -> None:
    """Slots go round and round, also where a list's counters wrap at 2³²."""
    kernel = Kernel(start)
    kernel.read()
    for number in range(1, 200):
        flow = Flow(number)
        kernel.ack(flow, 5, cpu=number % CPUS)
        assert number in kernel.known
        kernel.destroy(flow)
        assert len(kernel.read()) == 2
        assert sorted(kernel.spare()) == list(range(SLOTS))


def test_the_lowest_slots_are_given_first(kernel: Kernel) -> None:
    """With few flows there are few slots to look through."""
    kernel.ack(Flow(1), 5)
    assert max(kernel.known.values()) < 4


def fill(kernel: Kernel) -> list[Flow]:
    """Give all slots to flows."""
    flows: list[Flow] = []
    while kernel.spare():
        flows.append(Flow(len(flows) + 1))
        kernel.ack(flows[-1], 5, cpu=len(flows) % CPUS)
        if flows[-1].cookie not in kernel.known:
            kernel.ack(flows[-1], 5, cpu=1 - len(flows) % CPUS)
        kernel.now += MS
        kernel.read()
    return flows


def test_idle_flows_give_way(kernel: Kernel) -> None:
    """Where slots have run out, the longest idle lose theirs, but not at once to others."""
    flows = fill(kernel)
    kernel.now += IDLE_NS + SECOND
    for flow in flows[: SLOTS // 2]:
        kernel.ack(flow, 6)
    kernel.read()
    kernel.now += 2 * SECOND
    kernel.read()
    taken = [flow.cookie for flow in flows if flow.cookie not in kernel.known]
    assert taken == [flow.cookie for flow in flows[SLOTS // 2 :][: SLOTS // 8]]
    assert not kernel.spare()
    kernel.now += 2 * SECOND
    kernel.read()
    assert len(kernel.spare()) == SLOTS // 8


def test_a_slot_comes_back_once(kernel: Kernel) -> None:
    """A flow that is destroyed while its slot is taken from it does not give that back twice."""
    for looks in range(1, 60):
        kernel = Kernel()
        kernel.read()
        flows = fill(kernel)
        kernel.now += IDLE_NS + SECOND
        kernel.soon = [(looks, lambda: kernel.destroy(flows[0]))]  # noqa: B023 - called at once
        for _ in range(6):
            kernel.read()
            kernel.now += 600 * MS
            spare = kernel.spare()
            assert len(spare) == len(set(spare))
            assert not set(spare) & set(kernel.known.values())


def test_acks_while_a_slot_is_taken_away_are_told() -> None:
    """Of a flow that goes on just when its slot is taken each ACK is reported all the same."""
    for looks in range(1, 120):
        kernel = Kernel()
        kernel.read()
        flow = fill(kernel)[0]
        kernel.now += IDLE_NS + SECOND
        kernel.soon = [(looks, partial(kernel.ack, flow, srtt)) for srtt in (6, 7)]
        events = []
        for _ in range(6):
            events.append(kernel.read())
            kernel.now += 600 * MS
        assert not kernel.soon
        own = joined(events)
        assert own["snd_una"][own["sock_cookie"] == flow.cookie].max() == 3, looks


class KernelAndReader(RuleBasedStateMachine):
    """Flows come, talk and go, at any moment of the reader's; the ring may have little room."""

    def __init__(self) -> None:
        super().__init__()
        self.flows: list[Flow] = []
        self.reported: dict[int, int] = {}
        self.counts: dict[int, tuple[int, int]] = {}
        self.over: set[int] = set()

    @initialize(start=st.sampled_from([0, 2**32 - 5]))
    def start(self, start: int) -> None:
        """Begin with filled lists."""
        self.kernel = Kernel(start)
        self.kernel.read()

    def _flow(self, number: int) -> Flow:
        """Give one of the living flows, or one more."""
        living = [flow for flow in self.flows if not flow.ended]
        if number < len(living):
            return living[number]
        self.flows.append(Flow(len(self.flows) + 1))
        return self.flows[-1]

    @rule(number=st.integers(0, 20), srtt=st.integers(1, 99), cpu=st.integers(0, CPUS - 1))
    def ack(self, number: int, srtt: int, cpu: int) -> None:
        """Let a flow have an ACK."""
        self.kernel.ack(self._flow(number), srtt, cpu)

    @rule(number=st.integers(0, 20), srtt=st.integers(1, 99))
    def half_an_ack(self, number: int, srtt: int) -> None:
        """Hold a program up in the middle."""
        flow = self._flow(number)
        if flow.finish:
            flow.finish()
        self.kernel.begin(flow, srtt)

    @rule(number=st.integers(0, 20))
    def destroy(self, number: int) -> None:
        """Let a flow end."""
        self.kernel.destroy(self._flow(number))

    @rule(ms=st.sampled_from([1, 5, 10, 40]), room=st.sampled_from([0, 1, 3, 1000]))
    def go_on(self, ms: int, room: int) -> None:
        """Let time pass, and the ring's room change."""
        self.kernel.now += ms * MS
        self.kernel.room = room

    @rule(seconds=st.sampled_from([1.2, 12]))
    def long_after(self, seconds: float) -> None:
        """Let much time pass: no program is held up for so long."""
        for flow in self.flows:
            if flow.finish:
                flow.finish()
        self.kernel.now += int(seconds * SECOND)

    @rule(
        limit=st.sampled_from([0, 1, 2, 1000]),
        soon=st.lists(
            st.tuples(
                st.integers(1, 50),
                st.sampled_from(["ack", "half", "destroy"]),
                st.integers(0, 20),
                st.integers(1, 99),
            ),
            max_size=4,
        ),
    )
    def read(self, limit: int, soon: list[tuple[int, str, int, int]]) -> None:
        """Read, while programs run."""
        what: dict[str, Callable[[int, int], None]] = {
            "ack": lambda number, srtt: self.ack(number, srtt, 0),
            "half": self.half_an_ack,
            "destroy": lambda number, _: self.destroy(number),
        }
        self.kernel.soon = [
            (looks, partial(what[name], number, srtt)) for looks, name, number, srtt in soon
        ]
        self._delivered(self.kernel.read(limit))
        self.kernel.soon = []

    def _delivered(self, events: Events) -> None:
        for event in events:
            flow = self.flows[int(event["sock_cookie"]) - 1]
            assert flow.cookie not in self.over, "something came behind the end"
            if event["kind"] == EventKind.DESTROY:
                self.over.add(flow.cookie)
                continue
            before, end = self.reported.get(flow.cookie, 0), int(event["snd_una"])
            assert end >= before, "an older ACK came behind a newer one"
            stood_for, count = self.counts.get(flow.cookie, (0, 0))
            acks = int(event["acks"])
            if acks == 0:
                stood_for += 1
            elif event["begun"] and not (count and stood_for + acks - count == end):
                # Else its beginning was being fetched while it was written: it says so again.
                stood_for, count = stood_for + acks, acks
            else:
                stood_for, count = stood_for + acks - count, acks
            lost = flow.cookie in self.kernel.lost
            assert stood_for == end or lost, "not the ACKs that it stands for"
            stood = flow.values[before:end] or flow.values[end - 1 : end]
            assert event["srtt"] == stood[-1]
            assert event["srtt_min"] <= min(stood) or lost
            assert event["srtt_max"] >= max(stood) or lost
            assert {int(event["srtt_min"]), int(event["srtt_max"])} <= set(flow.values[:end])
            self.reported[flow.cookie] = end
            self.counts[flow.cookie] = stood_for, count

    @invariant()
    def each_slot_is_somewhere_once(self) -> None:
        """No slot is two flows', or a flow's and free."""
        if hasattr(self, "kernel"):
            held = [*self.kernel.known.values(), *self.kernel.spare()]
            assert len(held) == len(set(held))

    def teardown(self) -> None:
        """In the end each flow's last ACK was reported, and its end; and no slot has got lost."""
        if not hasattr(self, "kernel"):
            return
        self.long_after(1.2)
        self.kernel.room = 1000
        for flow in self.flows:
            self.kernel.ack(flow, 5)
        for _ in range(4):
            self.kernel.now += 2 * SECOND
            self._delivered(self.kernel.read())
        for flow in self.flows:
            if flow.cookie not in self.kernel.lost:
                assert self.reported.get(flow.cookie, 0) == len(flow.values)
                assert (flow.cookie in self.over) == flow.ended
        leaving = len(self.kernel.slots._leaving)
        assert len(self.kernel.known) + len(self.kernel.spare()) + leaving == SLOTS


KernelAndReader.TestCase.settings = settings(max_examples=100, stateful_step_count=60)
TestKernelAndReader = KernelAndReader.TestCase
