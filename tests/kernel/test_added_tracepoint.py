"""One more tracepoint: its events come, and what is lost of each kind is counted as that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tcctui.errors import TcctuiError
from tcctui.sources.kernel import tracepoint_formats
from tcctui.sources.kernel.program import Loading
from tcctui.wire.tracepoints import EVENT_KINDS
from tests.kernel.network import Network
from tests.kernel.traffic import PORT, connections, settle, talk
from tests.unit.added_tracepoint import IN_C, IN_PYTHON
from tests.unit.changed_package import changed

pytestmark = pytest.mark.kernel

_CODE = f"""
import json, mmap, time
import numpy as np
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading

def kinds(source):
    events = [source.read(0)]
    while len(events[-1]):
        events.append(source.read(0))
    return np.bincount(np.concatenate(events)["kind"], minlength={EVENT_KINDS + 1}).tolist()

only = KernelFilter.on_ports({PORT})
small = BpfSource(only, loading=Loading(ring_bytes=16 * mmap.PAGESIZE))
large = BpfSource(only)
kinds(small)  # of the second one's own sockets, with which it tests itself
print("ready", flush=True)
input()
happened, kept, lost = kinds(large), kinds(small), small.lost_by_kind()
assert large.lost() == 0
assert small.lost() == sum(lost.values())
print(json.dumps([happened, kept, list(lost.values())]))
small.close()
large.close()
"""


def test_its_events_come_and_none_is_counted_as_another(tmp_path: Path) -> None:
    """With a kind more, each kind has counters of its own still."""
    folder = changed(tmp_path, {**IN_PYTHON, **IN_C})
    with (
        subprocess.Popen(
            [sys.executable, "-c", _CODE],
            env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child,
        Network() as network,
    ):
        assert child.stdin
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
        with connections(network, "ipv4", "ipv6") as made:
            for connection in made:
                talk(connection, 400)
        settle(network)
        child.stdin.write("\n")
        child.stdin.flush()
        happened, kept, lost = json.loads(child.stdout.readline())
    assert child.returncode == 0
    assert len(happened) == len(lost) == EVENT_KINDS + 1
    assert happened[0] > 0
    assert happened[EVENT_KINDS] > 0
    assert lost[EVENT_KINDS] > 0
    assert [one + other for one, other in zip(kept, lost, strict=True)] == happened


def test_too_few_counters_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program with more kinds than counters is refused by the compiler."""
    before = [flag for flag in tracepoint_formats.kind_flags() if "LOST_COUNTERS" not in flag]
    flags = [*before, "-DTCC_LOST_COUNTERS=8"]
    monkeypatch.setattr(tracepoint_formats, "kind_flags", lambda: flags)
    with pytest.raises(TcctuiError) as caught:
        Loading().wait()
    assert "there is no counter for each kind of event" in caught.value.detail
