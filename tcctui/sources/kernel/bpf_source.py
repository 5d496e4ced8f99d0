"""Live events: bpf/tcc.c on this kernel's tracepoints."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcctui.arrays import Records
from tcctui.errors import TcctuiError
from tcctui.sources import kernel_clock
from tcctui.sources.kernel import bpf_syscall, jiffies, self_test
from tcctui.sources.kernel.bpf_maps import MappedArray, delete_keys
from tcctui.sources.kernel.cgroups import CgroupNames
from tcctui.sources.kernel.drop_reasons import DropReasons
from tcctui.sources.kernel.filter_chain import FILTER
from tcctui.sources.kernel.growing_map import GrowingArray
from tcctui.sources.kernel.inside_slots import InsideSlots
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.load_options import MAX_FOCUS
from tcctui.sources.kernel.program import AnyLoading, Loading
from tcctui.sources.kernel.resolution import Resolution
from tcctui.sources.kernel.ringbuf import MappedRing
from tcctui.sources.kernel.rings import CROWDED, Rings
from tcctui.sources.kernel.slots import FREE_SLOTS, MARK, NOT_ANY, Slots
from tcctui.sources.kernel.tracepoint_formats import LOST_COUNTERS
from tcctui.wire.events import EVENT, Events
from tcctui.wire.inside import INSIDES, NO_INSIDES, Asked, Insides, parted, together
from tcctui.wire.records import joined
from tcctui.wire.samples import NO_SAMPLES, Samples
from tcctui.wire.tracepoints import DEQUEUE, EVENT_KINDS

if TYPE_CHECKING:
    from tcctui.query import Query
    from tcctui.sources.kernel.keyed_layouts import KeyedLayouts
    from tcctui.sources.kernel.queue_waits import QueueWaits
    from tcctui.wire.own_queue import OwnWait

BATCH = 1 << 16
"""Events taken at a time, so that whoever holds a lock for one batch holds it for some ms."""

FOCUS_NS = 25_000_000
"""The longest time that one event of a flow in focus may stand for: less than one column of a
chart, and a whole part of a history's bucket.
"""

CONFIG = np.dtype(
    [
        ("interval_ns", "u8"),
        ("focus_ns", "u8"),
        ("focus", "u8", (MAX_FOCUS,)),
        ("crowded", "u4"),
        ("last_ring", "u4"),
        ("n_focus", "u4"),
        ("active", "u4"),
        ("inside", "u4"),
        ("unused", "u4"),
    ]
)
"""`struct config` in bpf/tcc.c."""

LOST = np.dtype(("u8", (LOST_COUNTERS,)))
"""`struct lost` in bpf/tcc.c."""

_AFTER_NS = 2_000_000
"""Nanoseconds between the end of an interval and a read: busy flows have written its record."""

_SKIPPED = 2.0
"""Seconds between two counts of skipped events: one costs more than all of a quiet read."""

_U64 = np.dtype("u8")

_FILTERS, _OF_ENDS = 4, 2
"""Number of slots for filters, and distance of the slots for ends behind the others."""


class BpfSource:
    """Attaches the BPF program to the tracepoints and reads its ring buffer.

    `loading` is the program, on its way already; else it is loaded now. `interval_ms` is the time
    that one event of a flow may stand for, 0 for an event of every ACK. Where `max_cpu` is given,
    that time doubles while the reading thread takes more than this share of a core, or the ring is
    over half full.

    Raises:
        TcctuiError: no privilege, no tracepoint, no bcc, or the kernel refuses the program.

    """

    def __init__(
        self,
        kernel_filter: KernelFilter | None = None,
        *,
        loading: AnyLoading | None = None,
        interval_ms: float = 0,
        max_cpu: float | None = None,
    ) -> None:
        self._program = (loading or Loading()).wait()
        self.attach_ms = self._program.attach_ms
        """Milliseconds that compiling, loading and attaching took."""
        self.cached = self._program.cached
        """True if the program was not compiled for this, but came from the cache."""
        self._interval_ns = round(interval_ms * 1e6)
        self._focus_ns = min(self._interval_ns, FOCUS_NS)
        self._resolution = None if max_cpu is None else Resolution(self._interval_ns, max_cpu)
        self._focus = NOT_ANY
        self._cgroups = CgroupNames()
        self._drops = DropReasons(self._program.facts.drop_reasons)
        self._wanted = self._asked = Asked.NOTHING
        self._insides: list[Insides] = []
        self._layouts: KeyedLayouts | None = None
        self._coalesced = False
        self._dequeue = self._program.programs.get(DEQUEUE)
        self._watched: int | None = None  # what holds it at its tracepoint
        self._waits: QueueWaits | None = None
        self._own = self._filter = kernel_filter or KernelFilter()
        self._changing = threading.Lock()
        self._lost = self._skipped = 0
        self._count_skipped_at = 0.0
        self._open = True
        self._mapped: list[MappedArray | GrowingArray] = []
        self._mapped_rings: list[MappedRing] = []
        self._rings: Rings | None = None
        maps, cpus = self._program.maps, self._program.cpus
        try:
            for ring in self._program.rings:
                self._mapped_rings.append(MappedRing(ring, self._program.ring_bytes, EVENT))
            self._rings = Rings([mapped.ring for mapped in self._mapped_rings], self._program.rings)
            self._config, self._filters, self._losses, lists = (
                self._map(name, value, count).values
                for name, value, count in (
                    ("config", CONFIG, 1),
                    ("filters", FILTER, _FILTERS),
                    ("lost", LOST, cpus),
                    ("free_slots", FREE_SLOTS, cpus),
                )
            )
            marks, pending, flows = by_slot = tuple(
                GrowingArray(maps[name], value, self._program.slots)
                for name, value in (("marks", MARK), ("pending", _U64), ("flows", EVENT))
            )
            self._mapped += by_slot

            def reach(slots: int) -> None:
                for array in by_slot:
                    array.reach(slots)

            self._slots = Slots(
                *(marks.values, pending.values, flows.values, lists),
                lambda keys: delete_keys(maps["slots"], keys),
                reach=reach,
            )
            del lists
            self._inside = InsideSlots(self._map("insides", INSIDES, self._program.insides).values)
            self._config["last_ring"] = len(self._program.rings) - 1
            self._config["crowded"] = self._program.ring_bytes // CROWDED
            self.inside_lacks = self._test_inside(self._rings)
            """Reason why nothing can be read of sockets; empty if it can be."""
            self.set_interval(self._interval_ns)
            self.attached_ns = self.now_ns()
            """CLOCK_MONOTONIC when events began to be let through."""
            self.set_filter(self._own)
        except BaseException:
            self.close()
            raise

    def _map(self, name: str, value: np.dtype[Any], count: int) -> MappedArray:
        mapped = MappedArray(self._program.maps[name], value, count)
        self._mapped.append(mapped)
        return mapped

    @property
    def description(self) -> str:
        """`tcp_probe` and the kernel's release."""
        return f"tcp_probe · {os.uname().release}"

    @property
    def kernel_filter(self) -> str:
        """The filter in force, in words."""
        return str(self._filter)

    @property
    def kernel_exact(self) -> bool:
        """True if the filter in force passes nothing more than requested."""
        return self._filter.exact

    can_narrow = True

    @property
    def interval_ns(self) -> int:
        """Nanoseconds that one event of a flow may stand for; 0 where every ACK has its own."""
        return self._interval_ns

    def now_ns(self) -> int:
        """Time of `kernel_clock`, as bpf_ktime_get_ns() gives it."""
        return kernel_clock.now_ns()

    def set_filter(self, kernel_filter: KernelFilter) -> None:
        """Change which flows the kernel reports, while running: from one event to the next."""
        self._own = kernel_filter
        self.look_inside(self._wanted)
        self._let_through(kernel_filter)

    def narrow(self, query: Query | None) -> None:
        """Have only those reported that this may match, too; from any thread.

        The ends of all others are still told: somebody may know them from before.
        """
        own = self._own
        self._let_through(own if query is None else own & KernelFilter.of(query))

    def _let_through(self, kernel_filter: KernelFilter) -> None:
        with self._changing:
            if not self._open:
                return
            # 0 would let nothing through; the program takes the lowest bit for the filter's place.
            active = 2 if self._config["active"][0] == 1 else 1
            self._filters[active & 1] = kernel_filter.pack()
            self._filters[_OF_ENDS + (active & 1)] = self._own.pack()
            self._config["active"] = active
            self._filter = kernel_filter

    def focus(self, cookies: Iterable[int]) -> None:
        """Let one event stand for `FOCUS_NS` at most of these flows, of the first `MAX_FOCUS`.

        It is less if that is the interval that this was opened with: every ACK where that is 0.
        """
        if not self._open:
            return
        chosen = list(cookies)[:MAX_FOCUS]
        # Written over, not cleared first: a flow that stays in focus is never out of it.
        self._config["focus"][0] = chosen + [0] * (MAX_FOCUS - len(chosen))
        self._config["n_focus"] = len(chosen)
        self._focus = np.array(chosen, "u8")

    def set_interval(self, interval_ns: int) -> None:
        """Change the time that one event of a flow may stand for, while running; 0 is every ACK."""
        if interval_ns and not self._coalesced:
            self._coalesced = True
            self._slots.tend(self.now_ns())
        self._interval_ns = interval_ns
        self._config["focus_ns"] = max(min(self._focus_ns, interval_ns), 1)
        # Flows that have slots keep them: each ACK's record then comes behind what they hold.
        self._config["interval_ns"] = max(interval_ns, 1) if self._coalesced else 0

    def read(self, timeout: float) -> Events:
        """Deliver up to `BATCH` events; wait `timeout` seconds first, until the ring fills up.

        Behind them come those that quiet flows have left in their slots. The wait ends just after
        the end of an interval, if there is one within it: then all flows are as they were at that
        moment, and rates are not of more or less than their time.
        """
        rings = self._rings
        if not self._open or rings is None:
            raise TcctuiError("The BPF program was unloaded.")
        if bool(self._wanted & Asked.QUEUE) != (self._watched is not None):
            self._watch_queues()
        rings.wait(self._end_of_wait(timeout))
        now = self.now_ns()
        if self._resolution is not None:
            interval_ns = self._resolution.adapt(now, time.thread_time_ns(), rings.used)
            if interval_ns != self._interval_ns:
                self.set_interval(interval_ns)
        if not self._coalesced:
            events, _ = rings.read(BATCH)
            return self._finished(events)
        focus_ns = int(self._config["focus_ns"][0])
        waiting = self._slots.waiting(now, self._interval_ns, focus_ns, self._focus)
        events, all_read = rings.read(BATCH)
        if all_read:
            left = self._slots.fetch(waiting)
            if self._asked and len(left):
                left = joined([left, *self._inside.of(self._slots.fetched, left, self._focus)])
            events = joined([events, left]) if len(left) else events
        self._slots.tend(now)
        return self._finished(events)

    def _finished(self, records: Events) -> Events:
        """Keep what is no event for `inside`; gives the events."""
        if self._asked or self._insides:
            records, insides = parted(records)
            if insides:
                self._insides.append(insides)
        self._cgroups.write(records)
        self._drops.write(records)
        return records

    def _end_of_wait(self, timeout: float) -> int:
        now, last = self.now_ns(), self.now_ns() + round(timeout * 1e9)
        if self._coalesced and self._interval_ns:
            after = last - last % self._interval_ns + _AFTER_NS
            last = after if now < after < last else last
        return last

    @property
    def typed(self) -> bool:
        """True if tcp_probe's values are read from the socket itself, by the kernel's types."""
        return self._program.typed

    def look_inside(self, asked: Asked) -> bool:
        """Change what is read of sockets, and of their algorithms' own state; False if nothing can.

        It comes with the events of the flows in focus, or of all: of the first `INSIDES` that have
        a slot, where events are coalesced. What the filter names is read in any case.
        """
        self._wanted = asked
        if not self._open or self.inside_lacks:
            return False
        self._asked = asked | self._own.inside
        self._config["inside"] = self._asked & ~Asked.QUEUE
        return True

    def queue_wait(self, cookie: int) -> OwnWait | None:
        """Time that a flow in focus waits in queues of this machine, while that is asked for.

        In any one thread.
        """
        with self._changing:  # it is not closed meanwhile
            if self._watched is None or self._waits is None or cookie not in self._focus:
                return None
            return self._waits.of(self._focus.tolist().index(cookie), cookie)

    @property
    def watches_queues(self) -> bool:
        """True if `queue_wait` tells something: certain after a `read` for which it was asked."""
        return self._dequeue is not None

    def _watch_queues(self) -> None:
        """Have the program run where packets leave queues, or no more."""
        if self._watched is not None:
            os.close(self._watched)
            self._watched = None
        elif self._dequeue is not None:
            if self._waits is None:
                from tcctui.sources.kernel.queue_waits import QUEUED, QueueWaits  # noqa: PLC0415

                self._waits = QueueWaits(self._map("queued", QUEUED, MAX_FOCUS).values)
            try:
                self._watched = bpf_syscall.attach_raw(self._dequeue, DEQUEUE.rpartition("/")[2])
            except bpf_syscall.RefusedError:  # this kernel has no queues
                self._dequeue = None

    def inside(self) -> Insides:
        """Records of sockets from the last `read`, beside its events; oldest first of a flow."""
        parts, self._insides = self._insides, []
        if not parts:
            return NO_INSIDES
        insides = together(parts)
        insides.sockets["icsk_rto"] = jiffies.microseconds(insides.sockets["icsk_rto"])
        if len(insides.algorithms):
            self._lay_out(insides.algorithms)
        return insides

    def _lay_out(self, algorithms: Records) -> None:
        """See that the records' keys stand for layouts."""
        if self._layouts is None:
            from tcctui.sources.kernel import struct_ops  # noqa: PLC0415 - of no use before
            from tcctui.sources.kernel.keyed_layouts import KeyedLayouts  # noqa: PLC0415

            layouts = [*self._program.facts.layouts, *self._program.layouts]
            self._layouts = KeyedLayouts(layouts, struct_ops.layouts)
        self._layouts.put(algorithms)

    def _test_inside(self, rings: Rings) -> str:
        """Read of a connection of our own, while no other passes; why that is wrong, if it is."""
        if not self._program.typed:
            return "this kernel has no types (BTF) for what tcp_probe tells, or refuses them"
        config = self._config

        def read() -> Records:
            _, (sockets, *_) = parted(rings.read(BATCH)[0])
            sockets["icsk_rto"] = jiffies.microseconds(sockets["icsk_rto"])
            return sockets

        try:
            with self_test.connection() as (client, server):
                port = client.getsockname()[1]
                self._filters[1] = KernelFilter.on_ports(port).pack()
                config["inside"], config["active"] = Asked.SOCKET_OF_ALL, 1
                try:
                    wrong = self_test.differing(client, server, read)
                finally:
                    config["inside"] = config["active"] = 0
        except OSError as error:
            return f"it can't be tested over loopback: {error.strerror or error}"
        return f"it differs from TCP_INFO: {', '.join(wrong)}" if wrong else ""

    def sampled(self) -> Samples:
        """No samples: tracepoints give events alone."""
        return NO_SAMPLES

    def lost(self) -> int:
        """Records that found the ring full, since the start.

        A coalesced flow's next record tells what they would have told, but for the moment.
        """
        if self._open:
            self._lost = int(self._losses.sum())
        return self._lost

    def skipped(self) -> int:
        """Events, of any flow, that the kernel ran no program for, as of two seconds ago.

        An interrupt that comes while a program is at work starts no other on that CPU
        (trace_call_bpf, kernel/trace/bpf_trace.c). The kernel counts them since 5.12.
        """
        if self._open and time.monotonic() >= self._count_skipped_at:
            self._count_skipped()
        return self._skipped

    def _count_skipped(self) -> None:
        programs = self._program.programs.values()
        infos = (Path(f"/proc/self/fdinfo/{fd}").read_text() for fd in programs)
        counts = (re.search(r"^recursion_misses:\s*(\d+)", info, re.MULTILINE) for info in infos)
        # Before 5.14 they are root's alone once rights are given up (proc_fdinfo_instantiate).
        with contextlib.suppress(PermissionError):
            self._skipped = sum(int(count[1]) for count in counts if count)
        self._count_skipped_at = time.monotonic() + _SKIPPED

    def lost_by_kind(self) -> dict[int, int]:
        """Records that found the ring full, by kind, over all CPUs."""
        return {kind: int(self._losses[:, kind].sum()) for kind in range(EVENT_KINDS)}

    def close(self) -> None:
        """Detach from the tracepoints and unload programs and maps."""
        if not self._open:
            return
        if len(self._mapped) >= _ARRAYS:
            self.lost()
            self._count_skipped()
        if self._rings is not None:
            self._rings.close()
            self._rings = None
        while self._mapped_rings:
            self._mapped_rings.pop().close()
        with self._changing:
            self._open = False
            if self._watched is not None:
                os.close(self._watched)
                self._watched = None
        self._program.close()
        for name in ("_config", "_filters", "_losses", "_slots", "_inside", "_waits"):
            self.__dict__.pop(name, None)
        for mapped in self._mapped:
            mapped.close()


_ARRAYS = 7
