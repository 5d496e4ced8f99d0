"""Days on which machine or reader have it hard: what can't be told is counted and shown."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tcctui.errors import TcctuiError
from tcctui.flows import rows
from tcctui.flows.store import Store
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.build import bpf_directory
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading
from tcctui.wire.events import EVENT, EventKind, Events
from tests.kernel.bpf_objects import existing
from tests.kernel.coalescing import known, places, spare, wrong
from tests.kernel.command import Command, attached
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.processes import children
from tests.kernel.recorder import Recorder, drain, probes_of
from tests.kernel.traffic import KINDS, PORT, Connection, chatter, connections, quiet

pytestmark = pytest.mark.kernel

MS, SECOND = 1_000_000, 1_000_000_000
SMALL_RING, SMALLER_RING = 1 << 19, 1 << 14
"""Bytes of the rings that run full while their readers are stopped."""

CONNECTIONS = 6000
"""Of each of two processes, one after the other."""

CHURN = """
import socket, struct, sys
address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
abort = struct.pack("=ii", 1, 0)  # SO_LINGER: RST instead of FIN, and no TIME_WAIT
listener = socket.create_server((address, port), backlog=64)
for _ in range(count):
    client = socket.create_connection((address, port))
    server, _ = listener.accept()
    client.sendall(b"question")
    server.recv(100)
    server.sendall(b"answer")
    client.recv(100)
    for one in (client, server):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, abort)
        one.close()
"""

SMALL_TRACE = f"""
import sys
from tcctui.sources.kernel import program
loading = program.Loading
program.Loading = lambda **options: loading(**dict(options, ring_bytes={SMALL_RING}))
from tcctui.cli import main
raise SystemExit(main(sys.argv[1:]))
"""

SMALL_READER = """
import json, signal, sys
import numpy as np
from tcctui.wire.records import joined
from tcctui.flows.store import Store
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading

over = []
signal.signal(signal.SIGTERM, lambda *_: over.append(True))
source = BpfSource(
    KernelFilter.on_ports(int(sys.argv[1])),
    loading=Loading(ring_bytes=int(sys.argv[3])),
    interval_ms=10,
)
store, batches = Store(), []
print("Waiting for Ctrl-C", file=sys.stderr, flush=True)
# In 20 ms the interval of all that was left behind is over.
while not over or len(batches[-1]):
    batches.append(source.read(0.02))
    store.ingest(batches[-1], source.now_ns())
    if len(batches[-1]):
        print(batches[-1]["ts_ns"].max(), flush=True)
np.save(sys.argv[2], joined(batches))
events = int(store.flows(["events"])["events"].sum())
print(json.dumps({"lost": source.lost(), "events": events}))
source.close()
"""


@pytest.fixture
def plain() -> Iterator[BpfSource]:
    """Open a source that tells each ACK."""
    with closing(BpfSource(KernelFilter.on_ports(PORT))) as source:
        yield source


def resident() -> int:
    """Bytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_thousands_of_connections_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of connections that come and go as fast as they can no row, page, slot or key is left.

    Memory does not grow with them.
    """
    monkeypatch.setattr(rows, "LINGER_NS", SECOND // 4)
    store, ended, taken = Store(), 0, []
    pages = store._known.history.pages
    with (
        closing(BpfSource(KernelFilter.on_ports(PORT), interval_ms=10, max_cpu=0.25)) as source,
        Network() as network,
    ):
        churning = [
            network.popen(
                network.client,
                [sys.executable, "-c", CHURN, f"127.0.0.{number}", str(PORT), str(CONNECTIONS)],
            )
            for number in (1, 2)
        ]
        started = time.monotonic()
        while any(process.poll() is None for process in churning):
            batch = source.read(0.05)
            store.ingest(batch, source.now_ns())
            ended += np.count_nonzero(batch["kind"] == EventKind.DESTROY)
            taken.append((ended / (4 * CONNECTIONS), resident()))
        seconds, made = time.monotonic() - started, 2 * CONNECTIONS
        assert not any(process.poll() for process in churning)
        print(f"{made / seconds:.0f} connections a second, {source.lost()} records lost")

        def nothing_left() -> bool:
            store.ingest(source.read(0.05), source.now_ns())
            return store.totals().flows == 0

        assert store.totals().events >= 4 * made
        until("all rows are gone", nothing_left)
        assert pages.free == pages.total
        assert spare(source) == source._program.slots
        assert known(source) == 0
    middle = max(size for share, size in taken if 0.3 < share < 0.7)
    end = max(size for share, size in taken if share > 0.7)
    assert end < middle * 1.15


def subsequence(ours: list[tuple[str, ...]], all_of: list[tuple[str, ...]]) -> bool:
    """Whether ours are some of the others, in their order."""
    rest = iter(all_of)
    return all(one in rest for one in ours)


COMPARED = ("sport", "dport", "data_len", "snd_nxt", "snd_una", "snd_cwnd", "ssthresh", "srtt")


def hold(command: Command, made: list[Connection], recorder: Recorder, ring_bytes: int) -> None:
    """Stop a command until its ring is long full, and let it go on until that is read again.

    There is traffic before, meanwhile and after.
    """
    room = ring_bytes // EVENT.itemsize

    def come(count: int) -> None:
        """Wait until so many more ACKs have come."""
        wanted = len(recorder.events) + count
        until("there are more ACKs", lambda: len(recorder.events) > wanted)

    with chatter(*made, pause=0.0005):
        come(500)
        command.process.send_signal(signal.SIGSTOP)
        come(2 * room + 8000)
        command.process.send_signal(signal.SIGCONT)
        resumed_ns = time.monotonic_ns()
        until("the ring has room again", lambda: newest_ns(command) > resumed_ns)
        come(500)
    quiet(made)


def newest_ns(command: Command) -> int:
    """When the last event was that a command has told of: the first number of its last line."""
    number = command.stdout.rpartition("\n")[0].rpartition("\n")[2].partition(",")[0]
    return int(number) if number.isdigit() else 0


def test_a_trace_that_was_held_tells_what_it_lost(plain: BpfSource) -> None:
    """What fitted while it was stopped is printed in order; that and the loss is all there was."""
    with Network() as network, connections(network, *KINDS) as made:
        arguments = ("trace", "--port", str(PORT), "--format", "csv")
        with Command(sys.executable, "-c", SMALL_TRACE, *arguments) as command:
            attached(command)
            drain(plain)
            with Recorder(plain) as recorder:
                hold(command, made, recorder, SMALL_RING)
            assert command.end(signal.SIGINT) == 0
            printed = list(csv.DictReader(command.stdout.splitlines()))
            said = command.stderr.splitlines()[-1]
    counts = re.match(r"(\d+) events in [\d.]+ s, (\d+) lost", said)
    assert counts, said
    events, lost = int(counts[1]), int(counts[2])
    acks = probes_of(recorder.events, np.unique(recorder.events["sock_cookie"]).tolist())
    # Closing the connections adds a few, of other kinds too, for which there was room.
    assert len(printed) == events
    assert lost > 100
    assert events + lost == len(acks)
    for cookie in np.unique(acks["sock_cookie"]).tolist():
        own = acks[acks["sock_cookie"] == cookie]
        expected = [tuple(str(event[name]) for name in COMPARED) for event in own]
        told = [
            tuple(row[name] for name in COMPARED)
            for row in printed
            if int(row["sock_cookie"]) == cookie
        ]
        assert told
        assert subsequence(told, expected)
        assert told[-1] == expected[-1]


def test_a_coalescing_reader_that_was_held_knows_all_in_the_end(
    plain: BpfSource, tmp_path: Path
) -> None:
    """Records that found no room are counted, and the next one of a flow tells their ACKs."""
    saved = tmp_path / "records.npy"
    with (
        Network() as network,
        connections(network, *KINDS * 2) as made,
        Command(
            *(sys.executable, "-c", SMALL_READER, str(PORT), str(saved), str(SMALLER_RING))
        ) as command,
    ):
        attached(command)
        drain(plain)
        with Recorder(plain) as recorder:
            hold(command, made, recorder, SMALLER_RING)
        assert command.end(signal.SIGTERM) == 0
        said = json.loads(command.stdout.splitlines()[-1])
    records: Events = np.load(saved)
    acks = recorder.events
    assert records.dtype == EVENT
    assert said["lost"] > 50
    assert said["events"] == np.count_nonzero(acks["kind"] == EventKind.PROBE)
    # Not the end of a socket that was aborted elsewhere: no filter knows whose that was.
    for cookie in np.unique(acks["sock_cookie"][acks["kind"] == EventKind.PROBE]).tolist():
        own, all_of = probes_of(records, [cookie]), probes_of(acks, [cookie])
        found = [one for one in wrong(own, all_of) if "not told at once" not in one]
        assert not found
        assert max(record.end - record.first for record in places(own)) > 100


def test_a_compiler_that_is_killed_is_one_clear_error() -> None:
    """Nothing stays loaded when the process that compiles is killed, and the reason is told."""
    before = existing()
    own = set(children(os.getpid()))
    loading = Loading(fresh=True)
    (compiler,) = set(children(os.getpid())) - own
    maps = Path(f"/proc/{compiler}/maps")
    until("it compiles", lambda: "libbcc" in maps.read_text(), pause=0.01)
    os.kill(compiler, signal.SIGKILL)
    with pytest.raises(TcctuiError, match="the compiler broke off") as caught:
        loading.wait()
    assert caught.value.mend
    assert not set(children(os.getpid())) - own
    after = existing()
    until("nothing is loaded", lambda: not (existing() & after).programs - before.programs)


def test_what_the_compiler_says_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A program that can't be compiled is a clear error with clang's words in it, not on screen."""
    shutil.copytree(bpf_directory() / "include", tmp_path / "include")
    (tmp_path / "tcc.c").write_text("int broken(void) { return nowhere; }\n")
    monkeypatch.setattr("tcctui.sources.kernel.build.bpf_directory", lambda: tmp_path)
    with pytest.raises(TcctuiError, match="can't be loaded") as caught:
        Loading().wait()
    assert "nowhere" in caught.value.detail
    assert caught.value.mend
    assert capfd.readouterr() == ("", "")
