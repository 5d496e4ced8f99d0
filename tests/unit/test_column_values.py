"""Every value that sock_diag tells of a socket can be a column, which shows that very value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tcctui.flows.columns import DERIVED, FIELDS, SAMPLED
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.ui.table.columns import BY_NAME
from tcctui.wire.events import CaState
from tcctui.wire.samples import CC_FIELDS, SAMPLE, SKMEM_FIELDS, TCP_INFO, value
from tests.unit.samples import look, samples

SHOWN: dict[str, tuple[int, str, str]] = {
    # field of a sample: a value, the column, and what it shows
    "ca_state": (CaState.RECOVERY, "ca_state", "Recovery"),
    "retransmits": (3, "retransmits", "3"),
    "probes": (2, "probes", "2"),
    "backoff": (4, "backoff", "4"),
    "options": (1 | 2 | 4 | 8, "options", "ts sack wscale ecn"),
    "wscale": (0xA7, "wscale", "7,10"),
    "rate_flags": (1, "rate_flags", "yes"),
    "rto": (264_000, "rto", "264 ms"),
    "ato": (40_000, "ato", "40.0 ms"),
    "snd_mss": (1448, "snd_mss", "1448"),
    "rcv_mss": (536, "rcv_mss", "536"),
    "unacked": (31, "unacked", "31"),
    "sacked": (5, "sacked", "5"),
    "lost": (6, "lost", "6"),
    "retrans": (7, "retrans_out", "7"),
    "last_data_sent": (3_250, "last_data_sent", "3.2s"),
    "last_ack_sent": (0, "last_ack_sent", "0 ms"),
    "last_data_recv": (185_000, "last_data_recv", "3m05s"),
    "last_ack_recv": (12, "last_ack_recv", "12 ms"),
    "pmtu": (65_535, "pmtu", "65535"),
    "rcv_ssthresh": (64_088, "rcv_ssthresh", "62.6 Ki"),
    "rtt": (38_100, "rtt", "38.1 ms"),
    "rttvar": (4_125, "rttvar", "4.12 ms"),
    "snd_ssthresh": (29, "snd_ssthresh", "29"),
    "snd_cwnd": (84, "cwnd", "84"),
    "advmss": (1460, "advmss", "1460"),
    "reordering": (300, "reordering", "300"),
    "rcv_rtt": (52, "rcv_rtt", "0.052 ms"),
    "rcv_space": (14_600, "rcv_space", "14.3 Ki"),
    "total_retrans": (41_234, "retrans", "41.2k"),
    "pacing_rate": (1_250_000, "pacing_rate", "10.0 Mb/s"),
    "max_pacing_rate": (2_500_000, "max_pacing_rate", "20.0 Mb/s"),
    "bytes_acked": (5 << 30, "bytes_acked", "5.00 Gi"),
    "bytes_received": (1_000, "bytes_received", "1000 B"),
    "segs_out": (123_456, "segs_out", "123k"),
    "segs_in": (999, "segs_in", "999"),
    "notsent_bytes": (1 << 20, "notsent_bytes", "1.00 Mi"),
    "min_rtt": (31_000, "min_rtt", "31.0 ms"),
    "data_segs_in": (17, "data_segs_in", "17"),
    "data_segs_out": (1_600_000, "data_segs_out", "1.60M"),
    "delivery_rate": (11_512_500, "delivery_rate", "92.1 Mb/s"),
    "busy_time": (950_000, "busy_time", "950 ms"),
    "rwnd_limited": (3_250_000, "rwnd_limited", "3.2s"),
    "sndbuf_limited": (7_800_000_000, "sndbuf_limited", "2h10m"),
    "delivered": (1_500, "delivered", "1.50k"),
    "delivered_ce": (12, "delivered_ce", "12"),
    "bytes_sent": (6 << 30, "bytes_sent", "6.00 Gi"),
    "bytes_retrans": (3 << 20, "bytes_retrans", "3.00 Mi"),
    "dsack_dups": (8, "dsack_dups", "8"),
    "reord_seen": (9, "reord_seen", "9"),
    "rcv_ooopack": (10, "rcv_ooopack", "10"),
    "snd_wnd": (3 << 20, "snd_wnd", "3.00 Mi"),
    "rcv_wnd": (65_536, "rcv_wnd", "64.0 Ki"),
    "rehash": (11, "rehash", "11"),
    "bbr_bw": (12_000_000, "bbr_bw", "96.0 Mb/s"),
    "bbr_min_rtt": (31_000, "bbr_min_rtt", "31.0 ms"),
    "bbr_pacing_gain": (320, "bbr_pacing_gain", "1.25"),
    "bbr_cwnd_gain": (512, "bbr_cwnd_gain", "2.00"),
    "dctcp_ce_state": (1, "dctcp_ce_state", "yes"),
    "dctcp_enabled": (1, "dctcp_enabled", "yes"),
    "dctcp_alpha": (128, "dctcp_alpha", "0.125"),
    "rmem_alloc": (2_304, "rmem_alloc", "2.25 Ki"),
    "rcvbuf": (131_072, "rcvbuf", "128 Ki"),
    "wmem_alloc": (0, "wmem_alloc", "0 B"),
    "sndbuf": (2_626_560, "sndbuf", "2.50 Mi"),
    "wmem_queued": (4_096, "wmem_queued", "4.00 Ki"),
    "drops": (13, "drops", "13"),
    "ifindex": (2, "ifindex", "2"),
    "inode": (481_516, "inode", "481516"),
    "uid": (1000, "uid", "1000"),
    "rqueue": (1_024, "rqueue", "1.00 Ki"),
    "wqueue": (512, "wqueue", "512 B"),
    "netns": (4_026_531_840, "netns_ino", "4026531840"),
    "pid": (4_021, "pid", "4021"),
}


SMALL = {
    *("mss", "snd_mss", "rcv_mss", "advmss", "pmtu", "reordering", "pid", "ifindex"),
    *("bbr_pacing_gain", "bbr_cwnd_gain"),
}
"""Numbers that take more than 16 bits nowhere, or, like process numbers, hardly more."""

WITH_CELLS = [column for column in BY_NAME.values() if column.needs]


def sampled(**fields: Any) -> tuple[Any, Flows]:
    """One socket that was sampled once, and all that the table can show of it."""
    batch = samples(10**9, **fields)
    store = Store()
    look(store, batch)
    return batch, store.flows({name for column in BY_NAME.values() for name in column.needs})


def test_every_field_is_there() -> None:
    """No field of TCP_INFO, of an algorithm or of the socket's memory lacks a column.

    Nor does anything else that is known of a flow and that a person can read.
    """
    assert {*TCP_INFO, *CC_FIELDS, *SKMEM_FIELDS} <= {*SHOWN}
    machinery = {"has_skmem", "cc_info", "sample", "text"}
    needed = {name for column in BY_NAME.values() for name in column.needs}
    assert {*FIELDS, *SAMPLED, *DERIVED} - needed == machinery


@pytest.mark.parametrize("field", SHOWN)
def test_a_column_shows_what_was_sampled(field: str) -> None:
    """The cell is the sampled value, in the column's form; the column says where it is from."""
    given, name, text = SHOWN[field]
    column = BY_NAME[name]
    batch, flows = sampled(**{"options": 4, "data_segs_out": 1, "data_segs_in": 1, field: given})
    (told,) = value(batch, field)
    assert told == given
    assert column.cells(flows) == [text]
    assert len(text) <= max(column.width, column.most)
    if field in TCP_INFO:
        part = "wscale" if field == "wscale" else field
        part = "delivery_rate_app_limited" if field == "rate_flags" else part
        assert f"tcpi_{part}" in column.source or f"tcpi_snd_{part}" in column.source
        assert column.meaning


@pytest.mark.parametrize("field", [*TCP_INFO, *CC_FIELDS, *sorted(SKMEM_FIELDS)])
def test_what_the_kernel_does_not_tell_is_a_dash(field: str) -> None:
    """What an older kernel, or another algorithm, lacks is not known: never a number.

    Windows and states come from events as well; those are asked for in `test_table_columns`.
    """
    if field in FIELDS:
        return
    _, flows = sampled(info_len=0, cc_info=0, has_skmem=0)
    assert BY_NAME[SHOWN[field][1]].cells(flows) == ["–"]


def test_a_flow_of_which_nothing_is_known() -> None:
    """Where nothing was ever told no column fails, and none asks for what it does not know."""
    flows = sampled(info_len=0)[1]
    blank = {
        name: np.full_like(values, np.nan) if values.dtype.kind == "f" else np.zeros_like(values)
        for name, values in flows.items()
    }
    nothing = Flows(0, blank)
    unknown = [column for column in WITH_CELLS if column.cells(nothing) == ["–"]]
    assert len(unknown) > len(SHOWN)
    for column in unknown:
        assert column.query is None or column.query(nothing, 0) is None


@pytest.mark.parametrize("bits", [0, 1, 7, 12, 20, 31, 32, 40])
def test_numbers_fit_their_columns(bits: int) -> None:
    """What a kernel tells has room in its column: a number that is cut is another number."""
    names = {name: SAMPLE[name] for name in SAMPLED if SAMPLE[name].kind in "ui"}
    most = {name: min(2**bits, 2 ** (8 * kind.itemsize) - 2) for name, kind in names.items()}
    _, flows = sampled(**{**most, "info_len": 240, "cc_info": 1})
    for column in WITH_CELLS:
        (text,) = column.cells(flows)
        assert text
        assert text.isprintable()
        if not column.left and not (column.name in SMALL and bits > 16):
            assert len(text) <= column.width, column.name
