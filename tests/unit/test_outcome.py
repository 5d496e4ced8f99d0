"""`tcctui trace --until`, `--summary` and `--alert`: the answer, the exit code, and the numbers."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tcctui import last_look
from tcctui.alerts.alert import Alerts
from tcctui.errors import TcctuiError
from tcctui.flows.index import Keys
from tcctui.headless.alerting import Telling, alert, alert_of
from tcctui.headless.outcome import Asked, outcome, outcome_of
from tcctui.query import ALL, parse
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin, Span
from tcctui.wire.events import Events, TcpState
from tcctui.wire.samples import Samples
from tests.unit.delivered import START, Delivered
from tests.unit.events import MS, NOTHING, SECOND, destroy, probes, state
from tests.unit.samples import NO_SAMPLES, destroyed, samples


def run(
    source: Delivered | Recorded,
    *,
    until: str | None = None,
    summary: str | None = None,
    duration: float | None = None,
) -> tuple[int, str, str]:
    """Give exit code, output and remarks."""
    out, remarks = io.StringIO(), io.StringIO()
    query = None if until is None else parse(until)
    asked = Asked(until=query, summary=summary, out=out, remarks=remarks)
    if isinstance(source, Recorded):
        status = outcome_of(source, asked, duration)
    else:
        status = outcome(source, asked, duration)
    return status, out.getvalue(), remarks.getvalue()


class Recorded:
    """A recording of one chunk for each batch of events, a second apart."""

    origin = Origin("web-3")

    def __init__(self, *batches: Events, also: Samples = NO_SAMPLES) -> None:
        self._chunks = [
            Chunk(START + at * SECOND, START + (at + 1) * SECOND, events, also, at, 2 * at)
            for at, events in enumerate(batches)
        ]

    @property
    def span(self) -> Span:
        return Span(self._chunks[0].begin_ns, self._chunks[-1].end_ns)

    def keyframe(self, at_ns: int) -> None:
        return None

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        for chunk in self._chunks:
            if chunk.end_ns > after_ns and chunk.begin_ns <= until_ns:
                yield chunk


@pytest.fixture(autouse=True)
def _no_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the wait for last samples, which no stand-in delivers."""
    monkeypatch.setattr(last_look, "FINAL", 0)


def endless() -> Callable[[], object]:
    """Make something that fails a test that should have ended."""
    looks = []

    def look() -> None:
        looks.append(1)
        assert len(looks) < 100, "it has not ended"

    return look


def test_it_happens() -> None:
    """As soon as a connection matches, it is named with what was asked for, and the code is 0.

    Ten are named, and how many there are beside; states are told by name, texts as texts.
    """
    source = Delivered([probes(START, 7)], [samples(START, 7, total_retrans=11)], then=endless())
    status, out, remarks = run(source, until="retrans>10 port:443")
    assert status == 0
    assert out == "10.0.0.1:443 > 192.0.2.7:50000 | retrans 11\n"
    assert "Match after 0.1 s: retrans>10 port:443; 3 lost, 4 skipped by the kernel" in remarks
    source = Delivered([], [samples(START, 7, cc=b"cubic", ca_state=4)], then=endless())
    _, out, _ = run(source, until="ca:loss cc:cubic state:estab")
    assert out.rstrip().endswith("| ca_state loss cc cubic state ESTAB")
    source = Delivered([probes([START] * 25, range(1, 26), snd_cwnd=4)], then=endless())
    status, out, _ = run(source, until="cwnd<5")
    assert (status, out.count(" | cwnd 4\n")) == (0, 10)
    assert out.endswith("and 15 more\n")


def test_it_does_not_happen() -> None:
    """Where nothing matches within the duration, the code is 3, and stdout is empty.

    `timeout 60 tcctui trace --until …` gives 3 as well.
    """
    source = Delivered([probes(START, 7)], [samples(START, 7, total_retrans=10)], then=endless())
    status, out, remarks = run(source, until="retrans>10", duration=1.0)
    assert (status, out) == (3, "")
    assert "No match within 1.1 s: retrans>10" in remarks
    assert source.watched == [7], "retransmits are told by samples"

    def end() -> None:
        if source.reads == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    source = Delivered(then=end)
    assert run(source, until="retrans>10")[0] == 3


BUSY = probes(
    [START, START + MS, START + 2 * MS],
    7,
    srtt=[10_000, 20_000, 60_000],
    snd_cwnd=[10, 12, 5],
    snd_una=[0, 1000, 5000],
    snd_nxt=[1000, 5000, 6000],
)
TOLD = samples(START + 3 * MS, 7, rtt=55_000, snd_cwnd=14, total_retrans=2, cc=b"cubic", pid=99)
IDLE = samples(START, 8, rtt=0, remote=("2001:db8::7", 80), local=("2001:db8::1", 5000))


def flows(out: str) -> list[dict[str, Any]]:
    """Read a summary's connections."""
    told: list[dict[str, Any]] = json.loads(out)["flows"]
    return told


def test_summary_as_json() -> None:
    """Each connection's extremes are of all events and samples, its counts the newest."""
    source = Delivered([BUSY], [TOLD, IDLE])
    status, out, remarks = run(source, summary="json", duration=2.0)
    assert status == 0
    busy, idle = flows(out)
    assert busy == {
        **{"saddr": "10.0.0.1", "sport": 443, "daddr": "192.0.2.7", "dport": 50000},
        **{"sock_cookie": 7, "pid": 99, "comm": None, "cc": "cubic", "state": "ESTAB"},
        **{"duration_s": pytest.approx(2.1, abs=0.2), "acks": 3, "bytes_acked_seen": 5000},
        **{"bytes_acked": 5000, "retransmits": 0, "retransmits_total": 2},
        **{"srtt_min_us": 10_000, "srtt_mean_us": 30_000},
        **{"srtt_max_us": 60_000, "snd_cwnd_min": 5, "snd_cwnd_max": 14},
    }
    assert (idle["saddr"], idle["srtt_min_us"], idle["srtt_mean_us"]) == ("2001:db8::1", None, None)
    head = json.loads(out)
    assert (head["acks"], head["lost"], head["skipped"], head["left_out"]) == (3, 3, 4, 0)
    assert "2 connections in 2.1 s, 3 lost" in remarks


def test_what_was_before_is_not_counted() -> None:
    """Of a connection that was there already, it counts what came since the first look.

    That is the first event, though the first sample came later.
    """
    early = probes([START, START + MS], 7, snd_una=[1000, 4000], snd_nxt=[2000, 5000])
    also = probes([START + 3 * MS], 7, snd_una=[6000], snd_nxt=[7000])
    first = samples(START + 2 * MS, 7, bytes_acked=1_000_000, total_retrans=40)
    last = samples(START + SECOND, 7, bytes_acked=1_050_000, total_retrans=43)
    source = Delivered([early, also], [first, last])
    (flow,) = flows(run(source, summary="json", duration=2.0)[1])
    assert (flow["bytes_acked_seen"], flow["bytes_acked"]) == (53_000, 1_050_000)
    assert (flow["retransmits"], flow["retransmits_total"]) == (3, 43)
    _, out, _ = run(Delivered([early, also], [first, last]), summary="text", duration=2.0)
    assert out.splitlines()[1].split()[5:8] == ["3", "53000", "3"]


def test_counts_of_a_flow() -> None:
    """An event that stands for several ACKs has their extremes.

    A socket that is connected anew has less than before: all of that is new.
    """
    events = probes(START, 7, srtt=20, srtt_min=10, srtt_max=90, snd_cwnd_min=2, snd_cwnd_max=30)
    (flow,) = flows(run(Delivered([events]), summary="json", duration=1.0)[1])
    assert (flow["srtt_min_us"], flow["srtt_max_us"]) == (10, 90)
    assert (flow["snd_cwnd_min"], flow["snd_cwnd_max"]) == (2, 30)
    told = [
        samples(START, 7, bytes_acked=9000, total_retrans=5),
        samples(START + SECOND, 7, bytes_acked=100, total_retrans=1),
    ]
    (flow,) = flows(run(Delivered([], told), summary="json", duration=2.0)[1])
    assert flow["retransmits"] == 1
    assert flows(run(Delivered(), summary="json", duration=0.5)[1]) == []
    assert run(Delivered(), summary="text", duration=0.5)[1].startswith("LOCAL")


def test_what_was_opened_meanwhile_is_counted_whole() -> None:
    """Of a connection that was opened since, all counts; also where there are samples alone."""
    opened = state(START + 100 * MS, 9, TcpState.ESTABLISHED)
    seen = [probes(START + 200 * MS, 7, skaddr=9, snd_una=500, snd_nxt=600)]
    told = samples(START + 300 * MS, 7, bytes_acked=4000, total_retrans=1)
    (flow,) = flows(run(Delivered([opened, *seen], [told]), summary="json", duration=1.0)[1])
    assert (flow["bytes_acked_seen"], flow["retransmits"]) == (4000, 1)
    later = samples(START + 2 * SECOND, 8, bytes_acked=4000, total_retrans=1)
    here = [NO_SAMPLES] * 3
    (flow,) = flows(run(Delivered([], [*here, later]), summary="json", duration=3.0)[1])
    assert (flow["bytes_acked_seen"], flow["retransmits"]) == (4000, 1)


def test_summary_as_text() -> None:
    """The table has a line per connection, milliseconds, and a dash for what is not known."""
    _, out, _ = run(Delivered([BUSY], [TOLD, IDLE]), summary="text", duration=1.0)
    head, busy, idle = out.splitlines()
    assert head.split()[:4] == ["LOCAL", "REMOTE", "CC", "STATE"]
    assert busy.split()[5:] == ["3", "5000", "0", "10.000", "30.000", "60.000", "5", "14"]
    assert idle.split()[:2] == ["[2001:db8::1]:5000", "[2001:db8::7]:80"]
    assert "–" in idle


def test_connections_that_are_long_gone() -> None:
    """One that closed while others went on is told of as it was last."""
    events = [BUSY, *[probes(START + at * 100 * MS, 9) for at in range(1, 200)]]
    ended = destroyed(START + SECOND, 7, total_retrans=5, rtt=1000, bytes_acked=9000)
    source = Delivered(events, [TOLD, ended])
    _, out, _ = run(source, summary="json", duration=19.0)
    gone = next(flow for flow in flows(out) if flow["sock_cookie"] == 7)
    assert (gone["retransmits_total"], gone["bytes_acked"]) == (5, 9000)
    assert gone["state"] == "CLOSED"
    assert gone["duration_s"] == pytest.approx(1.0, abs=0.01)
    assert gone["srtt_min_us"] == 1000


def test_more_connections_than_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: what is beyond is counted."""
    monkeypatch.setattr("tcctui.headless.summary.MOST", 10)
    events = probes([START] * 15, range(1, 16), srtt=5)
    _, out, _ = run(Delivered([events, events]), summary="json", duration=1.0)
    assert len(flows(out)) == 10
    assert json.loads(out)["left_out"] == 5
    _, out, _ = run(Delivered([events]), summary="text", duration=1.0)
    assert out.endswith("5 connections more are left out.\n")


def test_both_at_once() -> None:
    """With a summary, what happened is among the remarks: JSON stays JSON."""
    source = Delivered([BUSY], [TOLD], then=endless())
    status, out, remarks = run(source, until="retrans>1", summary="json")
    assert status == 0
    assert flows(out)[0]["retransmits_total"] == 2
    assert "10.0.0.1:443 > 192.0.2.7:50000 | retrans 2\n" in remarks


def test_less_than_there_could_be() -> None:
    """Without root, it says why there are samples alone, and goes by these."""
    source = Delivered([], [TOLD])
    source.shortfall = TcctuiError("It needs root.", "Run: sudo tcctui")
    status, _, remarks = run(source, until="retrans>1", duration=1.0)
    assert status == 0
    assert "It needs root. Run: sudo tcctui" in remarks


def test_of_a_recording() -> None:
    """A recording is summed up, or looked through, as what came live, with its losses."""
    later = probes(START + 1500 * MS, 7, srtt=5_000, snd_cwnd=30, snd_una=9000)
    source = Recorded(BUSY, later, also=TOLD)
    status, out, remarks = run(source, summary="json")
    assert status == 0
    (flow,) = flows(out)
    assert (flow["acks"], flow["retransmits_total"], flow["srtt_min_us"]) == (4, 2, 5_000)
    head = json.loads(out)
    assert (head["lost"], head["skipped"], head["duration_s"]) == (1, 2, 2.0)
    assert "1 connection in 2.0 s, 1 lost" in remarks
    _, out, _ = run(source, summary="json", duration=1.0)
    assert flows(out)[0]["srtt_min_us"] == 10_000
    short = probes(START + 1010 * MS, 7, snd_cwnd=2)
    source = Recorded(BUSY, short, probes(START + 2010 * MS, 7, snd_cwnd=20))
    status, out, remarks = run(source, until="cwnd<3")  # at whatever moment it did
    assert (status, out) == (0, "10.0.0.1:443 > 192.0.2.7:50000 | cwnd 2\n")
    assert "Match after 1.2 s" in remarks
    assert run(source, until="cwnd>100")[0] == 3


def test_the_last_samples_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end all sockets are sampled once more; events from then on don't count.

    What these samples tell has happened, too: retransmits are known by samples.
    """
    monkeypatch.setattr(last_look, "FINAL", 20)
    late = [NO_SAMPLES] * 10 + [samples(START + 5 * SECOND, 7, total_retrans=9, rtt=1)]
    events = [BUSY, *[NOTHING] * 6, *[probes(START + 3 * SECOND, 7, srtt=90_000)] * 3]
    source = Delivered(events, [TOLD, *late])
    (flow,) = flows(run(source, summary="json", duration=0.5)[1])
    assert (flow["retransmits"], flow["retransmits_total"]) == (7, 9)
    assert (flow["srtt_min_us"], flow["srtt_max_us"], flow["acks"]) == (1, 60_000, 3)
    assert source.all_asked_ns > START + SECOND // 2
    status, _, remarks = run(Delivered(events[:-3], [TOLD, *late]), until="retrans>8", duration=0.5)
    assert (status, "Match after" in remarks) == (0, True)


def test_the_last_sample_of_what_was_destroyed_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A socket that was just destroyed is told of by the kernel a little later."""
    monkeypatch.setattr(last_look, "FINAL", 20)
    ended = destroy(START + 400 * MS, 7, 0)
    told = destroyed(START + 400 * MS, 7, total_retrans=9)
    source = Delivered([BUSY, ended], [TOLD, *[NO_SAMPLES] * 12, told])
    source.all_at_once = True
    _, out, _ = run(source, summary="json", duration=0.5)
    assert flows(out)[0]["retransmits_total"] == 9


# --alert


def telling(form: str, *texts: str, only: str = "") -> tuple[Telling, io.StringIO, io.StringIO]:
    """Look for these; gives output and remarks, too."""
    out, remarks = io.StringIO(), io.StringIO()
    only_these = parse(only) if only else ALL
    alerts = Alerts([parse(text) for text in texts], only_these, calm_ns=0)
    return Telling(alerts, form, None, out=out, remarks=remarks), out, remarks


def test_alerts_live() -> None:
    """It prints a line when a connection begins to match, and not again while it does."""
    batches = [
        probes([START + at * 100 * MS], 1, srtt=srtt * 1000)
        for at, srtt in enumerate([20, *[300] * 9, *[20] * 9, *[300] * 9])
    ]
    asked, out, remarks = telling("text", "srtt>200ms")
    assert alert(Delivered(batches), asked, 4) == 0
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith(" 10.0.0.1:443 > 192.0.2.7:50000 | srtt 300ms | srtt>200ms")
    assert "2 alerts in" in remarks.getvalue()


def test_alerts_have_the_time_of_day_of_their_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the machine has slept for an hour since the begin, an alert is not an hour early."""
    source = Delivered([probes([START + at * 100 * MS], 1, srtt=20_000) for at in range(9)])
    slept = [0]
    monkeypatch.setattr(time, "time_ns", lambda: 10**18 + source.now + slept[0])

    def wake() -> None:
        slept[0] = 3600 * SECOND
        source.events = [probes([source.now], 1, srtt=300_000)]

    source.then = wake
    asked, out, _ = telling("jsonl", "srtt>200ms")
    assert alert(source, asked, 3) == 0
    (raised, *_) = [json.loads(line) for line in out.getvalue().splitlines()]
    when = datetime.fromisoformat(raised["time"].replace("Z", "+00:00"))
    assert 3600 < when.timestamp() - 10**9 - START / SECOND < 3610


@pytest.mark.parametrize(("only", "count"), [("", 1), ("port:443", 1), ("port:80", 0)])
def test_alerts_of_a_recording(only: str, count: int) -> None:
    """A recording's alerts have its own times; what the filter leaves out does not count."""
    when = [START + at * SECOND + MS for at in range(4)]
    batches = [
        probes([at], 1, srtt=srtt * 1000) for at, srtt in zip(when, (20, 300, 300, 20), strict=True)
    ]
    asked, out, _ = telling("jsonl", "srtt>200ms", only=only)
    assert alert_of(Recorded(*batches), asked, None) == 0
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in told] == ["raised", "cleared"] * count
    for line in told[:1]:
        assert line["time"].startswith("1970-01-01T00:00:5")
        assert line["values"] == {"srtt_us": 300_000}
