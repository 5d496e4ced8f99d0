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
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading, bpf_directory
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
HELD = 3.0
"""Seconds that a reader is stopped for."""

CHURN = """
import socket, struct, sys, time
address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
abort = struct.pack("=ii", 1, 0)  # SO_LINGER: RST instead of FIN, and no TIME_WAIT
listener = socket.create_server((address, port), backlog=64)
count, end = 0, time.monotonic() + seconds
while time.monotonic() < end:
    client = socket.create_connection((address, port))
    server, _ = listener.accept()
    client.sendall(b"question")
    server.recv(100)
    server.sendall(b"answer")
    client.recv(100)
    for one in (client, server):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, abort)
        one.close()
    count += 1
print(count)
"""

SMALL_TRACE = """
import sys
from functools import partial
from tcctui.sources.kernel import program
program.Loading = partial(program.Loading, ring_bytes=1 << 19)
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
    KernelFilter.on_ports(int(sys.argv[1])), loading=Loading(ring_bytes=1 << 14), interval_ms=10
)
store, batches = Store(), []
print("Waiting for Ctrl-C", file=sys.stderr, flush=True)
while not over:
    batches.append(source.read(0.02))
    store.ingest(batches[-1], source.now_ns())
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
    monkeypatch.setattr(rows, "LINGER_NS", 2 * SECOND)
    seconds, store, taken = 12.0, Store(), []
    pages = store._known.history.pages
    with (
        closing(BpfSource(KernelFilter.on_ports(PORT), interval_ms=10, max_cpu=0.25)) as source,
        Network() as network,
    ):
        churning = [
            network.popen(
                network.client,
                [sys.executable, "-c", CHURN, f"127.0.0.{number}", str(PORT), str(seconds)],
            )
            for number in (1, 2)
        ]
        started = time.monotonic()
        while any(process.poll() is None for process in churning):
            assert time.monotonic() - started < 60
            store.ingest(source.read(0.05), source.now_ns())
            taken.append((time.monotonic() - started, resident()))
        made = sum(int(process.communicate()[0]) for process in churning)
        print(f"{made / seconds:.0f} connections a second, {source.lost()} records lost")
        assert made > 1000

        def nothing_left() -> bool:
            store.ingest(source.read(0.05), source.now_ns())
            return store.totals().flows == 0

        assert store.totals().events >= 4 * made
        until("all rows are gone", nothing_left)
        assert pages.free == pages.total
        assert spare(source) == source._program.slots
        assert known(source) == 0
    middle = max(size for when, size in taken if seconds * 0.4 < when < seconds * 0.6)
    end = max(size for when, size in taken if when > seconds * 0.8)
    assert end < middle * 1.15


def subsequence(ours: list[tuple[str, ...]], all_of: list[tuple[str, ...]]) -> bool:
    """Whether ours are some of the others, in their order."""
    rest = iter(all_of)
    return all(one in rest for one in ours)


COMPARED = ("sport", "dport", "data_len", "snd_nxt", "snd_una", "snd_cwnd", "ssthresh", "srtt")


def hold(command: Command, made: list[Connection]) -> None:
    """Stop a command for a while, and let it go on, with traffic before, meanwhile and after."""
    with chatter(*made, pause=0.0005):
        time.sleep(0.3)
        command.process.send_signal(signal.SIGSTOP)
        time.sleep(HELD)
        command.process.send_signal(signal.SIGCONT)
        time.sleep(0.5)
    quiet(made)
    time.sleep(0.2)


def test_a_trace_that_was_held_tells_what_it_lost(plain: BpfSource) -> None:
    """What fitted while it was stopped is printed in order; that and the loss is all there was."""
    with Network() as network, connections(network, *KINDS) as made:
        arguments = ("trace", "--port", str(PORT), "--format", "csv")
        with Command(sys.executable, "-c", SMALL_TRACE, *arguments) as command:
            attached(command)
            drain(plain)
            with Recorder(plain) as recorder:
                hold(command, made)
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
        Command(sys.executable, "-c", SMALL_READER, str(PORT), str(saved)) as command,
    ):
        attached(command)
        drain(plain)
        with Recorder(plain) as recorder:
            hold(command, made)
        assert command.end(signal.SIGTERM) == 0
        said = json.loads(command.stdout)
    records: Events = np.load(saved)
    acks = recorder.events
    assert records.dtype == EVENT
    assert said["lost"] > 50
    assert said["events"] == np.count_nonzero(acks["kind"] == EventKind.PROBE)
    for cookie in np.unique(acks["sock_cookie"]).tolist():
        own, all_of = probes_of(records, [cookie]), probes_of(acks, [cookie])
        found = [one for one in wrong(own, all_of) if "not told at once" not in one]
        assert not found
        assert max(record.end - record.first for record in places(own)) > 100


def test_a_compiler_that_is_killed_is_one_clear_error() -> None:
    """Nothing stays loaded when the process that compiles is killed, and the reason is told."""
    before = existing()
    own = set(children(os.getpid()))
    loading = Loading()
    (compiler,) = set(children(os.getpid())) - own
    time.sleep(0.1)
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
    monkeypatch.setattr("tcctui.sources.kernel.program.bpf_directory", lambda: tmp_path)
    with pytest.raises(TcctuiError, match="can't be loaded") as caught:
        Loading().wait()
    assert "nowhere" in caught.value.detail
    assert caught.value.mend
    assert capfd.readouterr() == ("", "")
