"""The heat map of two real paths, beside TCP_INFO."""

from __future__ import annotations

import socket
import struct
from contextlib import closing
from typing import cast

import numpy as np

from tcctui.arrays import Records
from tcctui.flows.groups.heat_map import heat_map
from tcctui.flows.store import Store
from tcctui.pump import poll
from tcctui.recording.timeline import Origin
from tcctui.rewind.live_sink import LiveSink
from tcctui.rewind.rewind_log import RewindLog
from tcctui.rewind.round_trips import round_trips
from tcctui.source import Source
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tests.kernel.deadlines import until
from tests.kernel.delay_line import DelayedNetwork
from tests.kernel.traffic import PORT, connections, cookie, exchange, quiet, send


def test_two_paths_are_two_bands() -> None:
    """Each connection's samples have what TCP_INFO has as its round-trip time."""
    log = RewindLog(32 << 20, Origin("host"))
    with (
        closing(BpfSource(KernelFilter.on_ports(PORT))) as source,
        DelayedNetwork(delay=0.004) as near,
        DelayedNetwork(delay=0.03) as far,
        connections(near, "ipv4") as (one,),
        connections(far, "ipv4") as (other,),
    ):
        sink = LiveSink(cast("Source", source), Store(), log)
        cookies = np.array([cookie(one.client), cookie(other.client)], "u8")
        reader = round_trips(log)

        def of_each() -> list[Records]:
            sink.take(poll(source, 0.05))
            sink.reach(source.now_ns())
            times = reader.read(0, source.now_ns())
            return [times[times["cookie"] == each] for each in cookies]

        def bands() -> bool:
            exchange([one, other], up=20_000)
            return all(len(own) > 5 for own in of_each())

        until("there are samples of both", bands)

        def as_tcp_info() -> bool:
            quiet([one, other])
            # tcp_probe speaks from before its ACK: the next one has what TCP_INFO has now.
            told = [_rtt(end.client) for end in (one, other)]
            for end in (one, other):
                send(end.client, end.server, 100)
            quiet([one, other])
            return all(srtt_us in own["srtt"] for own, srtt_us in zip(of_each(), told, strict=True))

        until("TCP_INFO's are told", as_tcp_info)
        now_ns = source.now_ns()
    times = reader.read(0, now_ns)
    for each, least_us in zip(cookies, (8000, 60_000), strict=True):
        assert times["srtt"][times["cookie"] == each].min() >= least_us
    mine = times[np.isin(times["cookie"], cookies)]
    made = heat_map(mine, now_ns + 1, 600, 60, 30)
    assert made.counts.sum() == len(mine)
    medians = [float(np.median(mine["srtt"][mine["cookie"] == each])) for each in cookies]
    assert made.bin_of(medians[0]) < made.bin_of(medians[1])


def _rtt(end: socket.socket) -> int:
    """Smoothed RTT of a socket in microseconds (tcpi_rtt, include/uapi/linux/tcp.h)."""
    number: int = struct.unpack_from(
        "=I", end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), 68
    )[0]
    return number
