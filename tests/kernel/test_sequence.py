"""The time–sequence diagram of a lossy connection, beside a capture of the same packets."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

import numpy as np
import pytest

from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk, Chunker
from tcctui.recording.timeline import Origin, Span
from tcctui.sequence.diagram import Diagram, diagram
from tcctui.sequence.flow_reader import FlowReader
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.type_flags import probe_flags
from tcctui.sources.kernel.type_information import of_this_kernel
from tcctui.wire.events import EventKind
from tcctui.wire.inside import Asked
from tcctui.wire.retransmits import Cause, causes
from tests.kernel.deadlines import until
from tests.kernel.delay_line import DelayedNetwork
from tests.kernel.network import inside
from tests.kernel.traffic import PORT, connect, cookie, exchange, quiet

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not probe_flags(of_this_kernel()), reason="this kernel has no BTF"),
]

_ETH_P_IP = 0x0800  # include/uapi/linux/if_ether.h
_SO_RCVBUFFORCE = 33  # include/uapi/asm-generic/socket.h
_SOL_PACKET, _PACKET_STATISTICS = 263, 6  # include/linux/socket.h, include/uapi/linux/if_packet.h
_SACK = 5  # kind of the option, RFC 2018


class Segment(NamedTuple):
    """A captured segment."""

    sent: bool
    seq: int
    ack: int
    length: int
    sacks: tuple[tuple[int, int], ...]


@contextmanager
def captured(namespace: str, device: str) -> Iterator[list[Segment]]:
    """Capture the test port's segments at a device without a header of its own."""
    found: list[Segment] = []
    with inside(namespace):
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
    packets.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
    packets.bind((device, 3))  # ETH_P_ALL: what is sent, too
    packets.settimeout(0.1)
    over = threading.Event()

    def read() -> None:
        while True:
            try:
                data = packets.recv(1 << 16)
            except TimeoutError:
                if over.is_set():
                    return
                continue
            segment = _parsed(data)
            if segment is not None:
                found.append(segment)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
        statistics = packets.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        packets.close()
    assert struct.unpack("=II", statistics)[1] == 0, "packets were not captured"


def _parsed(data: bytes) -> Segment | None:
    header = (data[0] & 15) * 4
    if data[0] >> 4 != 4 or data[9] != socket.IPPROTO_TCP:
        return None
    size = struct.unpack_from("!H", data, 2)[0]
    sport, dport, seq, ack, words = struct.unpack_from("!HHIIB", data, header)
    if PORT not in {sport, dport}:
        return None
    words = (words >> 4) * 4
    options, at, sacks = data[header + 20 : header + words], 0, []
    while at < len(options) and options[at]:
        if options[at] == 1:
            at += 1
            continue
        kind, length = options[at], options[at + 1]
        if kind == _SACK:
            numbers = struct.unpack_from(f"!{(length - 2) // 4}I", options, at + 2)
            sacks = [*zip(numbers[::2], numbers[1::2], strict=True)]
        at += length
    return Segment(dport == PORT, seq, ack, size - header - words, tuple(sacks))


class Tape:
    """What a source delivered of some time, as a timeline of one chunk."""

    def __init__(self, chunk: Chunk) -> None:
        self._chunk = chunk
        self.origin = Origin("host")
        self.span = Span(chunk.begin_ns, chunk.end_ns)

    def keyframe(self, at_ns: int) -> None:
        """None there is."""

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        """Give the chunk."""
        yield self._chunk


def _recorded() -> tuple[Diagram, list[Segment]]:
    """Transfer with losses; gives the diagram, and the sender's segments and those it got."""
    with (
        closing(BpfSource(KernelFilter.on_ports(PORT), interval_ms=10)) as source,
        DelayedNetwork(delay=0.005, loss=0.03) as network,
        captured(network.client, network.DEVICE) as segments,
        contextlib.closing(connect(network, "ipv4")) as one,
    ):
        assert source.look_inside(Asked.ACK)
        source.focus([cookie(one.client)])
        chunker = Chunker(source.now_ns())
        retransmitted: set[int] = set()
        seen_causes: set[int] = set()

        def enough() -> bool:
            exchange([one], up=300_000)
            events = source.read(0)
            seen_causes.update(causes(events[events["kind"] == EventKind.RETRANSMIT]).tolist())
            chunker.add(events, [], source.inside())
            seen: set[int] = set()
            for segment in [*segments]:
                if segment.sent and segment.length:
                    (retransmitted if segment.seq in seen else seen).add(segment.seq)
            return len(retransmitted) > 10 and Cause.FAST in seen_causes

        until("there are losses", enough)
        quiet([one])
        # What is still to be read waits in the ring, or in its slot.
        for _ in range(3):
            time.sleep(0.05)
            chunker.add(source.read(0), [], source.inside())
        chunk = chunker.cut(source.now_ns())()
        assert not source.lost()
    reader = FlowReader(Tape(chunk), cookie_of(chunk))
    drawn = diagram(reader.read(chunk.begin_ns, chunk.end_ns))
    assert drawn is not None
    return drawn, segments


def cookie_of(chunk: Chunk) -> int:
    """Cookie of the flow in focus, which has ACKs of its own record."""
    (found,) = np.unique(chunk.insides.acks["sock_cookie"]).tolist()
    return int(found)


def test_the_diagram_is_that_of_the_capture() -> None:
    """Each ACK, each retransmitted segment and each range of SACK is that of the packets."""
    drawn, segments = _recorded()

    def place(number: int) -> int:
        return int(np.array([(number - drawn.begin) & 0xFFFFFFFF], "u4").view("i4")[0])

    acks = [place(one.ack) for one in segments if not one.sent]
    # The last ACK's effect is in no further record.
    shown = set(drawn.acknowledged.values.astype("i8").tolist())
    assert shown <= {0, *acks}
    assert {number for number in acks if 0 <= number < max(shown)} <= shown

    highest, again = -1, []
    for one in segments:
        if one.sent and one.length:
            low = place(one.seq)
            if low < highest:
                again.append((low, low + one.length))
            highest = max(highest, low + one.length)
    spans = drawn.retransmitted
    told = [*zip(spans.low.tolist(), spans.high.tolist(), strict=True)]
    # One event may stand for several segments that are sent as one.
    assert _bytes(told) == _bytes(again)
    assert {Cause.FAST} <= set(map(Cause, spans.kinds.tolist())) <= set(Cause) - {Cause.UNKNOWN}

    sacks = {(place(low), place(high)) for one in segments for low, high in one.sacks}
    ranges = {*zip(drawn.sacked.low.tolist(), drawn.sacked.high.tolist(), strict=True)}
    assert ranges
    assert ranges <= sacks
    # But for a D-SACK (RFC 2883), which is of what is acknowledged, and for what the next ACK had
    # covered already.
    beyond = {
        (place(low), place(high))
        for one in segments
        for low, high in one.sacks
        if place(low) >= place(one.ack)
    }
    assert len(ranges & beyond) > len(beyond) / 2

    known = drawn.rtt.values[~np.isnan(drawn.rtt.values)]
    assert known.min() >= 10_000, "the path's own delay is 10 ms"


def _bytes(ranges: list[tuple[int, int]]) -> dict[int, int]:
    """Number of times that each retransmitted byte is in ranges, of those that are in some."""
    counts: dict[int, int] = {}
    for low, high in ranges:
        for at in range(low, high):
            counts[at] = counts.get(at, 0) + 1
    return counts
