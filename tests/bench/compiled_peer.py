"""A compiled program that prints each event: compiled_peer.c, behind a BPF program of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tcctui.sources.kernel import bcc_package
from tcctui.sources.kernel.build import bpf_directory
from tcctui.sources.kernel.program import RING_BYTES
from tests.bench.tools import pinned

_SOURCE = """
struct event {
    u64 ts_ns, cookie;
    u8 saddr[28], daddr[28];
    u32 snd_nxt, snd_una, snd_cwnd, ssthresh, snd_wnd, srtt, rcv_wnd;
    u16 sport, dport, family, data_len;
};

BPF_RINGBUF_OUTPUT(events, PAGES);

TRACEPOINT_PROBE(tcp, tcp_probe)
{
    struct event *event = events.ringbuf_reserve(sizeof(struct event));

    if (!event)
        return 0;
    event->ts_ns = bpf_ktime_get_ns();
    event->cookie = args->sock_cookie;
    __builtin_memcpy(event->saddr, args->saddr, 28);
    __builtin_memcpy(event->daddr, args->daddr, 28);
    event->snd_nxt = args->snd_nxt;
    event->snd_una = args->snd_una;
    event->snd_cwnd = args->snd_cwnd;
    event->ssthresh = args->ssthresh;
    event->snd_wnd = args->snd_wnd;
    event->srtt = args->srtt;
    event->rcv_wnd = args->rcv_wnd;
    event->sport = args->sport;
    event->dport = args->dport;
    event->family = *(u16 *)&args->saddr[0];
    event->data_len = args->data_len;
    events.ringbuf_submit(event, 0);
    return 0;
}
"""


@contextmanager
def compiled_peer() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run it; gives the process, and the descriptor of the file in memory that it writes."""
    bcc = bcc_package.load()
    os.environ["BCC_KERNEL_SOURCE"] = str(bpf_directory())
    pages = RING_BYTES // os.sysconf("SC_PAGE_SIZE")
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "compiled_peer"
        source = Path(__file__).with_suffix(".c")
        subprocess.run(["cc", "-O2", "-o", program, source], check=True)
        bpf = bcc.BPF(text=_SOURCE, cflags=[f"-DPAGES={pages}"])
        ring, lines = bpf["events"].map_fd, os.memfd_create("lines")
        process = subprocess.Popen(
            pinned([str(program), str(ring), str(RING_BYTES)]), stdout=lines, pass_fds=[ring]
        )
        try:
            yield process, lines
        finally:
            process.terminate()
            process.wait()
            bpf.cleanup()
            os.close(lines)
