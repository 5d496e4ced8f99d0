"""What `ss` says of sockets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tcctui.wire.events import NO_SSTHRESH
from tests.kernel.network import run


@dataclass(frozen=True)
class SocketStatistics:
    """A line of `ss`: `rtt_us` is the smoothed round-trip time in microseconds."""

    state: str
    cwnd: int
    ssthresh: int
    rtt_us: float
    snd_wnd: int


def ss(namespace: str, cookie: int) -> SocketStatistics:
    """Ask for the socket with a cookie."""
    lines = run("ss", "-HOtinea", "-N", namespace).splitlines()
    (line,) = (line for line in lines if f" sk:{cookie:x} " in line)
    numbers = dict(re.findall(r"(\w+):([0-9.]+)", line))
    return SocketStatistics(
        state=line.split()[0],
        cwnd=int(numbers["cwnd"]),
        ssthresh=int(numbers.get("ssthresh", NO_SSTHRESH)),
        rtt_us=float(numbers.get("rtt", 0)) * 1000,
        snd_wnd=int(numbers["snd_wnd"]),
    )
