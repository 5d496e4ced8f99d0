"""A BPF program that writes made-up records into a ring buffer, as fast as it is told to."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from tcctui.sources.kernel import bcc_package, ring_maps
from tcctui.sources.kernel.build import bpf_directory
from tcctui.sources.kernel.rings import CROWDED

FLOWS = 200

_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_PROG_TEST_RUN = 10  # enum bpf_cmd, include/uapi/linux/bpf.h
_TICK = 0.002  # seconds between two bursts

_SOURCE = """
BPF_RINGBUF_OUTPUT(events, RING_PAGES);
BPF_ARRAY_OF_MAPS(rings, "events", RINGS);
BPF_PERCPU_ARRAY(counts, u64, 2); /* written, lost */

int write_record(struct __sk_buff *skb)
{
    int written = 0, lost = 1, number = bpf_get_smp_processor_id() & (RINGS - 1);
    u64 *count = counts.lookup(&written), *missed = counts.lookup(&lost);
    void *ring = (void *)rings.lookup(&number);
    struct event *event;
    u64 flow, flags = BPF_RB_NO_WAKEUP;

    if (!count || !missed || !ring)
        return 0;
    event = bpf_ringbuf_reserve(ring, sizeof(*event), 0);
    if (!event) {
        (*missed)++;
        return 0;
    }
    __builtin_memset(event, 0, sizeof(*event));
    flow = *count % FLOWS;
    event->ts_ns = bpf_ktime_get_ns();
    event->sock_cookie = event->skaddr = 1 + flow;
    event->saddr.words[2] = event->daddr.words[2] = bpf_htonl(0xffff);
    event->saddr.words[3] = event->daddr.words[3] = bpf_htonl(0x7f000001);
    event->sport = 443;
    event->dport = 20000 + flow;
    event->family = 2;
    event->snd_una = *count * 100;
    event->snd_nxt = event->snd_una + 14480;
    event->snd_cwnd = event->snd_cwnd_min = event->snd_cwnd_max = 10 + (*count >> 8) % 50;
    event->in_flight_min = event->in_flight_max = 14480;
    event->ssthresh = 40;
    event->srtt = event->srtt_min = event->srtt_max = 20000 + flow;
    (*count)++;
    /* As bpf/tcc.c does, which knows how much waits. */
    if (*count % (WAKE_BYTES / (sizeof(*event) + 8)) == 0)
        flags = BPF_RB_FORCE_WAKEUP;
    bpf_ringbuf_submit(event, flags);
    return 0;
}
"""


class _TestRun(ctypes.Structure):
    """`union bpf_attr`, its part `test`."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("prog_fd", "retval", "size_in", "size_out")),
        ("data_in", ctypes.c_uint64),
        ("data_out", ctypes.c_uint64),
        ("repeat", ctypes.c_uint32),
        ("duration", ctypes.c_uint32),
    )


def _wire_format() -> str:
    """The part of bpf/tcc.c that declares `struct event`."""
    text = (bpf_directory() / "tcc.c").read_text()
    found = [
        re.search(rf"^{kind} \{{.*?^\}};", text, re.MULTILINE | re.DOTALL)
        for kind in ("union address", "struct event")
    ]
    assert all(found)
    return "\n".join(one[0] for one in found if one)


class RecordWriter:
    """Holds the program and its ring buffers, of `ring_bytes` each; it runs on `processor`."""

    def __init__(self, ring_bytes: int, processor: int, rings: int = 1) -> None:
        self._ring_bytes = ring_bytes
        self._flags = [
            f"-DRINGS={rings}",
            f"-DRING_PAGES={ring_bytes // os.sysconf('SC_PAGE_SIZE')}",
            f"-DWAKE_BYTES={ring_bytes // CROWDED}",
            f"-DFLOWS={FLOWS}",
        ]
        self._processor = processor
        self._count = rings

    def __enter__(self) -> RecordWriter:
        bcc: Any = bcc_package.load()
        os.environ["BCC_KERNEL_SOURCE"] = str(bpf_directory())
        self._bpf = bcc.BPF(text=_wire_format() + _SOURCE, cflags=self._flags)
        self._program = self._bpf.load_func("write_record", bcc.BPF.SOCKET_FILTER).fd
        maps = {name: self._bpf[name.encode()].map_fd for name in ("events", "rings")}
        self.rings = ring_maps.fill(maps, ring_bytes=self._ring_bytes, rings=self._count)
        """Descriptors of the ring buffers."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for descriptor in self.rings[1:]:
            os.close(descriptor)
        self._bpf.cleanup()

    def written(self) -> int:
        """Records written so far."""
        return sum(self._bpf["counts"][ctypes.c_int(0)])

    def lost(self) -> int:
        """Records that found no room so far."""
        return sum(self._bpf["counts"][ctypes.c_int(1)])

    def run(self, times: int) -> float:
        """Write so many records at once, on the calling thread's processor; gives ns for each."""
        return run(self._program, times)

    @contextlib.contextmanager
    def writing(self, rate: int) -> Iterator[None]:
        """Let a process of its own write so many records per second."""
        arguments = map(str, (self._program, rate, self._processor))
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, *arguments], pass_fds=[self._program]
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


def run(program: int, times: int) -> float:
    """Run a program on an empty packet, so many times in one call; gives nanoseconds for a time.

    Raises:
        OSError: the kernel refuses.

    """
    packet = ctypes.create_string_buffer(64)
    test = _TestRun(prog_fd=program, size_in=64, data_in=ctypes.addressof(packet), repeat=times)
    libc = ctypes.CDLL(None, use_errno=True)
    number = _NUMBERS[platform.machine()]
    if libc.syscall(number, _PROG_TEST_RUN, ctypes.byref(test), ctypes.sizeof(test)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return float(test.duration)


def main() -> None:
    """Run as a program: the descriptor, records per second, and the processor."""
    program, rate, processor = map(int, sys.argv[1:])
    os.sched_setaffinity(0, {processor})
    started, done = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - started) * rate) - done
        # What a pause of the whole machine left behind is not made up for at once.
        burst = min(due, int(4 * rate * _TICK))
        done += due
        if burst > 0:
            run(program, burst)
        time.sleep(_TICK)


if __name__ == "__main__":
    main()
