"""Retransmits, congestion states and resets, recorded as events and as text side by side."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator

import numpy as np

from tcctui.sources.kernel import tracepoint_formats
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.wire.events import EVENT, EventKind, Events
from tests.kernel.bpf_objects import held_by, misses
from tests.kernel.deadlines import until
from tests.kernel.happenings import KINDS, End, HappeningText, differences, of_kinds, of_ports, rows
from tests.kernel.recorder import Recorder, drain
from tests.kernel.traffic import KINDS as CONNECTIONS
from tests.kernel.traffic import PORT, Connection

CLOSED = PORT + 1
"""A port where nobody listens."""

LOSSY = tuple(kind for kind in CONNECTIONS if kind != "loopback")
"""The kinds of connections that lose segments: not those within one namespace."""


@contextlib.contextmanager
def watched(source: BpfSource) -> Iterator[tuple[Recorder, HappeningText]]:
    """Record what happens, both as events and as text."""
    drain(source)
    with Recorder(source) as recorder, HappeningText() as text:
        yield recorder, text


def compare(recorder: Recorder, text: HappeningText) -> Events:
    """Check that what was recorded is what was printed, event for event, and give it.

    What is missing can only be what BPF was not run for (as in test_events).
    """
    # Sockets of tests before may still send: what comes while only one of the two records counts
    # for neither.
    until_ns, before = time.monotonic_ns(), recorder.rounds
    text.stop()
    printed, ours = (
        events[(events["ts_ns"] >= text.since_ns) & (events["ts_ns"] <= until_ns)]
        for events in (text.happenings(PORT, CLOSED), _read_since(recorder, before))
    )
    assert len(printed)
    more, less = differences(ours, printed)
    assert not more, f"{len(more)} events nobody printed: {more[:5]}"
    init = {int(task) for task in os.listdir("/proc/1/task")}
    unseen = misses(held_by(os.getpid()).programs) + sum(pid in init for pid in text.pids())
    assert len(less) <= unseen, f"{len(less)} of {len(printed)} events are missing: {less[:5]}"
    return ours


def _read_since(recorder: Recorder, before: int) -> Events:
    """Give what is told once all that was in the ring after so many rounds is read."""
    # The round that was under way may have begun before.
    until("all is read", lambda: recorder.rounds > before + 1)
    return told(recorder)


def told(recorder: Recorder) -> Events:
    """Give what a source delivered besides ACKs and states, of the tests' own ports."""
    return of_ports(of_kinds(recorder.events, *KINDS), PORT, CLOSED)


def abort(end: socket.socket) -> None:
    """Close with a reset."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def cut_off(connection: Connection) -> None:
    """Close the client's end with a reset, and the server's once that has come."""
    abort(connection.client)
    with contextlib.suppress(ConnectionResetError):
        assert connection.server.recv(1), "it was closed, but not reset"
    connection.server.close()


def of_end(events: Events, end: End, *kinds: EventKind) -> Events:
    """Pick the events of some kinds of this end of a connection."""
    picked = of_kinds(events, *kinds)
    return np.array(
        [event for event, row in zip(picked, rows(picked), strict=True) if row[1] == end], EVENT
    )


def fields(tracepoint: str) -> frozenset[str]:
    """Give the fields that a tracepoint of this kernel has."""
    return tracepoint_formats.read_formats(tracepoint_formats.mount_tracefs())[tracepoint]
