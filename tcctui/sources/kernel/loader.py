"""The process that compiles and loads the BPF program, and hands it over.

A process of its own: libbcc brings a whole compiler, whose memory goes with it, and it compiles
while tcctui imports what it needs itself. What clang and libbcc print and do (they change the
working directory) stays in here. Run by `tcctui.sources.kernel.program`, with a socket as standard
input: its one argument is a `Request` as JSON, its answer one message on the socket, with the
descriptors of maps, programs and perf events. Closing the last copy of these detaches and unloads
everything.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any, TypedDict

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import bcc_package

MAPS = (
    *("events", "rings", "config", "filters", "lost"),
    *("flows", "marks", "pending", "free_slots", "slots"),
)
"""The maps of bpf/tcc.c, in the order in which their descriptors are sent."""


class Request(TypedDict):
    """Load request: bcc's package, bpf/tcc.c, the tree of kernel headers, and compiler flags."""

    bcc: str
    source: str
    headers: str
    flags: list[str]


class Answer(TypedDict, total=False):
    """Result of a load: milliseconds and number of programs, or the error.

    Its descriptors are those of `MAPS`, of the programs, and of the perf events that attach them.
    """

    milliseconds: float
    programs: int
    reason: str
    mend: str


def load(request: Request) -> tuple[Answer, list[int]]:
    """Compile, load and attach; gives the answer and its descriptors."""
    started = time.monotonic()
    try:
        bcc: Any = bcc_package.load(Path(request["bcc"]))
    except TcctuiError as error:
        return {"reason": error.reason, "mend": error.mend}, []
    os.environ["BCC_KERNEL_SOURCE"] = request["headers"]
    try:
        bpf = bcc.BPF(src_file=os.fsencode(request["source"]), cflags=request["flags"])
    except Exception as error:  # bcc raises bare Exceptions for every failure
        return {"reason": str(error), "mend": ""}, []
    answer: Answer = {
        "milliseconds": (time.monotonic() - started) * 1e3,
        "programs": len(bpf.funcs),
    }
    maps = [bpf[name.encode()].map_fd for name in MAPS]
    programs = [program.fd for program in bpf.funcs.values()]
    return answer, [*maps, *programs, *bpf.tracepoint_fds.values()]


def main() -> None:
    """Serve one request and exit at once: bcc's own exit would detach everything."""
    answer, descriptors = load(json.loads(sys.argv[1]))
    with socket.socket(fileno=os.dup(0)) as parent:
        socket.send_fds(parent, [json.dumps(answer).encode()], descriptors)
    sys.stderr.flush()
    os._exit(0)
