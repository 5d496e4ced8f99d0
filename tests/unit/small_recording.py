"""A recording made by hand, and what it is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tcctui.recording.chunks import Chunk, by_flow
from tcctui.recording.timeline import Origin
from tcctui.wire.events import CaState, EventKind, Events, TcpState
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import Samples
from tests.unit.events import MS, SECOND, Endpoint, destroy, probes, state, together
from tests.unit.recordings import written
from tests.unit.samples import destroyed, samples
from tests.unit.stores import OTHER_SOCKET, SOCKET

SERVER: Endpoint = ("10.0.0.1", 443)
NEAR: Endpoint = ("192.0.2.7", 50000)
NEXT: Endpoint = ("192.0.2.99", 50001)
FAR: Endpoint = ("2001:db8::7", 50002)
SERVER6: Endpoint = ("2001:db8::1", 8443)

BEGIN = 500 * SECOND
WALL = 1_767_225_600 * SECOND - BEGIN
"""Added to a moment gives 2026-01-01 00:00 for the beginning."""
SECONDS = 10


def lifecycle(  # noqa: PLR0917
    kind: EventKind, ts_ns: int, skaddr: int, local: Endpoint, remote: Endpoint, newstate: int = 1
) -> Events:
    """Make an event that carries no cookie."""
    made = state(ts_ns, skaddr, TcpState(1), local=local, remote=remote)
    made["kind"], made["newstate"] = kind, newstate
    return made


def all_events() -> Events:
    """Three flows: cubic and losing, bbr, and one that ends; in the order of time."""
    steps = BEGIN + np.arange(SECONDS * 20) * 50 * MS
    beat = np.arange(len(steps))
    parts = [
        probes(
            steps,
            11,
            local=SERVER,
            remote=NEAR,
            skaddr=SOCKET,
            snd_cwnd=10 + beat % 30,
            ssthresh=20,
            srtt=20_000 + 1000 * (beat % 7),
            snd_nxt=5000 * beat + 9000,
            snd_una=5000 * beat,
        ),
        probes(
            steps + 1,
            22,
            local=SERVER,
            remote=NEXT,
            skaddr=OTHER_SOCKET,
            snd_cwnd=80,
            ssthresh=0x7FFFFFFF,
            srtt=90_000 + beat,
            snd_nxt=2000 * beat + 1,
            snd_una=2000 * beat,
        ),
        probes(steps[:40] + 2, 33, local=SERVER6, remote=FAR, skaddr=77, snd_cwnd=5, srtt=1234),
        state(BEGIN - 5, SOCKET, TcpState.ESTABLISHED, local=SERVER, remote=NEAR),
        destroy(int(steps[40]), 33, 77, local=SERVER6, remote=FAR),
    ]
    for second in (2, 5):
        at = BEGIN + second * SECOND + 3
        for step, entered in ((0, CaState.RECOVERY), (700, CaState.OPEN)):
            when = at + step * MS
            parts.append(lifecycle(EventKind.CA_STATE, when, SOCKET, SERVER, NEAR, int(entered)))
        parts += [
            lifecycle(EventKind.RETRANSMIT, at + step * MS, SOCKET, SERVER, NEAR)
            for step in (1, 2, 3)
        ]
    parts.append(lifecycle(EventKind.RETRANSMIT, BEGIN + SECOND, OTHER_SOCKET, SERVER, NEXT))
    events = together(*parts)
    return pick(events, np.argsort(events["ts_ns"], kind="stable"))


def all_samples() -> Samples:
    """Look at the flows once a second; the second one waits for the other end's window."""
    found = []
    for second in range(SECONDS):
        at = BEGIN + second * SECOND + 20 * MS
        clocks = {"busy_time": 1_000_000 * second, "data_segs_out": 1000 * (second + 1)}
        found += [
            samples(
                at, 11, local=SERVER, remote=NEAR, cc=b"cubic", comm=b"nginx",
                total_retrans=3 * (second >= 2) + 3 * (second >= 5), bytes_acked=100_000 * second,
                min_rtt=18_000, pacing_rate=1 << 30, wqueue=50_000, **clocks,
            ),
            samples(
                at, 22, local=SERVER, remote=NEXT, cc=b"bbr", comm=b'a "b", c', total_retrans=1,
                rwnd_limited=1_000_000 * second, bytes_acked=40_000 * second, wqueue=50_000,
                bbr_bw=125_000, **clocks,
            ),
        ]  # fmt: skip
    found.append(destroyed(BEGIN + 2 * SECOND + 1, 33, local=SERVER6, remote=FAR, cc=b"cubic"))
    return joined(found)


def chunks() -> list[Chunk]:
    """Cut all of it into chunks of a second."""
    events, told = all_events(), all_samples()
    cut = []
    for second in range(SECONDS + 1):
        begin = BEGIN + second * SECOND
        parts = [
            by_flow(pick(part, (part["ts_ns"] // SECOND) == begin // SECOND))
            for part in (events, told)
        ]
        if second == 0:
            parts[0] = by_flow(pick(events, events["ts_ns"] < begin + SECOND))
        cut.append(Chunk(begin, begin + SECOND, parts[0], parts[1]))
    return cut


def made(path: Path) -> Path:
    """Write the recording, and give its path."""
    return written(path, *chunks(), origin=Origin("host", wall_offset_ns=WALL, version="0"))
