"""Ways to read events in Python, each a program of its own that counts what it reads.

`python -m tests.bench.readers NAME DESCRIPTOR`; the descriptor is that of `Counters`.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from tcctui.cli import INTERVAL_MS, MAX_CPU
from tcctui.flows.store import Store
from tcctui.sources.kernel import bcc_package
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.build import bpf_directory
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading
from tcctui.sources.live import ON_SCREEN, LiveSource
from tcctui.sources.sock_diag.sampling import Sampler
from tcctui.ui.app.app import TcctuiApp
from tcctui.wire.events import EVENT, Events
from tests.bench.counters import Counters
from tests.bench.counting import counting_program


class _Counted(BpfSource):
    """Tells what was taken in, and what the reading thread spent on it."""

    def __init__(self, store: Store, counters: Counters, **options: Any) -> None:
        super().__init__(loading=Loading(), **options)
        self._store = store
        self._counters = counters

    def read(self, timeout: float) -> Events:
        self._counters["reading_cpu"] = time.thread_time()
        self._counters["events"] = self._store.totals().events
        batch = super().read(timeout)
        self._counters["records"] += len(batch)
        return batch


def dashboard(counters: Counters) -> None:
    """The dashboard as it is, on this process's terminal."""
    _dashboard(counters, interval_ms=INTERVAL_MS, max_cpu=MAX_CPU)


def every_ack(counters: Counters) -> None:
    """The dashboard, with a record for each ACK."""
    _dashboard(counters, interval_ms=0)


def _dashboard(counters: Counters, **options: Any) -> None:
    store = Store()
    source = LiveSource(
        KernelFilter(), _Counted(store, counters, **options), Sampler(KernelFilter(), ON_SCREEN)
    )
    TcctuiApp(lambda: source, store).run()
    counters["lost"] = source.lost() + source.skipped()
    source.close()


_SIZES = {1: ctypes.c_uint8, 2: ctypes.c_uint16, 4: ctypes.c_uint32, 8: ctypes.c_uint64}


class _Record(ctypes.Structure):
    """`struct event`, as a tool declares it: bcc's own `event()` knows no __u64."""

    _fields_ = tuple(
        (name, ctypes.c_uint8 * 16 if EVENT[name].shape else _SIZES[EVENT[name].itemsize])
        for name in EVENT.names or ()
    )


assert ctypes.sizeof(_Record) == EVENT.itemsize


def bcc_counting(counters: Counters) -> None:
    """The same BPF program, read by bcc's own ring buffer callback, which counts and no more."""
    _bcc(counters, lambda event: None)


def bcc_keeping(counters: Counters) -> None:
    """The same, keeping the least that the dashboard keeps of a flow: last values and extremes."""
    flows: dict[int, list[int]] = {}

    def keep(event: Any) -> None:
        cwnd, srtt, in_flight = event.snd_cwnd, event.srtt, event.snd_nxt - event.snd_una
        flow = flows.get(event.sock_cookie)
        if flow is None:
            flow = flows[event.sock_cookie] = [cwnd, srtt, in_flight] * 3
        flow[:3] = cwnd, srtt, in_flight
        flow[3:6] = min(cwnd, flow[3]), min(srtt, flow[4]), min(in_flight, flow[5])
        flow[6:] = max(cwnd, flow[6]), max(srtt, flow[7]), max(in_flight, flow[8])

    _bcc(counters, keep)


def _bcc(counters: Counters, take: Callable[[Any], None]) -> None:
    loading = Loading(slots=1, rings=1)  # none is taken where each ACK has its record
    source = BpfSource(loading=loading)
    bcc = bcc_package.load()
    os.environ["BCC_KERNEL_SOURCE"] = str(bpf_directory())
    bpf = bcc.BPF(text="BPF_RINGBUF_OUTPUT(events, 1);")
    bpf["events"].map_fd = loading.wait().maps["events"]
    pointer = ctypes.POINTER(_Record)
    events = 0

    def callback(_context: Any, data: Any, _size: int) -> None:
        nonlocal events
        take(ctypes.cast(data, pointer).contents)
        events += 1

    bpf["events"].open_ring_buffer(callback)
    while True:
        bpf.ring_buffer_consume()
        counters["events"] = counters["records"] = events
        counters["lost"] = source.lost()
        time.sleep(0.1)


def floor(counters: Counters) -> None:
    """A program on tcp_probe that does nothing but count: less than this nothing can take."""
    bpf = counting_program()
    while True:
        counters["events"] = counters["records"] = sum(bpf["count"][ctypes.c_int(0)])
        time.sleep(0.1)


READERS: dict[str, Callable[[Counters], None]] = {
    "dashboard": dashboard,
    "every_ack": every_ack,
    "floor": floor,
    "bcc_counting": bcc_counting,
    "bcc_keeping": bcc_keeping,
}

if __name__ == "__main__":
    READERS[sys.argv[1]](Counters(int(sys.argv[2])))
