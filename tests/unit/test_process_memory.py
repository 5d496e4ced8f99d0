"""Memory of a program that is several processes."""

from __future__ import annotations

import os
import subprocess
import sys

from tcctui.sources.sock_diag.process_memory import together

MIB = 1 << 20

CHILD = """
import os, sys
shared = bytearray(os.urandom(1)) * (48 << 20)
for _ in range(2):
    if os.fork() == 0:
        own = bytearray(os.urandom(1)) * (16 << 20)
        print(flush=True)
        sys.stdin.read()
        os._exit(0)
print(flush=True)
sys.stdin.read()
"""


def test_what_processes_share_counts_once() -> None:
    """A process of 48 MiB and two children, which share them and have 16 each: 80, and not 176."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        found = together(process.pid)
        process.communicate()
    assert 80 * MIB <= found <= 130 * MIB


def test_a_process_that_is_gone_takes_nothing() -> None:
    """Nothing is counted for a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert together(process.pid) == 0
    assert together(os.getpid()) > 0
