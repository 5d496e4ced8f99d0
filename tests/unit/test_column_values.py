"""A column for every value of sock_diag: it shows that value, and asks for its row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.fields.field import Unit
from tcctui.flows.columns import DERIVED, FIELDS, INSIDE, SAMPLED
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.query import parse
from tcctui.ui.table import cell_queries
from tcctui.ui.table.columns import BY_NAME
from tcctui.wire.events import CaState, TcpState
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
    "total_rto": (15, "total_rto", "15"),
    "total_rto_recoveries": (14, "total_rto_recoveries", "14"),
    "total_rto_time": (3_250, "total_rto_time", "3.2s"),
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
    "half_open": (300, "half_open", "300"),
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
    """Nothing that is known of a flow, and that a person can read, lacks a column."""
    assert {*TCP_INFO, *CC_FIELDS, *SKMEM_FIELDS} <= {*SHOWN}
    machinery = {"has_skmem", "cc_info", "sample", "text", "limit_evidence", "socket", "algorithm"}
    machinery |= {"acked_before", "acked_sampled", "bbr_mode", "mptcp_info_len"}
    needed = {name for column in BY_NAME.values() for name in column.needs}
    assert {*FIELDS, *SAMPLED, *INSIDE, *DERIVED} - needed == machinery


@pytest.mark.parametrize("field", SHOWN)
def test_a_column_shows_what_was_sampled(field: str) -> None:
    """The cell is the sampled value, in the column's form; the column says where it is from.

    What an older kernel, or another algorithm, lacks is not known: never a number. (Windows and
    states come from events as well; those are asked for in `test_table_columns`.)
    """
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
    if field in {*TCP_INFO, *CC_FIELDS, *SKMEM_FIELDS} - {*FIELDS}:
        _, flows = sampled(info_len=0, cc_info=0, has_skmem=0)
        assert column.cells(flows) == ["–"]


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


# What is searched for with a cell


ASKING = [column for column in BY_NAME.values() if column.query is not None]


def flows_of(**fields: Any) -> Flows:
    """Flows that were sampled twice, with all that columns and queries need."""
    store = Store()
    for moment in (1, 2):
        look(store, samples(moment * 10**9, **{**fields, "bytes_acked": moment * 10**6}))
    needs = {name for column in BY_NAME.values() for name in column.needs}
    return store.flows({*needs, "text"})


def test_texts() -> None:
    """Names are asked for as they are, what is measured by its first digits, unknown never."""
    flows = flows_of(
        **{"local": ("10.0.0.1", 443), "remote": ("2001:db8::7", 40_980), "comm": b"my app"},
        **{"cc": b"bbr", "bbr_pacing_gain": 256, "bbr_cwnd_gain": 512, "pid": 4021, "uid": 1000},
        **{"state": TcpState.CLOSE_WAIT, "ca_state": CaState.RECOVERY, "cgroup": b"nginx.service"},
        **{"snd_cwnd": 41, "snd_ssthresh": 29, "rtt": 38_123, "min_rtt": 31_000},
        **{"delivery_rate": 11_512_534, "total_retrans": 412, "data_segs_out": 1_600},
    )
    texts = {
        **{"local": "src:10.0.0.1", "remote": "dst:2001:db8::7", "sport": "sport:443"},
        **{"process": 'proc:"my app"', "cc": "cc:bbr", "state": "state:close-wait"},
        **{"cwnd": "cwnd:41", "ssthresh": "ssthresh:29", "srtt": "srtt>=38.1ms"},
        **{"min_rtt": "min_rtt>=31ms", "rate": "rate>=8Mbit", "age": "age>=1s"},
        **{"delivery_rate": "delivery_rate>=92.1Mbit", "retrans": "retrans>=412"},
        **{"retrans_pct": "retrans_pct>=25.7", "pid": "pid:4021", "uid": "uid:1000"},
        **{"ca_state": "ca:recovery", "phase": "bbr:probe_bw", "notsent_bytes": "unsent:0"},
        **{"cgroup": "cgroup:nginx.service", "cwnd_spark": None, "netns": None},
    }
    queries = {name: BY_NAME[name].query for name in texts}
    assert {name: query and query(flows, 0) for name, query in queries.items()} == texts


NUMBERS = st.one_of(st.integers(0, 9), st.integers(0, 2**16), st.integers(0, 2**32 - 2))
NAMES = st.one_of(
    st.sampled_from([b"", b"nginx", b"my app", b'"', b"a,b", b"a|b", b"\x1b[31m", b"-x", b"a\\b"]),
    st.text(max_size=8).map(lambda text: text.encode("utf-8", "replace").replace(b"\0", b"")),
    st.binary(max_size=15).map(lambda name: name.replace(b"\0", b"")),
)


@settings(max_examples=25)
@given(data=st.data())
def test_every_text_finds_its_row(data: st.DataObject) -> None:
    """Whatever a flow's values are: what a cell asks for is a query, and its flow matches."""
    fields: dict[str, Any] = {
        name: data.draw(NUMBERS, name)
        for name in ("snd_cwnd", "rtt", "min_rtt", "total_retrans", "pid", "uid", "wqueue")
    }
    for name in ("data_segs_out", "delivery_rate", "pacing_rate", "bytes_received", "rto", "lost"):
        fields[name] = data.draw(NUMBERS, name)
    for name in ("comm", "cc", "cgroup", "netns_name"):
        fields[name] = data.draw(NAMES, name)
    fields["state"] = data.draw(st.sampled_from(TcpState))
    fields["remote"] = (data.draw(st.ip_addresses().map(str)), data.draw(st.integers(0, 65_535)))
    flows = flows_of(**fields)
    for column in ASKING:
        assert column.query is not None
        text = column.query(flows, 0)
        if text is not None:
            query = parse(text)
            assert text.isprintable()
            assert query.mask(flows)[0]
            assert query.fields <= {*column.needs}


@settings(max_examples=300)
@given(value=st.floats(1e-3, 1e13), unit=st.sampled_from([Unit.BYTES_PER_SECOND, Unit.COUNT]))
def test_what_is_written_is_never_more(value: float, unit: Unit) -> None:
    """Numbers are cut, not rounded, so that the flow itself has at least as much; to 1 %."""
    scales = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    text = next(cell_queries.write(value, unit)).removesuffix("bit")
    digits = text.rstrip("kMGT")
    read = float(digits) * scales[text[len(digits) :]] / (8 if unit is Unit.BYTES_PER_SECOND else 1)
    assert value * 0.989 <= read <= value * (1 + 1e-12)


def test_what_the_language_cannot_say_is_not_asked() -> None:
    """A text that does not parse, or finds another row only, is passed over for the next one."""
    flows = Flows(0, {"snd_cwnd": np.array([4], "u4"), "srtt_us": np.array([4000], "u4")})
    texts = ["cwnd:", "cwnd:5", "nofield:4", "srtt:4", "cwnd:4"]
    assert cell_queries.first_that_finds(texts, flows, 0, ["snd_cwnd"]) == "cwnd:4"
    assert cell_queries.first_that_finds(texts[:4], flows, 0, ["snd_cwnd"]) is None
    one = flows_of(cookie=1, snd_cwnd=5, comm=b"one", cc=b"cubic", pid=1)
    both = flows_of(cookie=[1, 2], snd_cwnd=[7, 5], comm=[b"x", b"one"], cc=b"cubic", pid=[9, 1])
    for column in ASKING:
        assert column.query is not None
        if column.name != "cookie":
            assert column.query(both, 1) == column.query(one, 0), "that of the row that is named"
