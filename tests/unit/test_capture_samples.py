"""Samples of captures: of TCP_INFO what packets prove, and nothing else."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from contextlib import closing
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tcctui.both_ends.curves import curves
from tcctui.both_ends.one_end import Ends
from tcctui.both_ends.pair import Search
from tcctui.cli import main
from tcctui.flows.diagnosis.verdicts import CAUSES, EXPLAINED_BY, Limit, explain
from tcctui.flows.store import Store
from tcctui.importing.captures import read_captures
from tcctui.importing.command import import_files
from tcctui.importing.imported import NotReadableError
from tcctui.pump import deliver
from tcctui.recording.file import Recording
from tcctui.wire.batch import Batch
from tcctui.wire.records import pick
from tcctui.wire.samples import BITS, Samples, value
from tests.unit.import_files import (
    A6,
    ACK,
    B6,
    EPOCH,
    FIN,
    SYN,
    A,
    B,
    Packet,
    captured,
    handshake,
    lossy,
)

MS = 1000
"""Microseconds, as packets have them."""

STAMPED = b"\x02\x04\x05\xb4\x04\x02\x01\x03\x03\x07"
"""Options of a SYN: MSS 1460, SACK, window scale 7."""


def opened(*more: Packet, options: bytes = STAMPED) -> list[Packet]:
    """Handshake of 20 ms with options of either SYN, and what follows."""
    syn, answer, ack = handshake()
    return [syn._replace(options=options), answer._replace(options=options), ack, *more]


def sacks(*blocks: tuple[int, int]) -> bytes:
    """Options of an ACK with blocks of SACK."""
    data = b"".join(struct.pack("!II", *block) for block in blocks)
    return b"\x01\x01\x05" + bytes([2 + len(data)]) + data


def stamps(value_: int, echo: int) -> bytes:
    """Options of a segment with timestamps."""
    return b"\x01\x01\x08\x0a" + struct.pack("!II", value_, echo)


def data(at: int, seq: int, size: int = 100, **more: Any) -> Packet:
    """Segment that A sends."""
    return Packet(at, A, B, seq, 5001, ACK, size, 500, **more)


def ack(at: int, number: int, **more: Any) -> Packet:
    """ACK of B."""
    return Packet(at, B, A, 5001, number, **{"window": 510, **more})


def sampled(packets: Sequence[Packet]) -> Samples:
    """Samples of a capture."""
    file = BufferedReader(cast(Any, BytesIO(captured(packets))))
    return read_captures([("a.pcap", file)], 1 << 30).samples


def of(packets: Sequence[Packet], end: tuple[str, int] = A) -> Samples:
    """Samples of one end, the oldest first."""
    samples = sampled(packets)
    mine = pick(samples, samples["sport"] == end[1])
    return mine[mine["ts_ns"].argsort()]


def last(packets: Sequence[Packet], end: tuple[str, int] = A) -> dict[str, int]:
    """Members of the newest sample of an end that are known."""
    sample = of(packets, end)[-1:]
    assert sample["info_len"] == 0
    known = int(sample["also_known"][0])
    return {name: int(sample[name][0]) for name, bit in BITS.items() if known & bit}


def test_what_a_lossy_transfer_proves() -> None:
    """Beside its sender all is counted; of the peer, what ACKs say. Nothing else is known."""
    end = last(lossy())
    expected = {"total_retrans": 1, "bytes_retrans": 100, "bytes_sent": 500, "data_segs_out": 5}
    expected |= {"segs_out": 9, "segs_in": 4, "data_segs_in": 0, "min_rtt": 20_000, "rtt": 20_000}
    expected |= {"bytes_acked": 402, "bytes_received": 1, "wscale": 0x77, "advmss": 1460}
    expected |= {"snd_wnd": 520 << 7, "rcv_wnd": 500 << 7, "last_data_sent": 41}
    expected |= {"busy_time": 91_000 - 100, "rwnd_limited": 0}
    assert end == {**expected, "busy_time": end["busy_time"]}
    peer = last(lossy(), B)
    assert peer.keys() == {*("bytes_acked", "bytes_received", "wscale", "advmss"), *WINDOWS}
    assert (peer["bytes_acked"], peer["bytes_received"]) == (1, 401)


WINDOWS = ("snd_wnd", "rcv_wnd")


def test_times_with_data_in_flight() -> None:
    """The clock runs from data to the ACK of all of it, and not between transfers."""
    packets = opened(
        data(100 * MS, 1001), ack(120 * MS, 1101), data(900 * MS, 1101), ack(930 * MS, 1201)
    )
    assert last(packets)["busy_time"] == 50_000
    assert last(packets)["rwnd_limited"] == 0


def test_a_full_window_is_a_limit() -> None:
    """While the window has no room for a segment, and more is sent later, its clock runs."""
    packets = opened(
        *(data(100 * MS + n, 1001 + 1460 * n, 1460) for n in range(2)),
        ack(150 * MS, 3921, window=23),
        data(150 * MS + 50, 3921, 1460),
        ack(180 * MS, 5381, window=23),
    )
    packets[1] = packets[1]._replace(window=2920)
    packets[3:3] = [ack(60 * MS, 1001, window=23)]  # 2944 bytes: two segments
    end = last(packets)
    assert end["busy_time"] == pytest.approx(80_000, abs=100)
    assert end["rwnd_limited"] == pytest.approx(50_000, abs=100)


def test_sack_is_a_round_trip_too() -> None:
    """What SACK tells of behind a loss is a sample; what was retransmitted never is (Karn)."""
    packets = opened(
        *(data(100 * MS + n, 1001 + 100 * n) for n in range(4)),
        ack(115 * MS + 2, 1001, options=sacks((1201, 1301))),
        ack(116 * MS + 3, 1001, options=sacks((1201, 1401))),
        data(120 * MS, 1001),
        ack(121 * MS, 1101, options=sacks((1201, 1401))),
        data(122 * MS, 1101),
        ack(123 * MS, 1401),
    )
    end = last(packets)
    assert end["min_rtt"] == 15_000
    assert end["total_retrans"] == 2
    assert end["dsack_dups"] == end["sacked"] == 0
    middle = last(packets[:9])
    assert middle["sacked"] == 2
    assert middle["min_rtt"] == 15_000


def test_what_was_retransmitted_is_no_round_trip() -> None:
    """SACK of a retransmitted segment may be of either one: srtt stays the handshake's."""
    packets = opened(
        data(100 * MS, 1001),
        data(100 * MS + 1, 1101),
        data(300 * MS, 1101),
        ack(400 * MS, 1001, options=sacks((1101, 1201))),
    )
    assert last(packets)["rtt"] == 20_000
    alone = [packet for packet in packets if packet.at != 300 * MS]
    assert last(alone)["rtt"] == 20_000 + (300_000 - 1 - 20_000) // 8


def test_segments_that_came_twice() -> None:
    """DSACK is counted, below the ACK or inside the second block, and is no SACK."""
    packets = opened(
        *(data(100 * MS + n, 1001 + 100 * n) for n in range(4)),
        data(110 * MS, 1001),
        ack(120 * MS, 1201, options=sacks((1001, 1101))),
        ack(121 * MS, 1201, options=sacks((1301, 1401), (1301, 1401))),
    )
    end = last(packets)
    assert end["dsack_dups"] == 2
    assert end["sacked"] == 1


def test_the_minimum_is_of_the_last_five_minutes() -> None:
    """A shorter round trip of long ago is forgotten, as the kernel forgets it."""
    minute = 60_000 * MS
    later = [
        packet
        for n in range(1, 8)
        for packet in (
            data(n * minute, 901 + 100 * n),
            ack(n * minute + (25 + n) * MS, 1001 + 100 * n),
        )
    ]
    samples = of(opened(*later))
    minima = value(samples, "min_rtt").tolist()
    assert minima[:2] == [20_000, 20_000]
    assert minima[-1] == 28_000, "those of minutes 3 to 7 are left: 28 to 32 ms"


def test_segments_of_offloaded_packets() -> None:
    """A captured packet that the device was to cut is several segments of the path."""
    packets = opened(
        data(100 * MS, 1001, 3 * 1460 + 1), ack(120 * MS, 5382), data(130 * MS, 1001, 2920)
    )
    end = last(packets)
    assert (end["data_segs_out"], end["total_retrans"], end["snd_mss"]) == (6, 2, 1460)


def test_what_was_not_captured_was_sent() -> None:
    """A gap in what was captured of an end beside it counts as sent, once."""
    packets = opened(data(100 * MS, 1001), data(101 * MS, 1201), ack(130 * MS, 1301))
    end = last(packets)
    assert (end["data_segs_out"], end["bytes_sent"], end["total_retrans"]) == (3, 300, 0)
    late = [*packets[:-1], data(102 * MS, 1101), packets[-1]]
    assert last(late)["bytes_sent"] == 300, "it was reordered"


def stamped() -> list[Packet]:
    """Transfer whose handshake is missing: only timestamps tell where it was captured."""
    return [
        data(100 * MS, 1001, options=stamps(10, 500)),
        ack(130 * MS, 1101, options=stamps(501, 10)),
        data(130 * MS + 50, 1101, options=stamps(11, 501)),
        data(300 * MS, 1101, options=stamps(12, 501)),
        ack(330 * MS, 1201, options=stamps(503, 12)),
    ]


def test_an_open_connection() -> None:
    """Without its handshake, timestamps tell of which end a capture is; windows stay unknown."""
    end = last(stamped())
    assert (end["total_retrans"], end["data_segs_out"], end["min_rtt"]) == (1, 3, 30_000)
    unknown = {"snd_wnd", "rcv_wnd", "busy_time", "rwnd_limited", "wscale", "snd_mss", "sacked"}
    assert not unknown & end.keys()
    bare = [packet._replace(options=b"") for packet in stamped()]
    assert last(bare).keys() == {"bytes_acked", "bytes_received"}
    assert last(stamped(), B).keys() == {"bytes_acked", "bytes_received"}


@pytest.mark.parametrize("ends", [(A, B), (A6, B6)])
def test_copies_are_no_retransmissions(ends: tuple[tuple[str, int], tuple[str, int]]) -> None:
    """What was captured on two devices is one packet; what was sent anew is not."""
    packets = lossy(*ends)
    packets = [packet._replace(ip_id=number + 1) for number, packet in enumerate(packets)]
    copied = sorted([*packets, *(one._replace(at=one.at + 40) for one in packets)])
    found, right = last(copied), last(packets)
    for name in ("segs_in", "segs_out") if ends[0] == A6 else ():
        del found[name], right[name]  # ACKs alone have no identification there
    assert found == right
    assert right["total_retrans"] == 1


def test_what_is_sent_anew_is_no_copy() -> None:
    """A retransmission soon after has another identification, a later one need not."""
    soon = [data(100 * MS, 1001, ip_id=1), data(100 * MS + 50, 1001, ip_id=2)]
    later = [data(100 * MS, 1001), data(101 * MS, 1001)]
    for sent in (soon, later):
        assert last(opened(*sent, ack(130 * MS, 1101)))["total_retrans"] == 1


def test_the_limit_of_an_open_connection() -> None:
    """Without the handshake its window is unknown, and with it each share."""
    later = [
        data(1400 * MS, 1201, options=stamps(20, 503)),
        ack(1430 * MS, 1301, options=stamps(504, 20)),
    ]
    limit, shares, said = verdict(stored([*stamped(), *later], 2000))
    assert limit == Limit.UNKNOWN
    assert all(map(math.isnan, shares.values()))
    assert said[0].endswith("a captured handshake.")


def test_samples_are_of_seconds_with_segments() -> None:
    """There is one at the begin, one at the end of each second with segments, none between."""
    times = [30, 40, 950, 1010, 7000, 7100]
    packets = opened(*(ack(at * MS, 1001) for at in times))
    begin = EPOCH * 10**9
    found = [(int(one) - begin) // (MS * 1000) for one in of(packets)["ts_ns"]]
    assert found == [30, 950, 1010, 7100]


def stored(packets: Sequence[Packet], until_ms: int) -> Store:
    """Store that has taken in a capture."""
    file = BufferedReader(cast(Any, BytesIO(captured(packets))))
    imported = read_captures([("a.pcap", file)], 1 << 30)
    store = Store(0)
    now = 10**9 + until_ms * 10**6
    for part in (imported.events, imported.samples):
        part["ts_ns"] -= EPOCH * 10**9 - 10**9
        part.sort(order="ts_ns")
    store.ingest(imported.events, now)
    for sample in range(len(imported.samples)):
        store.ingest_samples(imported.samples[sample : sample + 1], now)
    return store


def one(store: Store, name: str, end: tuple[str, int] = A) -> Any:
    """Value of a column of an end."""
    flows = store.flows([name, "sport"])
    (at,) = (flows["sport"] == end[1]).nonzero()[0]
    return flows[name][at]


def verdict(store: Store) -> tuple[int, dict[Limit, float], tuple[str, str]]:
    """Limit of A, its shares, and its sentences."""
    shares = dict(zip(map(Limit, CAUSES), one(store, "limit_shares").tolist(), strict=True))
    flows = store.flows([*EXPLAINED_BY, "sport"])
    (at,) = (flows["sport"] == A[1]).nonzero()[0]
    return int(one(store, "limit")), shares, explain(flows, int(at))


def transfer(busy_ms: int, window: int = 510) -> list[Packet]:
    """Segments of 1460 bytes, one each 100 ms, acknowledged after so many milliseconds."""
    return opened(
        *(
            packet
            for n in range(40)
            for packet in (
                data((100 + 100 * n) * MS, 1001 + 1460 * n, 1460),
                ack((100 + 100 * n + busy_ms) * MS, 2461 + 1460 * n, window=window),
            )
        )
    )


def test_an_idle_sender_is_its_applications() -> None:
    """Of a flow with nothing in flight most of the time it is the application, the rest unknown."""
    limit, shares, said = verdict(stored(transfer(25), 4000))
    assert limit == Limit.APP
    assert shares[Limit.APP] == pytest.approx(0.75, abs=0.02)
    assert shares[Limit.RWND] == 0
    assert all(math.isnan(shares[each]) for each in shares.keys() - {Limit.APP, Limit.RWND})
    assert said[0] == "Limited by the application for 75 % of the last 2 s."
    assert "cwnd 0" not in said[1]


def test_a_full_window_is_the_peers() -> None:
    """Of a flow that fills the window most of the time it is the peer's receive window."""
    limit, shares, said = verdict(stored(transfer(80, window=12), 4000))
    assert limit == Limit.RWND
    assert shares[Limit.RWND] == pytest.approx(0.8, abs=0.02)
    assert shares[Limit.APP] == pytest.approx(0.2, abs=0.02)
    assert said[0].startswith("Limited by the peer's receive window for 80 % of the last 2 s")


def test_data_in_flight_is_nobodys() -> None:
    """With data in flight and room in the window nothing is made up: cwnd is unknown."""
    limit, shares, said = verdict(stored(transfer(80), 4000))
    assert limit == Limit.UNKNOWN
    assert shares[Limit.APP] == pytest.approx(0.2, abs=0.02)
    assert shares[Limit.RWND] == 0
    assert said[0].startswith("Not known for 80 % of the time: with data in flight")
    assert said[1] == "For 20 % limited by the application."


def test_data_in_flight_all_the_time() -> None:
    """Where nothing else is known, all of the time is not; before two samples, nobody says so."""
    packets = transfer(120)
    packets.sort(key=lambda packet: packet.at)
    limit, shares, said = verdict(stored(packets, 4000))
    assert limit == shares[Limit.APP] == shares[Limit.RWND] == 0
    assert said[0].startswith("Not known for 100 % of the time")
    assert said[1].startswith(("There is a queue as well", "The path has room"))
    _, shares, said = verdict(stored(packets[:6], 1000))
    assert all(map(math.isnan, shares.values()))
    assert said[0] == "Not known: that takes two samples, and a captured handshake."


def test_what_is_unknown_in_the_table() -> None:
    """Of the end far from its capture, no minimum, no share and no percents are shown."""
    store = stored(lossy()[:9], 1000)
    assert one(store, "retrans_percent") == 20
    assert one(store, "min_rtt") == 20_000
    for name in ("retrans_percent", "min_rtt", "total_retrans", "queueing_us", "wqueue", "rqueue"):
        assert math.isnan(one(store, name, B)), name
    assert one(store, "limit", B) == Limit.UNKNOWN
    assert one(store, "in_flight") == 300, "as the events have it"
    assert one(store, "snd_cwnd") == 0
    for name in ("delivery_rate", "pacing_rate", "rto", "lost", "reordering", "unacked"):
        assert math.isnan(one(store, name)), name


def test_a_recording_and_its_tables(tmp_path: Path) -> None:
    """Exports have what is known and leave out the rest; searches find it, and no end without."""
    source, out = tmp_path / "in", tmp_path / "out.arrows"
    source.write_bytes(captured(lossy()))
    import_files([str(source)], str(out))
    rows: dict[str, list[dict[str, Any]]] = {}
    for table in ("samples", "flows"):
        exported = tmp_path / f"{table}.jsonl"
        assert main(["export", str(out), str(exported), "--table", table]) == 0
        found = [json.loads(line) for line in exported.read_text().splitlines()]
        rows[table] = sorted(found, key=lambda row: (row["sport"] != A[1], row.get("ts_ns", 0)))
    mine, other = rows["flows"]
    assert (mine["data_segs_out"], mine["min_rtt_us"], mine["total_retrans"]) == (5, 20_000, 1)
    assert mine["retrans_percent_10s_max"] == 20
    for name in ("data_segs_out", "min_rtt_us", "total_retrans", "retrans_percent_10s_max"):
        assert other[name] is None, name
    for name in ("limited_cwnd_s", "recovery_s", "sndbuf_limited_us", "receives_s"):
        assert mine[name] is other[name] is None, name
    newest = [row for row in rows["samples"] if row["sport"] == A[1]][-1]
    assert newest["bytes_retrans"] == 100
    for name in ("snd_cwnd", "rto_us", "lost", "wqueue", "rqueue", "delivery_rate"):
        assert newest.get(name) is None, name
    for query, code in (("retrans%>10", 0), ("minrtt>19ms minrtt<21ms", 0), ("minrtt<5ms", 3)):
        assert main(["trace", "--until", query, "--replay", str(out)]) == code, query


def test_limits_in_the_table(tmp_path: Path) -> None:
    """Seconds of limits that can't be told without cwnd are missing beside those that can."""
    source, out, table = tmp_path / "in", tmp_path / "out.arrows", tmp_path / "flows.jsonl"
    source.write_bytes(captured(transfer(25)))
    import_files([str(source)], str(out))
    assert main(["export", str(out), str(table), "--table", "flows"]) == 0
    mine = json.loads(table.read_text().splitlines()[0])
    assert mine["limited_app_s"] == pytest.approx(3, abs=0.4)
    assert mine["limited_rwnd_s"] == 0
    assert mine["limited_cwnd_s"] is mine["limited_queue_s"] is mine["receives_s"] is None


def test_both_ends_beside_each_other(tmp_path: Path) -> None:
    """Where a capture's ends are compared, cwnd and unread data are unknown, the rest is drawn."""
    source, out = tmp_path / "in", tmp_path / "out.arrows"
    source.write_bytes(captured(transfer(25)))
    import_files([str(source)], str(out))
    low, high = ((0, 0xFFFF << 32 | 0xC0000200 + number) for number in (1, 2))
    with closing(Recording(out)) as recording:
        both = Search(Ends(low, high, A[1], B[1]), 1, recording).found()
        assert both is not None
        drawn = curves(both)
    assert np.isnan(drawn.sender["cwnd"].values).all()
    assert np.isnan(drawn.receiver["unread"].values).all()
    assert drawn.sender["snd_wnd"].values.max() == 65_280
    assert drawn.sender["sent"].values.max() == 40 * 1460


def test_samples_have_their_budget() -> None:
    """A long capture of few segments, each in its second, takes the memory of its samples."""
    packets = opened(*(ack(n * 1_000_000, 1001) for n in range(1, 400)))
    file = BufferedReader(cast(Any, BytesIO(captured(packets))))
    with pytest.raises(NotReadableError, match="402 TCP segments"):
        read_captures([("a.pcap", file)], 1 << 20)


def test_replay_is_as_the_import(tmp_path: Path) -> None:
    """A recording keeps what is known of each sample."""
    source, out = tmp_path / "in", tmp_path / "out.arrows"
    source.write_bytes(captured(lossy()))
    import_files([str(source)], str(out))
    store = Store(0)
    with closing(Recording(out)) as recording:
        chunks = list(recording.chunks(0, 1 << 62))
    batches = (Batch(chunk.events, [chunk.samples], chunk.end_ns) for chunk in chunks)
    deliver(batches, store)
    assert one(store, "min_rtt") == 20_000
    assert math.isnan(one(store, "min_rtt", B))


def test_a_flood_of_syns_has_no_samples() -> None:
    """Ends that nothing reached have none."""
    scans = [Packet(n, ("198.51.100.9", 1000 + n), B, n, 0, SYN) for n in range(50)]
    assert {A[1], B[1]} == set(sampled([*scans, *lossy()])["sport"].tolist())
    refused = [Packet(0, A, B, 1000, 0, SYN), Packet(9, B, A, 0, 1001, FIN)]
    assert set(sampled([*refused, *lossy()])["sport"].tolist()) == {A[1], B[1]}
