"""`python -m tests.demo`: makes the recording that `tcctui demo` plays, of real traffic.

A cubic and a bbr flow meet in one bottleneck; a reader is slow; a path loses segments; an
application has little to send, another one a small buffer; short connections come and go. What it
says of the machine that it was made on is taken out: names, addresses in the kernel, the time.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tcctui import __version__
from tcctui.arrays import Records
from tcctui.demo import RECORDING
from tcctui.flows.store import Store
from tcctui.recording.arrow import Encoder
from tcctui.recording.chunks import Chunk, Chunker, merged
from tcctui.recording.ipc_frames import END
from tcctui.recording.timeline import Origin
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.live import LiveSource
from tcctui.sources.sock_diag.sampling import Pace, Sampler
from tcctui.wire.addresses import parse_prefix
from tcctui.wire.events import EventKind
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import End
from tests.kernel.delay_line import DelayedNetwork
from tests.kernel.network import Network

SECONDS = 75
INTERVAL_MS = 70.0
MOST_BYTES = 300_000

_SAMPLED = Pace(1.0)
_BATCH_NS = 19_000_000_000
_BEGIN_NS = 1000 * 10**9  # the recording's clock begins there
_WALL_NS = 1_767_225_600 * 10**9 - _BEGIN_NS  # and says 2026-01-01 00:00 UTC

CUBIC, BBR, SLOW, LOSSY, SMALL, BURSTS, SHORT = 5201, 5202, 5203, 5204, 5205, 5206, 443
_SENT_TO = np.array([CUBIC, BBR, SLOW, LOSSY, SMALL, BURSTS])


class _Pair(Network):
    CLIENT, SERVER = "192.0.2.10", "192.0.2.80"
    CLIENT6, SERVER6 = "2001:db8::10", "2001:db8::80"


class _Slow(Network):
    CLIENT, SERVER = "198.51.100.10", "198.51.100.25"
    CLIENT6, SERVER6 = "2001:db8:1::10", "2001:db8:1::25"


class _Web(Network):
    CLIENT, SERVER = "203.0.113.10", "203.0.113.77"  # it is the client's way that is slow


class _Lossy(DelayedNetwork):
    CLIENT, SERVER = "198.18.4.10", "198.18.4.99"


class _Far(DelayedNetwork):
    CLIENT, SERVER = "198.18.7.10", "198.18.7.99"


def _one_number(address: str) -> int:
    halves = parse_prefix(address).halves
    return halves[0] ^ halves[1]


_ADDRESSES = np.array(
    [
        _one_number(address)
        for network in (_Pair, _Slow, _Web, _Lossy, _Far)
        for address in (network.CLIENT, network.SERVER, network.CLIENT6, network.SERVER6)
        if address not in (Network.CLIENT6, Network.SERVER6)
    ],
    "u8",
)
"""Other people's traffic is not for the demo."""


def _role(network: Network, namespace: str, role: str, port: int, seconds: float) -> None:
    host = network.CLIENT if port == SHORT else network.SERVER
    command = [sys.executable, "-m", "tests.demo_traffic", role, host, str(port)]
    network.popen(namespace, [*command, str(seconds)])


def _iperf3(network: Network, port: int, server: str, congestion: str, seconds: float) -> None:
    network.popen(network.server, ["iperf3", "-s", "-1", "-p", str(port)])
    time.sleep(0.5)
    command = ["iperf3", "-c", server, "-p", str(port), "-t", f"{seconds:.0f}", "-C", congestion]
    network.popen(network.client, command)


def record() -> list[Chunk]:
    """Make the traffic, and record it; the chunks of a second each."""
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(
            contextlib.closing(
                LiveSource(
                    KernelFilter(),
                    BpfSource(interval_ms=INTERVAL_MS),
                    Sampler(KernelFilter(), _SAMPLED),
                )
            )
        )
        pair = stack.enter_context(_Pair(rate="20mbit", queue="200kb"))
        slow = stack.enter_context(_Slow())
        web = stack.enter_context(_Web(rate="10mbit", queue="60kb"))
        lossy = stack.enter_context(_Lossy(delay=0.01, loss=0.01))
        far = stack.enter_context(_Far(delay=0.01))
        servers = (
            (slow, "slow_reader", SLOW),
            (far, "reader", SMALL),
            (far, "reader", BURSTS),
        )
        for network, role, port in servers:
            _role(network, network.server, role, port, SECONDS + 20)
        _role(web, web.client, "answers", SHORT, SECONDS + 20)
        time.sleep(1)
        steps = [
            (0.5, lambda: _iperf3(pair, CUBIC, pair.SERVER, "cubic", SECONDS)),
            (2, lambda: _iperf3(lossy, LOSSY, lossy.SERVER, "cubic", SECONDS)),
            (3, lambda: _role(slow, slow.client, "bulk", SLOW, SECONDS)),
            (4, lambda: _role(far, far.client, "small_buffer", SMALL, SECONDS)),
            (5, lambda: _role(far, far.client, "bursts", BURSTS, SECONDS)),
            (6, lambda: _role(web, web.server, "asks", SHORT, SECONDS)),
            (20, lambda: _iperf3(pair, BBR, pair.SERVER6, "bbr", 40)),
        ]
        return _recorded(source, steps)


def _recorded(source: LiveSource, steps: list[tuple[float, Callable[[], None]]]) -> list[Chunk]:
    begun = source.now_ns()
    chunker, chunks = Chunker(begun), []
    store, known = Store(0), np.zeros(0, "u8")
    while (now := source.now_ns()) < begun + SECONDS * 10**9:
        if steps and now > begun + steps[0][0] * 1e9:
            steps.pop(0)[1]()
        events = _ours(source.read(0.05))
        now = source.now_ns()
        chunker.add(events, _sampled(source))
        store.ingest(events, now)
        known = np.union1d(known, events["sock_cookie"][events["kind"] == EventKind.PROBE])
        source.watch(store.sockets(known))
        if chunker.due(now):
            chunks.append(chunker.cut(now, source.lost(), source.skipped())())
    return chunks


def _sampled(source: LiveSource) -> Records:
    parts = []
    while len(samples := source.sampled()):
        parts.append(_ours(samples))
    return joined(parts) if parts else samples


def _ours(records: Records) -> Records:
    """Choose the ends that send, and of the lossy path both."""
    sport, dport = records["sport"], records["dport"]
    mine = np.isin(dport, _SENT_TO) | (sport == SHORT) | (sport == LOSSY)
    mine &= np.isin(records["saddr"][:, 0] ^ records["saddr"][:, 1], _ADDRESSES)
    if "end" in (records.dtype.names or ()):
        mine |= records["end"] == End.GONE
    return pick(records, mine)


def neutral(chunks: list[Chunk]) -> list[Chunk]:
    """Take out of a recording what it says of its machine."""
    samples = joined([chunk.samples for chunk in chunks])
    events = joined([chunk.events for chunk in chunks])
    ours = np.unique(events["sock_cookie"])
    numbers = {
        "sock_cookie": (ours, 1),
        "skaddr": (np.unique(events["skaddr"]), 0xFFFF_8880_0000_0000),
        "inode": (np.unique(samples["inode"]), 20_000),
        "netns": (np.unique(samples["netns"]), 4_026_532_000),
        "pid": (np.unique(samples["pid"]), 1000),
    }
    shift = _BEGIN_NS - chunks[0].begin_ns
    return [_neutral(chunk, numbers, shift) for chunk in chunks]


def _neutral(
    chunk: Chunk, numbers: dict[str, tuple[npt.NDArray[np.unsignedinteger], int]], shift: int
) -> Chunk:
    told = numbers["sock_cookie"][0]
    events = chunk.events.copy()
    samples = pick(chunk.samples, np.isin(chunk.samples["sock_cookie"], told))
    for records in (events, samples):
        for name, (known, base) in numbers.items():
            if name in (records.dtype.names or ()):
                values = records[name]
                number = np.searchsorted(known, values).astype("u8") + np.uint64(base)
                records[name] = np.where(values == 0, np.uint64(0), number)
        records["ts_ns"] = (records["ts_ns"].astype("i8") + shift).astype("u8")
    for name in ("cgroup", "netns_name"):
        samples[name] = b""
    samples["uid"] = np.where(samples["uid"] == 0, 1000, samples["uid"])
    ours = np.isin(samples["comm"], [b"", b"iperf3"])
    samples["comm"] = np.where(ours, samples["comm"], b"python3")
    samples["netns_name"] = np.where(np.isin(samples["dport"], _SENT_TO), b"client", b"server")
    return Chunk(chunk.begin_ns + shift, chunk.end_ns + shift, events, samples)


def write(chunks: list[Chunk], path: Path) -> None:
    """Write a recording of few large batches: each has some kilobytes that say what it is."""
    release = ".".join(os.uname().release.split(".")[:2])
    origin = Origin(
        host="demo",
        description=f"tcp_probe + sock_diag · Linux {release}",
        kernel=release,
        interval_ns=int(INTERVAL_MS * 1e6),
        wall_offset_ns=_WALL_NS,
        version=__version__,
    )
    encoder = Encoder(origin, level=19)
    parts: list[list[Chunk]] = [[]]
    for chunk in chunks:
        parts[-1].append(chunk)
        if chunk.end_ns - parts[-1][0].begin_ns >= _BATCH_NS:
            parts.append([])
    batches = [encoder.batch(merged(part)) for part in parts if part]
    path.write_bytes(b"".join([encoder.head, *batches, END]))


def main() -> None:
    """Record, and replace the recording in the package."""
    os.chdir(Path(__file__).parent.parent)
    chunks = record()
    lost = max(chunk.lost for chunk in chunks)
    write(neutral(chunks), RECORDING)
    size = RECORDING.stat().st_size
    events, samples = (
        sum(len(getattr(chunk, name)) for chunk in chunks) for name in ("events", "samples")
    )
    print(f"{RECORDING}: {size:,} bytes, {events} events, {samples} samples, {lost} lost")
    if size > MOST_BYTES:
        sys.exit(f"more than {MOST_BYTES:,} bytes: a longer interval makes it smaller")


if __name__ == "__main__":
    main()
