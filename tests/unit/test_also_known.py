"""Samples that know some members of TCP_INFO, and not all up to a length."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcctui.both_ends.one_end import ACK as ACKS
from tcctui.both_ends.one_end import Ends, OneEnd
from tcctui.export.event_tables import samples_table
from tcctui.fields.every_field import BY_NAME
from tcctui.flows.columns import SAMPLED
from tcctui.flows.diagnosis.verdicts import Limit
from tcctui.flows.store import Store
from tcctui.headless.lifetimes import Lifetimes
from tcctui.recording.chunks import NO_EVENTS, Chunk
from tcctui.recording.file import Recording
from tcctui.recording.timeline import Origin
from tcctui.wire.records import joined
from tcctui.wire.samples import (
    BITS,
    NO_QUEUE,
    TCP_INFO,
    TCP_INFO_BYTES,
    Samples,
    bits_of,
    forget_all_but,
    has_info,
    is_known,
    value,
)
from tests.unit.events import SECOND
from tests.unit.recordings import written
from tests.unit.samples import destroyed, look, samples

OLD = Path(__file__).parents[1] / "data" / "recordings" / "0.1.0.arrows"

SOME = ("options", "total_retrans", "min_rtt", "bytes_acked", "data_segs_out", "total_rto_time")


def told(length: int, *names: str, **fields: Any) -> Samples:
    """Sample with any number in each member, of which it knows those up to a length and some."""
    given: dict[str, Any] = {**dict.fromkeys(TCP_INFO, 7), **fields}
    return samples(SECOND, info_len=length, also_known=bits_of(names), **given)


@pytest.mark.parametrize("length", [0, 104])
def test_no_other_member_is_known(length: int) -> None:
    """In the store, of all members beyond the length those with their bit alone are known."""
    store = Store()
    look(store, told(length, *SOME))
    for name in TCP_INFO.keys() & SAMPLED:
        (found,) = store.flows([name])[name]
        kind, place = TCP_INFO[name]
        there = name in SOME or place + np.dtype(kind).itemsize <= length
        assert math.isnan(found) != there, name
    (percent,) = store.flows(["retrans_percent"])["retrans_percent"]
    assert percent == 100
    assert math.isnan(store.flows(["delivery_rate"])["delivery_rate"][0])
    assert store.flows(["bytes_acked"])["bytes_acked"][0] == 7


def test_what_is_asked_of_samples() -> None:
    """Masks tell of a member, and of any; what the kernel told needs no bit."""
    some = joined([told(0), told(104), told(0, "min_rtt"), told(TCP_INFO_BYTES)])
    assert has_info(some).tolist() == [False, True, True, True]
    assert is_known(some, "min_rtt").tolist() == [False, False, True, True]
    assert is_known(some, "rtt").tolist() == [False, True, False, True]


def test_the_bits_stay() -> None:
    """Recordings have them: a bit is that of the struct's order, which the kernel only extends."""
    expected = {"ca_state": 0, "snd_mss": 9, "total_retrans": 29, "min_rtt": 37, "rehash": 53}
    assert {name: BITS[name].bit_length() - 1 for name in expected} == expected
    assert len(set(BITS.values())) == len(BITS)


def test_a_recording_and_its_export_have_it(tmp_path: Path) -> None:
    """What is unknown stays so in a recording, and is missing in its table."""
    path = written(tmp_path / "a", Chunk(0, 2 * SECOND, NO_EVENTS, told(0, *SOME)))
    with closing(Recording(path)) as recording:
        (chunk,) = recording.chunks(0, 1 << 62)
    table = samples_table(chunk.samples, 0)
    for name in TCP_INFO:
        if name != "ca_state":
            missing = table[BY_NAME[name].export if name in BY_NAME else name].null_count
            assert missing == (name not in SOME), name


def test_of_another_versions_fields_no_bit_is_left() -> None:
    """Where a file has no column of a member, its bit says nothing."""
    sample = told(0, "min_rtt", "rtt")
    forget_all_but(sample, {"rtt", "info_len", "also_known"})
    assert sample["also_known"] == BITS["rtt"]


def test_queues_that_nobody_read() -> None:
    """Of a socket whose queues were not read, neither is 0, and its bytes in flight are events'."""
    store = Store()
    look(store, told(0, *SOME, rqueue=NO_QUEUE, wqueue=NO_QUEUE))
    for name in ("rqueue", "wqueue"):
        assert math.isnan(store.flows([name])[name][0])


def test_a_limit_without_queues() -> None:
    """Where neither queue was read, they are neither unread data nor data that waits."""
    counted: dict[str, Any] = {"bytes_received": [0, 10**6], "snd_cwnd": 50, "snd_wnd": 10**6}
    nothing: dict[str, Any] = {}
    sending: dict[str, Any] = {"busy_time": [0, 10**6], "data_segs_out": [0, 500]}
    full = sending | {"wmem_queued": 9000, "sndbuf": 9000, "unacked": 1}
    sending |= {"notsent_bytes": 10**5, "unacked": 50}
    for more, limit in ((nothing, Limit.RECEIVES), (sending, Limit.CWND), (full, Limit.SNDBUF)):
        store = Store()
        for one in samples(
            [SECOND, 2 * SECOND],
            rqueue=NO_QUEUE,
            wqueue=NO_QUEUE,
            **{**counted, **more},
        ).reshape(-1, 1):
            look(store, one)
        assert store.flows(["limit"])["limit"][0] == limit


def test_growth_of_what_is_known() -> None:
    """Counters that have their bit grow by second, as others do."""
    some = samples(
        SECOND * np.arange(1, 13),
        info_len=0,
        also_known=bits_of(["total_retrans", "data_segs_out"]),
        total_retrans=np.arange(12),
        data_segs_out=10 * np.arange(12),
    )
    store = Store()
    look(store, *some.reshape(-1, 1))
    names = ["retrans_rate_1s", "retrans_percent_10s", "ce_percent_10s"]
    flows = store.flows(names)
    assert [flows[name][0] for name in names[:2]] == [1, 10]
    assert math.isnan(flows["ce_percent_10s"][0])


def test_the_last_values_of_a_socket() -> None:
    """Those of a destroyed one may be some members, too."""
    store = Store()
    look(store, told(0, "total_retrans", "min_rtt"))
    fields = {"total_retrans": 9, "min_rtt": 9, "also_known": bits_of(["total_retrans"])}
    look(store, destroyed(2 * SECOND, info_len=0, **fields))
    flows = store.flows(["total_retrans", "min_rtt"])
    assert flows["total_retrans"][0] == 9
    assert math.isnan(flows["min_rtt"][0])


def test_a_summary_counts_from_the_first_sample() -> None:
    """Retransmissions before it are no part of a summary, where it knows them."""
    summary = Lifetimes()
    summary.grow(1)
    summary.add_samples(np.zeros(1, "i8"), told(0, "total_retrans"))
    acked, again = summary.totals(np.zeros(1, "i8"))
    assert (np.isnan(acked[0]), again[0]) == (True, 7)


def test_bytes_sent_without_a_queue() -> None:
    """Beside another recording, a sample whose send queue is unknown tells of no bytes sent."""
    none = OneEnd(
        Origin("here"),
        Ends((0, 1), (0, 2), 3, 4),
        1,
        np.empty(0, ACKS),
        NO_EVENTS,
        told(0, "bytes_acked", wqueue=NO_QUEUE),
        0,
    )
    side = none.side()
    assert len(side.sent.least) == 0
    assert side.acknowledged.least.tolist() == [7]


def test_a_recording_from_before_is_read_as_before() -> None:
    """Of samples without bits, the length alone says what is known: of each member, as ever."""
    with closing(Recording(OLD)) as recording:
        read = joined([chunk.samples for chunk in recording.chunks(0, 1 << 62)])
    assert len(read) > 50
    assert not read["also_known"].any()
    lengths = read["info_len"].astype("i8")
    assert set(lengths.tolist()) <= {0, 240}
    for name in TCP_INFO.keys() & SAMPLED:
        kind, place = TCP_INFO[name]
        numbers = read[name].astype("f8")
        unknown = BY_NAME[name].unknown
        there = lengths >= place + np.dtype(kind).itemsize
        there &= True if unknown is None else numbers != unknown
        if BY_NAME[name].happened:
            there &= read[BY_NAME[name].happened] > 0
        np.testing.assert_array_equal(value(read, name), np.where(there, numbers, np.nan), name)
    assert not is_known(read, "total_rto_time").any()
    assert np.isfinite(value(read, "min_rtt")).any()
