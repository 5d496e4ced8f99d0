"""Captures and tcp-info of real traffic, imported, beside what the kernel says of it."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest

from tcctui.flows.diagnosis.verdicts import Limit
from tcctui.flows.store import Store
from tcctui.importing.captures import read_captures
from tcctui.importing.content import opened
from tcctui.importing.tcp_info import read_tcp_info
from tcctui.recording.chunks import NO_EVENTS
from tcctui.recording.file import Recording
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.sock_diag import namespaces
from tcctui.sources.sock_diag.inet_diag import dump_request
from tcctui.sources.sock_diag.netlink import NLMSG_DONE
from tcctui.wire.events import EventKind, Events, TcpState
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import SAMPLE, TCP_INFO, Samples, value
from tests.kernel.capturing import Capturing
from tests.kernel.command import TCCTUI, Command
from tests.kernel.deadlines import PATIENCE, until
from tests.kernel.delay_line import DelayedNetwork
from tests.kernel.network import Network, inside
from tests.kernel.recorder import Recorder, probes_of
from tests.kernel.traffic import PORT, Connection, connect, connections, exchange, quiet
from tests.unit.import_files import raw_snapshot

pytestmark = pytest.mark.kernel

UP, DOWN = 3_000_000, 2_000


@dataclass(frozen=True)
class Told:
    """The same traffic as tcp_probe told it, and as it was captured at the client."""

    kernel: Events
    imported: Events
    cookies: list[tuple[int, int]]
    ends: list[tuple[tuple[str, int], tuple[str, int]]]
    retransmitted: list[int]
    acked: list[int]

    def of_client(self, place: int) -> tuple[Events, Events]:
        """Events of tcp_probe of a connection's client, and the imported ones before the last."""
        (_, port), (_, served) = self.ends[place]
        mine = (self.imported["sport"] == port) & (self.imported["dport"] == served)
        mine &= self.imported["kind"] == EventKind.PROBE
        kernel = probes_of(self.kernel, [self.cookies[place][0]])
        return kernel, self.imported[mine]

    def again(self, events: Events, place: int) -> int:
        """Number of a client's retransmissions among events."""
        (_, port), (_, served) = self.ends[place]
        mine = (events["sport"] == port) & (events["dport"] == served)
        return int(np.count_nonzero(mine & (events["kind"] == EventKind.RETRANSMIT)))


def _info(end: socket.socket, name: str) -> int:
    kind, place = TCP_INFO[name]
    data = end.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 256)
    return int(np.frombuffer(data, kind, 1, place)[0])


@contextmanager
def _at_work(path: Path, *, ng: bool) -> Iterator[tuple[Network, BpfSource, Recorder, Capturing]]:
    with (
        Network(rate="50mbit", queue="60kb", loss=0.01) as network,
        closing(BpfSource(KernelFilter.on_ports(PORT), interval_ms=0)) as source,
        Recorder(source) as recorder,
        Capturing(network.client, path, ng=ng) as capturing,
    ):
        yield network, source, recorder, capturing


@pytest.fixture(scope="module", params=["pcap", "pcapng"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Send over a lossy path, IPv4 and IPv6, while both watch."""
    path = tmp_path_factory.mktemp("import") / f"lossy.{request.param}"
    ng = request.param == "pcapng"
    with _at_work(path, ng=ng) as (network, source, recorder, capturing):
        with connections(network, "ipv4", "ipv6") as made:
            exchange(made, up=UP, down=DOWN)
            quiet(made)
            cookies = [one.cookies for one in made]
            ends = [one.endpoints for one in made]
            retransmitted = [_info(one.client, "total_retrans") for one in made]
            acked = [_info(one.client, "bytes_acked") for one in made]
        count = capturing.packets
        until("the ends are captured", lambda: capturing.packets >= count)
        assert source.lost() == 0
    with path.open("rb") as file:
        imported = read_captures([(path.name, file)], 1 << 30)
    assert imported.remarks == []
    in_time = np.argsort(imported.events["ts_ns"], kind="stable")
    return Told(recorder.events, imported.events[in_time], cookies, ends, retransmitted, acked)


@pytest.mark.parametrize("place", [0, 1])
def test_each_ack_is_as_tcp_probe_has_it(told: Told, place: int) -> None:
    """An event of each ACK: sequence numbers, windows and data are the kernel's, cwnd is unknown.

    A capture sees a packet shortly before or after the kernel works at its socket: of two at the
    same time, snd_nxt may be that of the other order.
    """
    kernel, imported = told.of_client(place)
    assert len(kernel) > 100
    pairs = _paired(kernel, imported, "snd_una", "snd_wnd", "rcv_wnd", "data_len")
    assert len(pairs[0]) > 0.95 * len(kernel)
    kernel, imported = pick(kernel, np.array(pairs[0])), pick(imported, np.array(pairs[1]))
    assert np.mean(imported["snd_nxt"] == kernel["snd_nxt"]) > 0.9
    assert (imported["snd_cwnd"] == 0).all()
    assert (imported["ssthresh"] == 0).all()


def _paired(kernel: Events, imported: Events, *names: str) -> tuple[list[int], list[int]]:
    """Indexes of events that are alike in some fields, in order.

    A socket that is in use keeps ACKs for later, and may make one of two (tcp_add_backlog).
    """
    ours, theirs = (part[list(names)].tolist() for part in (kernel, imported))
    found: tuple[list[int], list[int]] = [], []
    for one, other, size in SequenceMatcher(
        None, ours, theirs, autojunk=False
    ).get_matching_blocks():
        found[0].extend(range(one, one + size))
        found[1].extend(range(other, other + size))
    return found


@pytest.mark.parametrize("place", [0, 1])
def test_srtt_is_near_the_kernels(told: Told, place: int) -> None:
    """The smoothed round-trip time of most ACKs is the kernel's, to 2 ms or 10 percent.

    A busy machine looks at an ACK later than it was captured.
    """
    kernel, imported = told.of_client(place)
    pairs = _paired(kernel, imported, "snd_una", "data_len")
    theirs = kernel["srtt"][pairs[0]].astype("f8")
    off = np.abs(imported["srtt"][pairs[1]] - theirs)
    assert np.mean(off < np.maximum(2000, 0.1 * theirs)) > 0.85
    assert imported["srtt"].max() > 4000, "a full queue takes 9.6 ms"


@pytest.mark.parametrize("place", [0, 1])
def test_totals(told: Told, place: int) -> None:
    """Bytes acknowledged are TCP_INFO's, and retransmissions are tcp_retransmit_skb's."""
    _, imported = told.of_client(place)
    moved = (imported["snd_una"][-1] - imported["snd_una"][0]) & 0xFFFFFFFF
    assert 0 <= moved - UP <= 1  # the FIN
    assert 0 <= told.acked[place] - UP <= 1  # the SYN
    again = told.again(told.imported, place)
    assert abs(again - told.again(told.kernel, place)) <= 1
    assert 0 < again <= told.retransmitted[place]


def test_a_loopback_connection(tmp_path: Path) -> None:
    """Of a connection over loopback both ends are right, as no packet is on its way for long."""
    path = tmp_path / "lo.pcap"
    with (
        Network() as network,
        Capturing(network.client, path, device="lo") as capturing,
        connections(network, "loopback") as (made,),
    ):
        exchange([made], up=300_000, down=200_000)
        quiet([made])
        capturing.wait_for_packets(20)
        acked = {end.getsockname()[1]: _info(end, "bytes_acked") for end in _both(made)}
    with path.open("rb") as file:
        events = read_captures([(path.name, file)], 1 << 30).events
    probes = events[events["kind"] == EventKind.PROBE]
    for port, total in acked.items():
        una = probes["snd_una"][probes["sport"] == port]
        assert total - 1 <= int(una.max() - una.min()) <= total + 1
    assert total in (300_000, 200_000)


def _both(made: Connection) -> tuple[socket.socket, socket.socket]:
    return made.client, made.server


def test_the_command_and_its_recording(tmp_path: Path) -> None:
    """A capture through the command: a recording that says what it lacks, and answers questions."""
    path, out = tmp_path / "a.pcap", tmp_path / "a.arrows"
    with Network() as network, Capturing(network.client, path) as capturing:
        with connections(network, "ipv4") as made:
            exchange(made, up=500_000)
            quiet(made)
        capturing.wait_for_packets(20)
    with Command(TCCTUI, "import", str(path), str(out)) as command:
        assert command.wait() == 0
        assert "no cwnd" in command.stderr
    with closing(Recording(out)) as recording:
        assert recording.origin.imported == "pcap"
        assert "no cwnd" in recording.origin.description
        chunks = list(recording.chunks(0, 1 << 62))
    events = joined([NO_EVENTS, *(chunk.events for chunk in chunks)])
    assert len(events) > 10
    wall = recording.origin.wall_offset_ns + int(events["ts_ns"].min())
    assert abs(wall / 1e9 - time.time()) < 300
    query = f"port:{PORT} acked>400k"
    with Command(TCCTUI, "trace", "--until", query, "--replay", str(out)) as asked:
        assert asked.wait() == 0
    with Command(TCCTUI, "trace", "--until", "cwnd<1000000", "--replay", str(out)) as unknown:
        assert unknown.wait() == 3


DELAY = 0.02
"""Seconds one way: far more than a busy machine takes to answer."""


@dataclass(frozen=True)
class Proven:
    """TCP_INFO of a connection's client, and the newest sample of a capture made beside it.

    `far` is that of one made at the server.
    """

    kernel: dict[str, int]
    near: Samples
    far: Samples


def _state(end: socket.socket) -> int:
    return end.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 1)[0]


def _all_of(end: socket.socket) -> dict[str, int]:
    data = end.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 256)
    return {
        name: int(np.frombuffer(data, kind, 1, place)[0])
        for name, (kind, place) in TCP_INFO.items()
        if place + np.dtype(kind).itemsize <= len(data)
    }


def _proven(network: Network, path: Path, up: int, *, room: int = 0) -> Proven:
    """Send `up` bytes while both ends are captured; the server has a buffer of `room` bytes."""
    paths = [path / name for name in ("client", "server")]
    with ExitStack() as at_work:
        at_work.enter_context(network)
        captures = [
            at_work.enter_context(Capturing(of, at, device=network.DEVICE, ng=True))
            for of, at in zip((network.client, network.server), paths, strict=True)
        ]
        made = connect(network, "ipv4", buffers=(0, room))
        with closing(made):
            exchange([made], up=up)
            quiet([made])
            made.client.shutdown(socket.SHUT_WR)
            until("the FIN is acknowledged", lambda: _state(made.client) == TcpState.FIN_WAIT2)
            kernel = _all_of(made.client)
            port = made.client.getsockname()[1]
        for capture in captures:
            capture.wait_for_packets(20)
    found = []
    for at in paths:
        with at.open("rb") as file:
            samples = read_captures([("a", file)], 1 << 30).samples
        mine = samples[samples["sport"] == port]
        # What comes after the kernel's word are the server's FIN, and the ACK of it.
        found.append(mine[[int(mine["ts_ns"].argmax())]])
    return Proven(kernel, *found)


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Proven:
    """Send over a path 40 ms long that loses segments."""
    network = DelayedNetwork(delay=DELAY, loss=0.02)
    path = tmp_path_factory.mktemp("lost")
    return _proven(network, path, 1_000_000)


def test_retransmissions_are_the_kernels(lost: Proven) -> None:
    """Segments and bytes sent, retransmitted and acknowledged are TCP_INFO's, but for the last."""
    names = ("total_retrans", "bytes_retrans", "data_segs_out", "bytes_sent", "bytes_acked")
    for name in (*names, "snd_mss", "advmss", "wscale", "dsack_dups"):
        assert value(lost.near, name) == lost.kernel[name], name
    assert lost.kernel["total_retrans"] > 3
    for name in ("segs_out", "segs_in", "bytes_received"):
        assert 0 <= value(lost.near, name)[0] - lost.kernel[name] <= 2, name


def test_the_minimum_round_trip_is_the_kernels(lost: Proven) -> None:
    """The minimum is tcpi_min_rtt to a tenth, and srtt that of the last ACKs to a quarter."""
    for name, part in (("min_rtt", 0.1), ("rtt", 0.25)):
        assert value(lost.near, name)[0] == pytest.approx(lost.kernel[name], rel=part), name
    assert lost.kernel["min_rtt"] >= 2 * DELAY * 1e6


def test_the_clocks_are_the_kernels(lost: Proven) -> None:
    """The time with data in flight is tcpi_busy_time, to a tenth: its clock has jiffies."""
    assert value(lost.near, "busy_time")[0] == pytest.approx(lost.kernel["busy_time"], rel=0.1)


def test_at_the_other_end_nothing_is_made_up(lost: Proven) -> None:
    """A capture at the peer tells of the sender what ACKs say, and no loss or round trip."""
    for name in ("bytes_acked", "snd_mss", "advmss"):
        assert value(lost.far, name)[0] == lost.kernel[name], name
    for name in ("total_retrans", "bytes_retrans", "min_rtt", "rtt", "busy_time", "data_segs_out"):
        assert np.isnan(value(lost.far, name)[0]), name


def test_a_full_window_is_the_kernels(tmp_path: Path) -> None:
    """Of a receiver with a small buffer, the time with a full window is tcpi_rwnd_limited."""
    found = _proven(DelayedNetwork(delay=DELAY), tmp_path, 800_000, room=16_384)
    busy, limited = found.kernel["busy_time"], found.kernel["rwnd_limited"]
    assert limited > 0.8 * busy
    assert value(found.near, "rwnd_limited")[0] == pytest.approx(limited, rel=0.1)


def _answers(namespace: str) -> list[tuple[bytes, list[bytes | None]]]:
    """Struct inet_diag_msg of each connected socket, and its attributes by their number."""
    found: list[tuple[bytes, list[bytes | None]]] = []
    with inside(namespace), closing(namespaces.diag_socket()) as asked:
        asked.settimeout(PATIENCE)
        asked.send(dump_request(1))
        while data := asked.recv(1 << 20):
            while len(data) >= 16:
                length, kind = struct.unpack_from("=IH", data)
                if kind == NLMSG_DONE:
                    return found
                found.append((data[16:88], _attributes(data[88:length])))
                data = data[length + 3 & ~3 :]
    return found


def _snapshots(namespace: str) -> list[bytes]:
    """Lines of M-Lab's archive of the sockets that are there now."""
    now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
    return [raw_snapshot(now, *answer) for answer in _answers(namespace)]


def _attributes(data: bytes) -> list[bytes | None]:
    values: dict[int, bytes] = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        values[kind] = data[4:length]
        data = data[length + 3 & ~3 :]
    return [values.get(kind) for kind in range(max(values) + 1)]


def test_tcp_info_of_real_sockets(tmp_path: Path) -> None:
    """Snapshots as M-Lab's collector archives them become the samples that sock_diag gave.

    Two of them give a verdict, percents and the minimum round trip, as when they were live.
    """
    path = tmp_path / "a.jsonl"
    with Network(loss=0.05) as network, connections(network, "ipv4", "ipv6") as made:
        lines = _snapshots(network.client)
        begun = time.monotonic()
        exchange(made, up=200_000)
        quiet(made)
        until("a window for verdicts is over", lambda: time.monotonic() > begun + 0.5)
        lines += _snapshots(network.client)
        path.write_bytes(b"".join(lines))
        kernel = {one.cookies[0]: _all_of(one.client) for one in made}
        sent = {one.cookies[0]: _info(one.client, "bytes_acked") for one in made}
        cwnd = {one.cookies[0]: _info(one.client, "snd_cwnd") for one in made}
        ends = {one.cookies[0]: one.endpoints for one in made}
    with opened(path) as file:
        samples = read_tcp_info([("a", file)], 1 << 30).samples
    assert samples.dtype == SAMPLE
    store = Store()
    for sample in samples.reshape(-1, 1):
        store.ingest_samples(sample, int(sample["ts_ns"][0]))
    flows = store.flows(["limit", "retrans_percent", "min_rtt"])
    for cookie, info in kernel.items():
        (at,) = np.flatnonzero(flows["cookie"] == cookie)
        assert flows["limit"][at] != Limit.UNKNOWN
        assert flows["min_rtt"][at] == info["min_rtt"]
        percent = 100 * info["total_retrans"] / info["data_segs_out"]
        assert flows["retrans_percent"][at] == pytest.approx(percent)
    for cookie, acked in sent.items():
        (_, sample) = samples[samples["sock_cookie"] == cookie]
        assert sample["bytes_acked"] == acked
        assert sample["snd_cwnd"] == cwnd[cookie]
        assert (sample["sport"], sample["dport"]) == tuple(end[1] for end in ends[cookie])
        assert sample["cc"] == b"cubic"
