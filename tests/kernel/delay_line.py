"""A path with a delay: what one host sends, the other gets so many milliseconds later.

The kernel's own way, netem, is not in every kernel. Here each host has a TUN device, and a process
(this module, run as a program) carries the packets from one to the other.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

from tests.kernel.network import Network, inside

_TUNSETIFF = 0x400454CA  # include/uapi/linux/if_tun.h, as the next two
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_PACKET_BYTES = 1 << 16


class DelayedNetwork(Network):
    """Two hosts joined by a path of fixed delay, without a bottleneck.

    `delay` is in seconds and for each way: half of the round trip. `loss` is as in `Network`. The
    process that carries the packets manages some 20,000 a second, so something has to keep TCP
    from sending as fast as it can.
    """

    DEVICE = "tun0"

    def __init__(self, *, delay: float, loss: float = 0.0) -> None:
        super().__init__(loss=loss)
        self._delay = delay

    def _join(self) -> None:
        ends = [tun(name, self.DEVICE) for name in (self.client, self.server)]
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", __name__, *map(str, ends), str(self._delay)],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE,  # its end is this process's end
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                pass_fds=ends,
            )
        finally:
            for end in ends:
                os.close(end)
        self._started.append(process)


def tun(namespace: str, name: str) -> int:
    """Make a TUN device in a namespace, and give its descriptor; it is gone when that is closed."""
    with inside(namespace):
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return end


def carry(ends: tuple[int, int], delay: float) -> None:
    """Carry packets between two TUN devices until standard input is closed."""
    other = dict(zip(ends, reversed(ends), strict=True))
    poll = select.poll()
    for file in (*ends, sys.stdin.fileno()):
        poll.register(file, select.POLLIN)
    waiting: deque[tuple[float, int, bytes]] = deque()
    while True:
        left = waiting[0][0] - time.monotonic() if waiting else 1.0
        for file, _ in poll.poll(max(left, 0.0) * 1000):
            if file not in other:
                return
            with contextlib.suppress(BlockingIOError):
                while True:
                    packet = os.read(file, _PACKET_BYTES)
                    waiting.append((time.monotonic() + delay, other[file], packet))
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, file, packet = waiting.popleft()
            with contextlib.suppress(OSError):  # the device is down
                os.write(file, packet)


if __name__ == "__main__":
    carry((int(sys.argv[1]), int(sys.argv[2])), float(sys.argv[3]))
