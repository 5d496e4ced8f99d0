"""Recordings of real traffic, against what bpftrace prints of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tcctui.recording.file import Recording
from tcctui.wire.events import Events
from tests.kernel import bpftrace
from tests.kernel.alignment import Alignment, align
from tests.kernel.command import TCCTUI, Command
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.recorder import probes_of
from tests.kernel.recordings import events_of, samples_of
from tests.kernel.traffic import KINDS, PORT, Connection, chatter, connections, exchange, settle

pytestmark = pytest.mark.kernel

SECOND = 1_000_000_000


@contextmanager
def both(path: Path) -> Iterator[tuple[Network, Command, Command]]:
    """Let `tcctui record` and bpftrace watch a lossy network; gives it and them, both at work."""
    with (
        Network(rate="50mbit", queue="60kb", loss=0.02) as network,
        Command(TCCTUI, "record", "--port", str(PORT), str(path)) as ours,
        bpftrace.bpftrace(PORT) as theirs,
    ):
        until("tcctui record is at work", lambda: "Recording " in ours.stderr)
        with connections(network, "ipv4") as first:
            bpftrace.tracing(theirs, first[0])
        yield network, ours, theirs


def recorded(path: Path, cookies: Iterable[int]) -> tuple[Recording, Events]:
    """Open a recording, and give the tcp_probe events of some sockets that are in it."""
    return Recording(path), probes_of(events_of(path), cookies)


def compared(ours: Events, theirs: Events) -> Alignment:
    """Lay both side by side: bpftrace prints neither the count of ACKs nor the extremes."""
    pairs = align(ours, theirs)
    # With a wrong value, theirs would be missing in ours as well.
    unknown = len(pairs.wrong)
    assert unknown <= bpftrace.may_lack(len(ours)), f"{unknown} are wrong: {pairs.wrong[:3]}"
    return pairs


def sampled(path: Path) -> set[int]:
    """Cookies of the sockets of which a recording has samples, so far."""
    return set(samples_of(path)["sock_cookie"].tolist())


def cookies_of(made: Iterable[Connection]) -> list[int]:
    """List the sockets of connections."""
    return [cookie for connection in made for cookie in connection.cookies]


def test_every_event_is_in_the_file(tmp_path: Path) -> None:
    """Each event that bpftrace prints is recorded, equal in all fields and in its flow's order."""
    path = tmp_path / "it"
    with both(path) as (network, command, other):
        with connections(network, *KINDS) as made:
            cookies = cookies_of(made)
            exchange(made, up=400_000, down=100_000)
            until("all are sampled", lambda: set(cookies) <= sampled(path))
        settle(network)
        assert command.end(signal.SIGINT) == 0, command.stderr
        found, ours = recorded(path, cookies)
        theirs = bpftrace.printed(other, cookies, at_least=len(ours))
    pairs = compared(ours, theirs)
    assert not pairs.missing
    assert len(ours) >= len(theirs) > 500
    assert found.remark == ""
    assert found.totals().lost == 0


def test_killed_in_the_middle(tmp_path: Path) -> None:
    """After kill -9, all is readable but the last second: whatever bpftrace saw until then."""
    path = tmp_path / "it"
    with both(path) as (network, command, other):
        with connections(network, "ipv4", "ipv6") as made, chatter(*made):
            cookies = cookies_of(made)
            newest = [0]

            def up_to_date() -> bool:
                now_ns = time.monotonic_ns()
                events = probes_of(events_of(path), cookies)
                newest.append(max(events["ts_ns"].tolist(), default=0))
                return len(events) > 600 and now_ns - newest[-1] < SECOND

            until("much is recorded, all but the last second", up_to_date)
            os.kill(command.process.pid, signal.SIGKILL)
            command.process.wait()
        settle(network)
        found, ours = recorded(path, cookies)
        theirs = bpftrace.printed(other, cookies, at_least=len(ours))
    assert "no end mark" in found.remark or "cut off" in found.remark
    assert len(ours) > 500
    gone = np.isin(np.arange(len(theirs)), compared(ours, theirs).missing)
    for cookie in cookies:
        lacking = gone[theirs["sock_cookie"] == cookie].tolist()
        assert lacking == sorted(lacking), "something is missing before what is there"
    missing = theirs[gone]["ts_ns"]
    # What happened just before a chunk was closed may have come after.
    late = missing.astype("i8") - newest[-1]
    assert (late > -SECOND // 2).all(), np.sort(late)[:5]
