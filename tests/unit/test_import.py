"""Import of files made by hand: every form, what they lack, and what is refused."""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tcctui.arrays import Array
from tcctui.cli import main
from tcctui.errors import TcctuiError
from tcctui.importing.captures import read_captures
from tcctui.importing.command import import_files
from tcctui.importing.imported import DESCRIPTIONS, Form, Imported, NotReadableError
from tcctui.importing.qlog import read_qlog
from tcctui.importing.tcp_info import read_tcp_info
from tcctui.recording.chunks import NO_EVENTS
from tcctui.recording.file import Recording
from tcctui.wire.addresses import format_endpoint
from tcctui.wire.events import EventKind, Events
from tcctui.wire.records import joined, pick
from tcctui.wire.retransmits import Cause, causes
from tcctui.wire.samples import value
from tests.unit.import_files import (
    A6,
    ACK,
    B6,
    EPOCH,
    QLOG,
    SYN,
    A,
    B,
    Packet,
    captured,
    ethernet,
    handshake,
    idm,
    lossy,
    pcap,
    pcapng,
    qlog_sequence,
    raw_snapshot,
)

BUDGET = 1 << 28


def file(data: bytes) -> BufferedReader:
    """Open bytes as a file."""
    return BufferedReader(cast(Any, BytesIO(data)))


def of_capture(data: bytes) -> Events:
    """Events of a capture, in the order of time."""
    events = read_captures([("a.pcap", file(data))], BUDGET).events
    return pick(events, np.argsort(events["ts_ns"], kind="stable"))


def sent(events: Events, port: int, kind: EventKind = EventKind.PROBE) -> Events:
    """Events of the end with a port."""
    return events[(events["sport"] == port) & (events["kind"] == kind)]


def numbers(column: Array) -> list[int]:
    """Integers of a column."""
    return [int(one) for one in column]


def end_of(record: Any, address: str = "saddr", port: str = "sport") -> str:
    """Text of one end of an event or sample."""
    high, low = numbers(record[address])
    return format_endpoint(high, low, int(record[port]))


def frames(packets: Sequence[Packet], tags: int = 0) -> list[tuple[int, bytes]]:
    """Frames of segments, with their times."""
    return [(packet.at, ethernet(packet, tags)) for packet in packets]


def test_a_capture_is_told_as_tcp_probe_would() -> None:
    """Each ACK has the values from before it, as the kernel's, and one more event what came of it.

    Of the four segments the second was retransmitted: Karn's rule leaves its ACK no sample.
    """
    acks = sent(of_capture(captured(lossy())), A[1])
    assert numbers(acks["snd_una"]) == [1001, 1101, 1401, 1402]
    assert numbers(acks["snd_nxt"]) == [1401, 1401, 1402, 1402]
    assert numbers(acks["snd_wnd"]) == [65000, 510 << 7, 520 << 7, 520 << 7]
    assert numbers(acks["rcv_wnd"]) == [500 << 7] * 4
    # 20 ms of the handshake, 20 of the first segment, none, and 20 of the FIN, which came last.
    assert numbers(acks["srtt"]) == [20_000] * 4
    assert numbers(acks["snd_cwnd"]) == numbers(acks["ssthresh"]) == [0] * 4
    (again,) = sent(of_capture(captured(lossy())), A[1], EventKind.RETRANSMIT)
    assert (again["ts_ns"] // 1000) % 1_000_000 == 80_000
    (destroyed,) = sent(of_capture(captured(lossy())), A[1], EventKind.DESTROY)
    assert destroyed["sock_cookie"] == acks["sock_cookie"][0]


def test_srtt_is_smoothed() -> None:
    """A sample moves srtt by an eighth of its difference (RFC 6298, 2.3)."""
    packets = [
        *handshake(),
        Packet(30_000, A, B, 1001, 5001, ACK, 100),
        Packet(70_000, B, A, 5001, 1101),
        Packet(80_000, A, B, 1101, 5001, ACK, 100),
        Packet(92_500, B, A, 5001, 1201),
    ]
    acks = sent(of_capture(captured(packets)), A[1])
    assert numbers(acks["srtt"]) == [20_000, 22_500, 21_250]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("form", [pcap, pcapng])
def test_every_form_of_capture_is_the_same(form: Any, order: str) -> None:
    """Big or little endian, pcap or pcapng, with VLAN tags or without: the events are the same."""
    expected = of_capture(captured(lossy()))
    assert of_capture(form(frames(lossy()), order=order)).tobytes() == expected.tobytes()
    assert of_capture(form(frames(lossy(), 2), order=order)).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("link", "head"),
    [
        (0, b"\x02\0\0\0"),
        (101, b""),
        (113, bytes(14) + b"\x08\x00"),
        (276, b"\x08\x00" + bytes(18)),
    ],
)
def test_link_types(link: int, head: bytes) -> None:
    """Loopback of BSD, bare IP and tcpdump's `any` are read like Ethernet."""
    data = pcap([(packet.at, head + packet.ip()) for packet in lossy()], link=link)
    assert of_capture(data).tobytes() == of_capture(captured(lossy())).tobytes()


def test_ipv6_with_extension_headers() -> None:
    """TCP is found behind options of IPv6, and addresses are what they were."""
    head = bytes(12) + b"\x86\xdd"
    options = b"\x3c\x00" + bytes(6) + b"\x06\x00" + bytes(6)
    data = pcap([(packet.at, head + packet.ip(options)) for packet in lossy(A6, B6)])
    acks = sent(of_capture(data), A6[1])
    assert numbers(acks["snd_una"]) == [1001, 1101, 1401, 1402]
    first = acks[0]
    ends = [end_of(first, *names) for names in (("saddr", "sport"), ("daddr", "dport"))]
    assert ends == ["[2001:db8::1]:40000", "[2001:db8::2]:443"]


def test_sequence_numbers_wrap() -> None:
    """Beyond 2³² they go on from 0, and nothing is taken for a retransmission."""
    near = (1 << 32) - 1500
    packets = [Packet(n * 1000, A, B, near + 1000 * n, 1, ACK, 1000) for n in range(5)]
    packets += [Packet(10_000 + n * 1000, B, A, 1, near + 1000 * n, ACK) for n in range(1, 6)]
    events = of_capture(captured(packets))
    una = sent(events, A[1])["snd_una"]
    assert numbers(una)[0] == near
    assert (int(una[-1]) - int(una[0])) % (1 << 32) == 5000
    assert not len(sent(events, A[1], EventKind.RETRANSMIT))


def test_a_capture_from_the_middle_has_no_windows() -> None:
    """Without the SYNs the scale is unknown, and so is each window: not what the header says."""
    acks = sent(of_capture(captured(lossy()[3:])), A[1])
    assert set(numbers(acks["snd_wnd"])) == set(numbers(acks["rcv_wnd"])) == {0xFFFFFFFF}
    assert numbers(acks["snd_una"])[-1] == 1402


def test_reordered_segments_are_not_retransmitted() -> None:
    """Segments that change places within a round trip fill a gap; one that comes later does not."""
    for late, again in ((31_000, 0), (60_000, 1)):
        packets = [
            *handshake(),
            Packet(30_000, A, B, 1101, 5001, ACK, 100),
            Packet(late, A, B, 1001, 5001, ACK, 100),
            Packet(90_000, B, A, 5001, 1201),
        ]
        packets.insert(3, Packet(29_000, A, B, 1001 - 1, 5001, ACK, 0))
        events = of_capture(captured(packets))
        assert len(sent(events, A[1], EventKind.RETRANSMIT)) == again


def test_ports_used_anew() -> None:
    """A SYN with another number is another connection; its repetition is a retransmission."""
    later = [
        packet._replace(
            at=packet.at + 500_000,
            seq=packet.seq + 90_000,
            ack=packet.ack + 90_000 * (packet.ack > 0),
        )
        for packet in lossy()
    ]
    events = of_capture(captured([*lossy(), *later]))
    assert len(set(numbers(events["sock_cookie"]))) == 4
    again = [handshake()[0], handshake()[0]._replace(at=10_000), *lossy()[1:]]
    events = of_capture(captured(again))
    assert len(set(numbers(events["sock_cookie"]))) == 2
    assert len(sent(events, A[1], EventKind.RETRANSMIT)) == 2


def test_several_files_of_one_capture() -> None:
    """Files of a capture that was rotated are one capture, in whatever order they are given."""
    halves = [("b", file(captured(lossy()[6:]))), ("a", file(captured(lossy()[:6])))]
    found = read_captures(halves, BUDGET).events
    found = pick(found, np.argsort(found["ts_ns"], kind="stable"))
    assert found.tobytes() == of_capture(captured(lossy())).tobytes()


def test_a_capture_that_was_cut_off(tmp_path: Path) -> None:
    """The packets before the cut are imported, and it is said."""
    imported = read_captures([("a.pcap", file(captured(lossy())[:-20]))], BUDGET)
    assert imported.remarks == ["a.pcap ends in the middle of a packet; the rest is imported."]
    assert len(imported.events) > 5
    short = read_captures([("a", file(pcap(frames(lossy()) * 2, snap=128)))], BUDGET)
    assert short.remarks == []


RAW = raw_snapshot(
    "2023-11-14T22:13:20.25Z",
    idm(),
    [
        None,
        None,
        struct.pack("=8B4I", 1, 3, *[0] * 6, 204_000, 40_000, 1448, 536) + bytes(64),
        None,
        b"bbr\0",
    ],
)


def of_info(data: bytes) -> Imported:
    """Import tcp-info."""
    return read_tcp_info([("a.jsonl", file(data))], BUDGET)


def test_tcp_info_as_archived() -> None:
    """The kernel's bytes in base64 are decoded as sock_diag's own; what is behind them unknown."""
    head = json.dumps({"Metadata": {"UUID": "x", "Sequence": 0}}).encode() + b"\n"
    (sample,) = of_info(head + RAW).samples
    assert end_of(sample) == "192.0.2.1:40000"
    assert (sample["sock_cookie"], sample["ca_state"], sample["snd_mss"]) == (7, 3, 1448)
    assert sample["ts_ns"] == EPOCH * 10**9 + 250_000_000
    assert sample["cc"] == b"bbr"
    one = sample.reshape(1)
    assert value(one, "rto") == 204_000
    assert np.isnan(value(one, "min_rtt")).all()


def test_tcp_info_parsed() -> None:
    """Parsed snapshots, alone or in a row, with numbers as texts, are the same samples."""
    info = {"State": 1, "CAState": 0, "SndMSS": 1448, "SndCwnd": "33", "RTT": 20_000}
    names = ["Retransmits", "Probes", "Backoff", "Options", "WScale", "AppLimited", "RTO", "ATO"]
    names += ["RcvMSS", "Unacked", "Sacked", "Lost", "Retrans", "LastDataSent", "LastAckSent"]
    names += ["LastDataRecv", "LastAckRecv", "PMTU", "RcvSsThresh", "RTTVar", "SndSsThresh"]
    info |= dict.fromkeys(names, 1) | {"TotalRetrans": 0, "MinRTT": 19_000}
    ends = {"SrcIP": A[0], "DstIP": B[0], "SPort": A[1], "DPort": B[1], "Cookie": 77}
    snapshot = {"Timestamp": "2023-11-14T22:13:20Z", "TCPInfo": info, "CongestionAlgorithm": "bbr"}
    alone = json.dumps({**snapshot, "SockID": ends}).encode()
    row = json.dumps({"a": {"SockID": ends}, "raw": {"Snapshots": [snapshot] * 2}}).encode()
    parsed = [*of_info(alone).samples, *of_info(row).samples]
    assert len(parsed) == 3
    for sample in parsed:
        assert (sample["sock_cookie"], sample["snd_cwnd"], sample["cc"]) == (77, 33, b"bbr")
        one = sample.reshape(1)
        assert value(one, "snd_cwnd") == 33
        assert value(one, "total_retrans") == 0, "it is behind what is missing"
        assert value(one, "min_rtt") == 19_000
        for name in ("advmss", "reordering", "delivered", "rqueue", "wqueue"):
            assert np.isnan(value(one, name)).all(), "it is missing"


def of_qlog(data: bytes) -> Imported:
    """Import a qlog."""
    return read_qlog([("a.qlog", file(data))], BUDGET)


@pytest.mark.parametrize(
    "data",
    [json.dumps(QLOG).encode(), qlog_sequence(), qlog_sequence(b"")],
    ids=["0.3", "seq", "nd"],
)
def test_qlog(data: bytes) -> None:
    """A trace of any version is events with cwnd in segments, losses with their cause, and ends."""
    events = of_qlog(data).events
    probes = events[events["kind"] == EventKind.PROBE]
    assert numbers(probes["snd_cwnd"]) == [10, 5]
    assert numbers(probes["ssthresh"]) == [0, 5]
    assert numbers(probes["srtt"]) == [25_500, 25_500]
    assert numbers(probes["snd_nxt"] - probes["snd_una"]) == [2500, 0]
    assert numbers(probes["snd_una"]) == [0, 1250], "of two packets one was lost"
    assert numbers(probes["ts_ns"] - EPOCH * 10**9) == [10_500_000, 31_000_000]
    assert set(numbers(probes["snd_wnd"])) == {0xFFFFFFFF}
    lost = events[events["kind"] == EventKind.RETRANSMIT]
    assert numbers(causes(lost)) == [Cause.FAST]
    assert end_of(probes[0]) == "192.0.2.2:443"
    assert [EventKind(kind).name for kind in events["kind"]][-2:] == ["STATE", "DESTROY"]


@pytest.mark.parametrize("huge", [1e30, 1 << 64, 1 << 44])
def test_a_qlogs_huge_numbers_are_the_largest_of_a_field(huge: float) -> None:
    """A cwnd or bytes in flight beyond 32 bits are no small ones, as the rest of a division is."""
    told = json.loads(json.dumps(QLOG))
    metrics = {"congestion_window": huge, "bytes_in_flight": huge, "smoothed_rtt": huge}
    told["traces"][0]["events"] = [
        {"time": 1, "name": "recovery:metrics_updated", "data": metrics},
    ]
    event = of_qlog(json.dumps(told).encode()).events[0]
    assert event["snd_cwnd"] == event["snd_cwnd_max"] >= min(huge / 65_535, 0xFFFFFFFF)
    assert event["in_flight_max"] == event["srtt"] == 0xFFFFFFFF


def test_a_directory_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A directory is there: the way on is to name its files."""
    assert main(["import", str(tmp_path), str(tmp_path / "out.arrows")]) == 1
    said = capsys.readouterr().err
    assert "Is a directory" in said
    assert "Name the files in it" in said


def test_qlog_without_a_size_says_what_it_takes() -> None:
    """Without the size of datagrams, a segment is the smallest that a path has to carry."""
    bare = json.loads(json.dumps(QLOG))
    del bare["traces"][0]["events"][1]
    imported = of_qlog(json.dumps(bare).encode())
    assert imported.remarks == [
        "a.qlog does not tell the size of datagrams: a segment is 1200 bytes."
    ]
    cut = qlog_sequence()[:-30]
    assert len(of_qlog(cut).events) > 3, "the last record is cut off, as its writer was killed"


REFUSED = {
    "empty": b"",
    "words": b"hello world",
    "no packets": pcap([]),
    "no TCP": pcap([(0, bytes(60))]),
    "only SYNs": captured(handshake()[:1]),
    "a long packet": captured(lossy()) + struct.pack("<IIII", 0, 0, 0x7FFFFFFF, 0),
    "a long block": pcapng(frames(lossy())) + struct.pack("<II", 6, 0xFFFFFFF0) + bytes(8),
    "an unknown interface": pcapng(frames(lossy())) + struct.pack("<IIII", 6, 32, 9, 0) + bytes(16),
    "half of a line": RAW[:-40],
    "no base64": RAW.replace(b'"RawIDM": "', b'"RawIDM": "*'),
    "no snapshot": b'{"Metadata": {}}\n',
    "deep": b'{"qlog_version": "0.3", "traces": ' + b"[" * 100_000,
    "old": b'{"qlog_version": "draft-02", "traces": [{"event_fields": [], "events": []}]}',
    "no metrics": b'{"qlog_version": "0.3", "traces": [{"events": [{"time": 1, "name": "a:b"}]}]}',
    "damaged gzip": gzip.compress(captured(lossy()))[:-30],
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence says what is wrong, one what to do, and nothing is left."""
    source, out = tmp_path / "in", tmp_path / "out.arrows"
    source.write_bytes(REFUSED[name])
    assert main(["import", str(source), str(out)]) in (1, 2)
    printed, said = capsys.readouterr()
    assert printed == ""
    reason, mend = said.splitlines()
    assert reason.startswith("tcctui: ")
    assert reason.endswith(".")
    assert mend.strip()
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_bombs_are_refused(tmp_path: Path) -> None:
    """Little that unpacks to much is refused by its budget, of each format."""
    repeated = captured(lossy())
    many = repeated + repeated[24:] * 20_000
    metrics = b'{"time": 1, "name": "quic:recovery_metrics_updated", "data": {"smoothed_rtt": 1}}'
    bombs = [
        gzip.compress(many, 1),
        gzip.compress(RAW * 20_000, 1),
        gzip.compress(json.dumps(QLOG).encode() + b" " * (8 << 20), 1),
        gzip.compress(b"\x1e".join(qlog_sequence().split(b"\x1e")[:5] + [metrics] * 20_000), 1),
    ]
    for bomb in bombs:
        source = tmp_path / "in"
        source.write_bytes(bomb)
        with pytest.raises(NotReadableError, match="memory") as refusal:
            import_files([str(source)], str(tmp_path / "out"), memory=8 << 20, remarks=sys.stderr)
        assert "--reading-memory" in refusal.value.mend
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def read(path: Path) -> tuple[Recording, Events]:
    """Open a recording, and give its events."""
    with closing(Recording(path)) as recording:
        chunks = list(recording.chunks(0, 1 << 62))
        return recording, joined([NO_EVENTS, *(chunk.events for chunk in chunks)])


@pytest.mark.parametrize("form", list(Form))
def test_the_recording_says_what_it_is_of(form: Form, tmp_path: Path) -> None:
    """Its metadata have the format, what is missing, the file and the times."""
    data = {
        Form.PCAP: captured(lossy()),
        Form.TCP_INFO: RAW,
        Form.QLOG: json.dumps(QLOG).encode(),
    }[form]
    source, out = tmp_path / "in.txt", tmp_path / "out.arrows"
    source.write_bytes(gzip.compress(data))
    assert main(["import", str(source), str(out)]) == 0
    recording, _ = read(out)
    origin = recording.origin
    assert (origin.imported, origin.host) == (form.value, "in.txt")
    assert origin.description == DESCRIPTIONS[form]
    assert abs(origin.wall_offset_ns + recording.span.first_ns - EPOCH * 10**9) < 2 * 10**9
    part = tmp_path / "part.arrows"
    assert main(["export", str(out), str(part), "--redact"]) == 0
    redacted, _ = read(part)
    assert redacted.origin.imported == form.value, "a part of it is no less imported"
    assert redacted.origin.description == DESCRIPTIONS[form]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing file is replaced by --force alone, formats are not mixed, one may be forced."""
    source, out = tmp_path / "in", tmp_path / "out.arrows"
    source.write_bytes(captured(lossy()))
    other = tmp_path / "other"
    other.write_bytes(json.dumps(QLOG).encode())
    assert main(["import", str(source), str(out)]) == 0
    before = out.read_bytes()
    assert "no cwnd" in capsys.readouterr().err
    assert main(["import", str(source), str(out)]) == 1
    assert "exists" in capsys.readouterr().err or out.read_bytes() == before
    assert main(["import", str(source), str(out), "--force"]) == 0
    assert main(["import", str(source), str(other), str(tmp_path / "third")]) == 2
    assert "several formats: pcap, qlog" in capsys.readouterr().err
    assert main(["import", "--force", str(source), str(other)]) == 2, "OUT was forgotten"
    assert "itself (qlog)" in capsys.readouterr().err
    assert json.loads(other.read_bytes()) == QLOG
    assert main(["import", str(source), "--format", "qlog", str(tmp_path / "third")]) == 1
    assert main(["import", str(tmp_path / "nothing"), str(tmp_path / "third")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "other", "out.arrows"]


def test_pipes(tmp_path: Path) -> None:
    """`tcpdump -w - | tcctui import - -` is a recording on standard output."""
    command = [sys.executable, "-m", "tcctui", "import", "-", "-"]
    done = subprocess.run(
        command, input=captured(lossy()), capture_output=True, timeout=120, check=True
    )
    out = tmp_path / "out.arrows"
    out.write_bytes(done.stdout)
    recording, events = read(out)
    assert recording.origin.host == "import"
    assert len(events) == len(of_capture(captured(lossy())))


def test_ctrl_c_ends_the_input_and_not_the_import(tmp_path: Path) -> None:
    """Ctrl-C in a terminal reaches tcpdump and the import: what was captured is imported."""
    out = tmp_path / "out.arrows"
    code = (
        "import os, signal, sys, threading\n"
        "from tcctui.importing import captures, command\n"
        "read = captures.read_captures\n"
        "def interrupted(files, memory):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return read(files, memory)\n"
        "captures.read_captures = interrupted\n"
        "from tcctui.cli import main\n"
        f"sys.exit(main(['import', '-', {str(out)!r}]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=captured(lossy()),
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    _, events = read(out)
    assert len(events) > 10


def test_compressed_by_zstd(tmp_path: Path) -> None:
    """Files that M-Lab publishes are compressed by zstd."""
    pa = pytest.importorskip("pyarrow")
    source, out = tmp_path / "a.jsonl.zst", tmp_path / "out.arrows"
    with pa.CompressedOutputStream(str(source), "zstd") as stream:
        stream.write(RAW)
    import_files([str(source)], str(out))
    with closing(Recording(out)) as recording:
        assert recording.origin.imported == "tcp-info"


def test_an_unknown_cwnd_is_missing_in_tables(tmp_path: Path) -> None:
    """An exported event or flow of a capture has no cwnd; 0 would be one."""
    source, out = tmp_path / "in", tmp_path / "out.arrows"
    source.write_bytes(captured(lossy()))
    import_files([str(source)], str(out))
    for table in ("events", "flows"):
        exported = tmp_path / f"{table}.jsonl"
        assert main(["export", str(out), str(exported), "--table", table]) == 0
        rows = [json.loads(line) for line in exported.read_text().splitlines()]
        for name in ("snd_cwnd", "snd_cwnd_min", "snd_cwnd_max", "ssthresh"):
            assert all(row.get(name) is None for row in rows), (table, name)
    assert any(row.get("srtt_us_max") for row in rows)


def test_a_syn_of_a_stranger_is_no_connection() -> None:
    """Of a scan among traffic nothing is shown: nothing reached an open end."""
    scans = [Packet(n, ("198.51.100.9", 1000 + n), B, n, 0, SYN) for n in range(50)]
    events = of_capture(captured([*scans, *lossy()]))
    probes = events[events["kind"] == EventKind.PROBE]
    assert {A[1], B[1]} == set(numbers(probes["sport"]))


def test_an_expected_failure_is_tcctuis_own() -> None:
    """Refusals are caught like every other expected failure."""
    assert issubclass(NotReadableError, TcctuiError)
