"""System calls by which maps and programs are made: what the kernel refuses is told."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from contextlib import closing

import pytest

from tcctui.sources.kernel import bpf_syscall
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.bpf_syscall import ARRAY, RefusedError
from tcctui.sources.kernel.program import Loading

pytestmark = pytest.mark.kernel

EXIT = bytes([0x95, *[0] * 7])


def test_the_verifiers_words_come_with_a_refusal() -> None:
    """A program that returns nothing is refused, and the verifier's log says why."""
    with pytest.raises(RefusedError, match="refuses nonsense: Permission denied") as caught:
        bpf_syscall.load_program("nonsense", EXIT)
    assert "R0 !read_ok" in caught.value.log


def test_other_refusals_are_told() -> None:
    """A map without size, a tracepoint that is not there, a descriptor that is none of a map."""
    with pytest.raises(RefusedError, match="refuses nothing: Invalid argument"):
        bpf_syscall.create_map("nothing", ARRAY, 4, 0, 1, 0)
    with pytest.raises(RefusedError, match="refuses a tracepoint's perf event"):
        bpf_syscall.open_tracepoint(1 << 40)
    with pytest.raises(RefusedError, match="Bad file descriptor"):
        bpf_syscall.set_element(-1, 0, 0)
    with pytest.raises(RefusedError, match="the program at its tracepoint"):
        bpf_syscall.attach(-1, -1)


def test_an_unknown_machine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system calls have numbers that tcctui does not know, none is called."""
    vax = os.uname_result(("Linux", "", "", "", "vax"))
    monkeypatch.setattr(os, "uname", lambda: vax)
    with pytest.raises(RefusedError, match="does not know the system calls of vax"):
        bpf_syscall.create_map("config", ARRAY, 4, 4, 1, 0)


def test_perf_events_need_no_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel makes no map that holds perf events, programs are attached all the same."""
    with closing(Loading(slots=1).wait()) as program:
        programs = len(program.programs)
    monkeypatch.setattr(bpf_syscall, "PERF_EVENT_ARRAY", 1000)
    with closing(BpfSource(loading=(loading := Loading(slots=1)))) as source:
        assert source.cached
        assert len(loading.wait().programs) == programs


LIMITED = """
import errno, resource
from tcctui.sources.kernel import bpf_syscall
hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, hard))
called = bpf_syscall._bpf
def refused(command, attributes, what):
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == 0:
        raise bpf_syscall.RefusedError(errno.EPERM, "as before 5.11")
    return called(command, attributes, what)
bpf_syscall._bpf = refused
bpf_syscall.create_map("config", bpf_syscall.ARRAY, 4, 4, 1, 0)
now = resource.getrlimit(resource.RLIMIT_MEMLOCK)
print(now[0] == now[1] and now[1] in (hard, resource.RLIM_INFINITY))
"""


def test_the_limit_of_locked_memory_is_raised() -> None:
    """Where a kernel refuses a map for that, as those before 5.11 do, the limit goes."""
    before = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"
    assert resource.getrlimit(resource.RLIMIT_MEMLOCK) == before
