"""The details of a flow: what is known is said, what is not is not, the most important first."""

from __future__ import annotations

import numpy as np
from rich.cells import cell_len

from tcctui.flows.diagnosis.verdicts import EXPLAINED_BY, Limit
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.ui.details.details import lines as laid_out
from tcctui.ui.details.facts import NEEDS, Fact, facts, queue_facts
from tcctui.wire.batch import Batch
from tcctui.wire.events import DROPPED, EVENT, RECOVERY, CaState, EventKind, TcpState
from tcctui.wire.inside import Insides
from tcctui.wire.own_queue import OwnQueue, OwnWait
from tests.ui.fake_source import FakeSource, server
from tests.ui.sampled import KNOWN, sampled_server
from tests.ui.screen import Clock, Desk, dashboard, lines
from tests.unit.events import probes
from tests.unit.insides import algorithms, sockets
from tests.unit.samples import look, samples

ROOMY = (160, 62)


def said(desk: Desk) -> str:
    """All that the details say, with one blank between words."""
    return " ".join(" ".join(lines(desk.details)).split())


async def test_everything_that_is_known_is_said(clock: Clock) -> None:
    """Each value of a sample is there, in its unit, with two sentences above."""
    async with dashboard(sampled_server(), clock, ROOMY) as desk:
        await desk.see("down")
        text = said(desk)
        for part in (
            *("limited by", "nginx 4021", "nginx.service", "host", "cubic", "± 4.10 ms"),
            *("min 31.0 ms", "rto 264 ms", "18.0 Mb/s", "21.6 Mb/s", "4,143 of 1,600,000 segments"),
            *("0.3 %", "acked 2.", "retrans 5.72 Mi", "sent 2.1", "793 Ki", "1448", "pmtu 1500"),
            *("2^10 sent, 2^7 received", "3 segments", "on, seen", "12 marked", "1m31s ago"),
            *("peer's window 3.00 Mi", "send 2.50 Mi"),
        ):
            assert part in text, part
        assert "Limited by" in lines(desk.details)[1]


async def test_who_sends_was_not_idle_since_the_sample(clock: Clock) -> None:
    """The age of a sample is no time without sending where events came since; else it is."""
    source = server()
    source.sample(1, last_data_sent=4, data_segs_out=9)
    source.sample(11, last_data_sent=4, data_segs_out=9)
    source.run(1)
    async with dashboard(source, clock, ROOMY) as desk:
        assert "sent 0.0s ago" in said(desk)
        await desk.see("end")
        assert "sent 1.0s ago" in said(desk)


async def test_bbr_is_told_as_such(clock: Clock) -> None:
    """Of a flow of BBR there are bandwidth, least rtt, both gains, and the phase as inferred."""
    async with dashboard(sampled_server(), clock, ROOMY) as desk:
        text = said(desk)
        for part in ("probe_bw (inferred)", "gain 1.00 × 2.00", "bw 96.0 Mb/s", "min rtt 31.0 ms"):
            assert part in text
        await desk.see("down")
        assert "inferred" not in said(desk)


async def test_of_a_flow_that_was_never_sampled_nothing_is_made_up(clock: Clock) -> None:
    """Without a sample there are dashes and what tcp_probe told, and no zero of anything else."""
    async with dashboard(server(), clock, ROOMY) as desk:
        text = said(desk)
        assert "process –" in text
        assert "delivery –" in text
        assert "retrans –" in text
        for label in ("ecn", "buffers", "bbr", "last", "reorder", "pacing 0"):
            assert label not in text
        assert "peer's window 3.00 Mi" in text
        assert "tcp_probe" in text


async def test_a_closed_flow_is_said_to_be(clock: Clock) -> None:
    """Of a closed flow the details tell its last values, and its state."""
    async with dashboard(server(), clock, ROOMY) as desk:
        await desk.find("port:1024")
        assert said(desk).startswith("closed")
        assert "CLOSED" in said(desk)
        assert "mss" not in said(desk)


async def test_no_flow_no_details(clock: Clock) -> None:
    """Where no flow is selected, nothing is said."""
    async with dashboard(FakeSource(), clock, ROOMY) as desk:
        assert said(desk) == ""


async def test_d_shows_and_hides_them(clock: Clock) -> None:
    """With room they are there beside both charts until `d`; without, `d` trades the second one."""
    async with dashboard(sampled_server(4), clock, (120, 30)) as desk:
        srtt = desk.screen.query_one("#srtt-chart")
        for width, height, details, after in (
            (120, 30, True, False),
            (119, 30, False, True),
            (120, 29, True, False),
            (80, 24, False, True),
        ):
            await desk.resize(width, height)
            await desk.looked()
            assert desk.details.display == details, (width, height)
            await desk.see("d")
            assert desk.details.display == after
            assert srtt.display == ((width, height) == (120, 30) or not after)
            if after:
                assert "limited by" in said(desk)


async def test_every_line_is_as_wide_as_the_panel(clock: Clock) -> None:
    """Wide characters, invalid bytes and long names leave each line as wide as it was."""
    source = sampled_server(4)
    source.sample(2, **{**KNOWN, "comm": "日本語日本".encode(), "cgroup": b"x" * 39})
    source.sample(5, **{**KNOWN, "comm": b"\x1b]0;x\x07\xff", "netns_name": "ｗｉｄｅ".encode()})
    async with dashboard(source, clock, (120, 40)) as desk:
        for _ in range(6):
            for line in lines(desk.details):
                assert cell_len(line) == desk.details.size.width
                assert line.isprintable()
            await desk.see("down")


async def test_details_stand_still_while_paused(clock: Clock) -> None:
    """A paused view's details are those of that moment, of other flows too."""
    async with dashboard(sampled_server(), clock, ROOMY) as desk:
        await desk.see("down")
        second = said(desk)
        await desk.see("up")
        first = said(desk)
        await desk.travel("p")
        for cookie in (1, 2):
            fields = {"cc": b"vegas", "rtt": 777_000, "total_retrans": 9, "comm": b"other"}
            desk.source.sample(cookie, **{**KNOWN, **fields})
        await desk.run(3)
        assert said(desk) == first
        assert "vegas" not in desk.column("cc")
        await desk.see("down")
        assert said(desk) == second
        await desk.travel("p")
        assert said(desk) != second


def test_what_does_not_fit_goes_by_importance() -> None:
    """With fewer lines the least important facts go first, and the others keep their order."""
    known = [Fact(rank, f"label{rank}", (f"text{rank}", "more" * 3)) for rank in (3, 0, 2, 1)]
    for room in range(9):
        shown = [line[0][0].strip() for line in laid_out(known, 24, room)]
        assert len(shown) == room
        labels = [label for label in shown if label]
        assert labels == [f"label{rank}" for rank in (3, 0, 2, 1) if rank < room]


def test_a_listener_has_its_accept_queue() -> None:
    """Of a listener, the details say how many connections wait to be accepted, and the limit."""
    store = Store()
    look(store, samples(10**9, 1, state=TcpState.LISTEN, info_len=0, rqueue=3, wqueue=4096))
    said = {
        fact.label: fact.pieces for fact in facts(store.flows({*NEEDS, *EXPLAINED_BY, "limit"}))
    }
    look(store, samples(2 * 10**9, 1, state=TcpState.LISTEN, info_len=0, half_open=9))
    assert store.flows(["limit"])["limit"].tolist() == [Limit.UNKNOWN], "it sends nothing"
    assert said["to accept"] == ("3 in the queue", "limit 4,096")
    again = facts(store.flows({*NEEDS, *EXPLAINED_BY, "limit"}))
    assert ("0 in the queue", "limit 0", "9 half-open") in [fact.pieces for fact in again]


def test_facts_need_what_the_store_can_give() -> None:
    """Every column that the details ask for is one that the store gives, of any flow."""
    store = Store()
    look(store, samples(10**9, [1, 2], info_len=[240, 0]))
    flows = store.flows({*NEEDS, *EXPLAINED_BY, "limit"})
    for place in range(2):
        one = Flows(flows.now_ns, {name: flows[name][place : place + 1] for name in flows})
        assert facts(one)
    assert not any("nan" in piece.lower() for fact in facts(flows) for piece in fact.pieces)
    assert np.isnan(flows["min_rtt"]).all()


def inside(**members: int) -> dict[str, tuple[str, ...]]:
    """Facts of a flow whose socket was read at its last ACK."""
    store = Store()
    acked = probes(10**9, snd_una=1000, snd_nxt=4000, snd_cwnd=10, srtt=20_000)
    read = Insides(sockets(10**9, **members), algorithms([]))
    store.take(Batch(acked, [], 10**9, read))
    told = facts(store.flows({*NEEDS, *EXPLAINED_BY, "limit"}))
    return {fact.label: fact.pieces for fact in told}


def test_what_was_read_of_the_socket() -> None:
    """Segments in flight, a tail loss probe, the recovery and its undo are said while known."""
    flying = {"packets_out": 12, "sacked_out": 3, "lost_out": 2, "retrans_out": 1}
    told = inside(
        **flying, ca_state=CaState.RECOVERY, high_seq=3500, undo_marker=1, undo_retrans=4,
        prior_ssthresh=41, in_flight_min=6, in_flight_max=9, backoff=2, app_limited=1,
        rcv_nxt=3000, tlp_high_seq=1, icsk_rto=1_632_000, min_rtt_us=20_000,
    )  # fmt: skip
    assert told["in flight"][:2] == ("2.93 Ki", "8 segments")
    assert told["segments"] == ("6 to 9 in flight", "tail loss probe out", "2 presumed lost")
    recovery = ("2.44 Ki to go", "undo possible (4 retransmits)", "ssthresh was 41")
    assert told["recovery"] == recovery
    assert told["queueing"][1:] == ("rto 1632 ms (backoff 2)",)
    assert told["application"] == ("limits the rate", "2.93 Ki unread")
    assert "Recovery" in told["control"]
    quiet = inside()
    assert quiet.keys() & {"segments", "recovery", "application"} == set()


def test_packets_are_told_from_segments() -> None:
    """Retransmissions by cause count segments, as their total does; drops are of packets."""
    store = Store()
    acked = probes(10**9, snd_una=1000, snd_nxt=4000)
    again, dropped = probes(2 * 10**9), np.zeros(1, EVENT)
    again["kind"], again["newstate"] = EventKind.RETRANSMIT, TcpState.ESTABLISHED
    again.view(RECOVERY)["known"] = again.view(RECOVERY)["pending"] = 1
    again.view(RECOVERY)["ca_state"] = CaState.RECOVERY
    again.view(RECOVERY)["segments"] = 3
    for name in ("saddr", "daddr", "sport", "dport"):
        dropped[name] = acked[name]
    dropped["kind"], dropped["ts_ns"] = EventKind.DROP, 2 * 10**9
    dropped.view(DROPPED)["reason_name"] = b"NETFILTER_DROP"
    for events in (acked, again, dropped):
        store.ingest(events, 2 * 10**9)
    told = {
        fact.label: fact.pieces for fact in facts(store.flows({*NEEDS, *EXPLAINED_BY, "limit"}))
    }
    assert told["by cause"] == ("3 fast",)
    assert told["dropped"] == ("1 packet here", "last NETFILTER_DROP")


async def test_this_machine_s_own_queue_is_told(clock: Clock) -> None:
    """Beside what is in flight stands what waits here; not for a moment of the past."""
    async with dashboard(sampled_server(), clock, ROOMY) as desk:
        desk.source.queue = OwnQueue("eth0", "fq_codel", 35_000, 24, 12, 0, 80_000.0)
        await desk.see("down")
        told = said(desk)
        assert "own queue 34.2 Ki waiting, 80.0 ms to go" in told
        assert "own wait" not in told
        own = OwnWait(100, 3_000.0, 7_000.0, 1500.0)
        desk.source.queue = desk.source.queue._replace(own=own)
        await desk.see("up")
        assert "own wait 3.00 ms, 7.00 ms at most · 1.46 Ki of it" in said(desk)
        pieces = [fact.pieces for fact in queue_facts(desk.source.queue)]
        assert pieces == [
            ("34.2 Ki waiting, 80.0 ms to go", "fq_codel on eth0", "12 dropped"),
            ("3.00 ms, 7.00 ms at most", "1.46 Ki of it"),
        ]
        # A container's root names its devices.
        named = next(queue_facts(desk.source.queue._replace(device="eth\x1b[2J")))
        assert "\x1b" not in "".join(named.pieces)
        await desk.travel("space", "left")
        assert "own queue" not in said(desk)


async def test_the_own_queue_is_given_up_where_it_is_not_shown(clock: Clock) -> None:
    """Hidden details, a moment of the past, a closed flow and a small terminal ask for none.

    They say so: what is open in the connection's network namespace can be closed.
    """
    async with dashboard(sampled_server(), clock, ROOMY) as desk:
        await desk.see("down")
        assert desk.source.queue_of is not None
        await desk.see("d")
        assert desk.source.queue_of is None
        await desk.see("d")
        assert desk.source.queue_of is not None
        await desk.resize(80, 8)
        await desk.see()
        assert desk.source.queue_of is None
        await desk.resize(*ROOMY)
        await desk.see()
        assert desk.source.queue_of is not None
        await desk.travel("space", "left")
        assert desk.source.queue_of is None
