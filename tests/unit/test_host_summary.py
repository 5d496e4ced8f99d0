"""Summary of many connections: its numbers are those of the flows, as text and as JSON."""

from __future__ import annotations

import io
import json

from tcctui.flows.groups.host_summary import FIELDS, MOST, as_json, as_text, summarized
from tcctui.flows.store import Store
from tcctui.headless.outcome import Asked, outcome_of
from tcctui.query import parse
from tcctui.wire.records import joined
from tests.unit.delivered import START
from tests.unit.events import NOTHING, SECOND
from tests.unit.samples import look, samples
from tests.unit.test_outcome import Recorded


def host() -> Store:
    """Two processes with nine connections to as many peers; one of them loses a tenth."""
    store = Store(0)
    for second in range(12):
        at_ns = START + second * SECOND
        for number in range(1, 10):
            sent = 1000 * second
            again = sent // 10 if number == 4 else 0
            one = samples(
                at_ns,
                number,
                remote=(f"10.0.{number}.1", 443),
                data_segs_out=sent,
                total_retrans=again,
                bytes_acked=1_000_000 * second * number,
                cc=b"bbr" if number < 4 else b"cubic",
                comm=b"ng\x1binx" if number < 6 else b"iperf3",
            )
            look(store, one)
    return store


def test_its_numbers_are_the_flows() -> None:
    """Totals are sums, counts have every flow, and the worst groups come first."""
    flows = host().flows(FIELDS)
    summary = json.loads(as_json(summarized(flows), host="web-3"))
    assert summary["host"] == "web-3"
    assert summary["connections"] == 9
    assert summary["bytes_acked"] == int(flows["bytes_acked"].sum()) == 11_000_000 * 45
    assert summary["retransmits_per_second"] == 100
    assert summary["states"] == {"ESTAB": 9}
    assert summary["algorithms"] == {"cubic": 6, "bbr": 3}
    assert sum(one["connections"] for one in summary["limits"]) == 9
    assert sum(one["bytes_acked"] for one in summary["limits"]) == summary["bytes_acked"]
    worst = summary["peers"][0]
    assert (worst["name"], worst["retransmits_per_second"]) == ("10.0.4.1", 100)
    assert worst["retrans_percent"] == 10
    assert [one["name"] for one in summary["nets"][1:3]] == ["10.0.9.0/24", "10.0.8.0/24"], (
        "fastest"
    )
    assert len(summary["peers"]) == MOST
    assert sum(one["connections"] for one in summary["processes"]) == 9


def test_its_text_says_the_same() -> None:
    """Each group of the JSON has a line; nothing of a process name reaches the terminal as is."""
    summary = summarized(host().flows(FIELDS))
    text = as_text(summary, "web-3", "")
    assert text.startswith("web-3\n9 connections, ")
    assert "100 retransmits/s in the last 10 s" in text
    for part in ("processes", "peers", "nets", "ports"):
        for one in summary[part]:
            assert one["name"] in text
    assert "\x1b" not in text
    assert "10.0 %" in text


def test_nothing_is_a_summary() -> None:
    """Without a connection there are zeros and no groups."""
    summary = summarized(Store(0).flows(FIELDS))
    assert summary["connections"] == 0
    assert summary["peers"] == summary["limits"] == []
    assert as_text(summary).startswith("0 connections, ")


def test_it_is_printed_at_the_end_of_a_run() -> None:
    """Trace --summary host prints one for all that match the filter, as text or JSON."""
    looks = [samples(START + at * SECOND, at + 1, snd_cwnd=10 * at) for at in range(3)]
    source = Recorded(NOTHING, NOTHING, NOTHING, also=joined(looks))
    for form, only, expected in (("text", None, 3), ("json", None, 3), ("json", "cwnd>=20", 1)):
        out, remarks = io.StringIO(), io.StringIO()
        query = None if only is None else parse(only)
        asked = Asked(summary=form, of_host=True, only=query, out=out, remarks=remarks)
        assert outcome_of(source, asked, None) == 0
        if form == "json":
            assert json.loads(out.getvalue())["connections"] == expected
        else:
            assert f"{expected} connections, " in out.getvalue()
        assert remarks.getvalue().startswith(f"{expected} connection")
