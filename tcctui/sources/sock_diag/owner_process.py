"""Owners of sockets from a process apart, which may look into all others (CAP_SYS_PTRACE).

The protocol: a request is one byte. The answer to `SCAN` is `_HEAD`, the inodes of all sockets as
u4, and for each process `_HOLDER`; that to `MEMORY` is `BYTES`, the memory of the process that asks
and of those apart from it. No request names anything: whoever takes over the process that asks
learns no more than what `ss -p` prints.
"""

from __future__ import annotations

import array
import os
import struct
import time

from tcctui.privileges.capabilities import Capability
from tcctui.privileges.channel import Channel
from tcctui.sources.sock_diag.process_memory import together
from tcctui.sources.sock_diag.process_scan import LONGEST, scan

RIGHTS = (Capability.SYS_PTRACE, Capability.DAC_READ_SEARCH)
"""Reads the links of all processes' open files, in directories that are each user's own."""

SCAN, MEMORY = b"s", b"m"
BYTES = struct.Struct("=Q")
HEAD = struct.Struct("=QII")
"""CPU time in nanoseconds, number of sockets and of processes."""

HOLDER = struct.Struct(f"=II16s{LONGEST}s")
"""Pid, number of sockets, comm and cgroup of a process."""


def serve(channel: Channel) -> None:
    """Answer each request until the channel is closed, or what comes is no request.

    Raises:
        OSError: it is closed.

    """
    while (request := channel.receive(len(SCAN))[0]) in (SCAN, MEMORY):
        if request == MEMORY:
            channel.send(BYTES.pack(together(os.getppid())))
            continue
        began = time.process_time_ns()
        holders = scan()
        inodes = array.array("I")
        for holder in holders:
            inodes.extend(holder.inodes)
        owners = b"".join(
            HOLDER.pack(one.pid, len(one.inodes), one.comm[:16], one.cgroup) for one in holders
        )
        worked = time.process_time_ns() - began
        channel.send(HEAD.pack(worked, len(inodes), len(holders)) + inodes.tobytes() + owners)
