"""A web server that sock_diag looks at too: what samples tell of made-up connections."""

from __future__ import annotations

from typing import Any

from tcctui.wire.events import CaState, EventKind, TcpState
from tests.ui.fake_source import FakeSource, Flow, server

STEP = 0.25
"""Seconds between two looks."""

KNOWN: dict[str, Any] = {
    "comm": b"nginx",
    "pid": 4021,
    "cgroup": b"nginx.service",
    "netns": 4026531840,
    "netns_name": b"host",
    "cc": b"cubic",
    "min_rtt": 31_000,
    "rttvar": 4_100,
    "rto": 264_000,
    "pmtu": 1500,
    "advmss": 1448,
    "wscale": 0x7A,
    "options": 1 | 2 | 4 | 8 | 16,
    "delivery_rate": 2_250_000,
    "pacing_rate": 2_700_000,
    "bytes_acked": 2_300_000_000,
    "bytes_sent": 2_310_000_000,
    "bytes_retrans": 6_000_000,
    "bytes_received": 812_345,
    "data_segs_out": 1_600_000,
    "total_retrans": 4_143,
    "reordering": 3,
    "delivered_ce": 12,
    "last_data_sent": 4,
    "last_data_recv": 91_000,
    "data_segs_in": 900,
    "snd_wnd": 3 << 20,
    "wqueue": 120_000,
    "notsent_bytes": 70_000,
    "sndbuf": 2_626_560,
    "rcvbuf": 131_072,
}
"""What is told of every connection."""


def sampled_server(steps: int = 40) -> FakeSource:
    """Give the flows of `server`, some of them sampled for `steps` quarters of a second.

    Flow 1 is BBR's, 2 loses segments, 3 has nothing to send, 5 waits for the other end's window, 6
    for its send buffer; names of 1, 5 and 6 are not easy to show. 4, 8, 9 and 11 are never sampled.
    """
    source = server()
    before = {cookie: flow.una for cookie, flow in source.flows.items()}
    for step in range(steps):
        clock = round(step * STEP * 1e6)
        own: dict[int, dict[str, Any]] = {
            1: bbr(step),
            2: {"ca_state": CaState.RECOVERY if 12 < step < 20 else CaState.OPEN},
            3: {"cc": b"reno", "busy_time": 0, "rate_flags": 1, "notsent_bytes": 0, "wqueue": 0},
            5: {"rwnd_limited": clock, "comm": b"\x1b[31mevil[b]"},
            6: {"sndbuf_limited": clock, "netns_name": b"blue", "comm": b"\xff\xfe\xe6\x97"},
            10: {"state": TcpState.CLOSE_WAIT, "comm": b"rsync", "total_retrans": 0},
        }
        for cookie, fields in own.items():
            acked = KNOWN["bytes_acked"] + source.flows[cookie].una - before[cookie]
            told = {"busy_time": clock, "bytes_acked": acked, **fields}
            source.sample(cookie, **{**KNOWN, **told})
        for at, kind, state in (
            (13, EventKind.CA_STATE, CaState.RECOVERY),
            (14, EventKind.RETRANSMIT, TcpState.ESTABLISHED),
            (20, EventKind.CA_STATE, CaState.OPEN),
            (28, EventKind.CA_STATE, CaState.LOSS),
            (32, EventKind.CA_STATE, CaState.OPEN),
            (36, EventKind.RECEIVE_RESET, 0),
        ):
            if step == at:
                source.tell(2, kind, state)
        source.run(STEP)
    return source


def bbr(step: int) -> dict[str, Any]:
    """What a flow of BBR tells, that goes through the gains of probe_bw."""
    gain = {0: 320, 1: 192}.get(step % 8, 256)
    return {
        "cc": b"bbr",
        "bbr_bw": 12_000_000,
        "bbr_min_rtt": 31_000,
        "bbr_pacing_gain": gain,
        "bbr_cwnd_gain": 512,
        "delivery_rate": 11_500_000 + step % 7 * 200_000,
        "pacing_rate": 12_000_000 * gain // 256,
        "comm": "wörk日本".encode(),
        "cgroup": b"docker 3f2a9c1b7d4e",
    }


def without_events(count: int = 20, steps: int = 12) -> FakeSource:
    """Connections of which sock_diag alone tells."""
    source = FakeSource(
        Flow(cookie, "10.0.3.7:443", f"203.0.113.{cookie}:{50_000 + cookie}", rate=0)
        for cookie in range(1, count + 1)
    )
    source.description = "sock_diag"
    for step in range(steps):
        for cookie in source.flows:
            acked = (count + 1 - cookie) * step * 100_000
            fields = {"bytes_acked": acked, "busy_time": step * 250_000, "snd_cwnd": 10 + step}
            source.sample(cookie, **{**KNOWN, **fields})
        source.run(STEP)
    return source
