"""What is searched for with a cell: it parses, and it finds the very row that it was made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.fields.field import Unit
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.query import parse
from tcctui.ui.table import cell_queries
from tcctui.ui.table.columns import BY_NAME
from tcctui.wire.events import CaState, TcpState
from tests.unit.samples import look, samples

ASKING = [column for column in BY_NAME.values() if column.query is not None]


def flows_of(**fields: Any) -> Flows:
    """Flows that were sampled twice, with all that columns and queries need."""
    store = Store()
    for moment in (1, 2):
        look(store, samples(moment * 10**9, **{**fields, "bytes_acked": moment * 10**6}))
    needs = {name for column in BY_NAME.values() for name in column.needs}
    return store.flows({*needs, "text"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("local", "src:10.0.0.1"),
        ("remote", "dst:2001:db8::7"),
        ("sport", "sport:443"),
        ("process", 'proc:"my app"'),
        ("cc", "cc:bbr"),
        ("state", "state:close-wait"),
        ("cwnd", "cwnd:41"),
        ("ssthresh", "ssthresh:29"),
        ("srtt", "srtt>=38.1ms"),
        ("min_rtt", "min_rtt>=31ms"),
        ("rate", "rate>=8Mbit"),
        ("delivery_rate", "delivery_rate>=92.1Mbit"),
        ("retrans", "retrans>=412"),
        ("retrans_pct", "retrans_pct>=25.7"),
        ("age", "age>=1s"),
        ("pid", "pid:4021"),
        ("uid", "uid:1000"),
        ("ca_state", "ca:recovery"),
        ("phase", "bbr:probe_bw"),
        ("cgroup", "cgroup:nginx.service"),
        ("notsent_bytes", "unsent:0"),
        ("cwnd_spark", None),
        ("netns", None),
    ],
)
def test_texts(name: str, text: str | None) -> None:
    """Names are asked for as they are, what is measured by its first digits, unknown never."""
    flows = flows_of(
        local=("10.0.0.1", 443),
        remote=("2001:db8::7", 40_980),
        comm=b"my app",
        cc=b"bbr",
        bbr_pacing_gain=256,
        bbr_cwnd_gain=512,
        state=TcpState.CLOSE_WAIT,
        ca_state=CaState.RECOVERY,
        snd_cwnd=41,
        snd_ssthresh=29,
        rtt=38_123,
        min_rtt=31_000,
        delivery_rate=11_512_534,
        total_retrans=412,
        data_segs_out=1_600,
        pid=4021,
        uid=1000,
        cgroup=b"nginx.service",
    )
    query = BY_NAME[name].query
    assert (None if query is None else query(flows, 0)) == text


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


def test_a_query_is_of_its_row() -> None:
    """It is made of the row that is named, not of the first one."""
    one = flows_of(cookie=1, snd_cwnd=5, comm=b"one", cc=b"cubic", pid=1)
    both = flows_of(cookie=[1, 2], snd_cwnd=[7, 5], comm=[b"x", b"one"], cc=b"cubic", pid=[9, 1])
    for column in ASKING:
        assert column.query is not None
        if column.name != "cookie":
            assert column.query(both, 1) == column.query(one, 0)


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
