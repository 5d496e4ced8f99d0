"""Calls of the reading thread for one batch: exact, where times of noisy machines are not.

Everybody who has the screen open pays for a batch, twice a second. A change that makes it dearer
says so in `reader_cost.json`; so does one that makes it cheaper, or another one could take that
back unseen.
"""

from __future__ import annotations

import cProfile
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType

import numpy as np
import pytest

import tcctui
from tcctui.flows.store import Store
from tcctui.recording.timeline import Origin
from tcctui.rewind.live_sink import LiveSink
from tcctui.rewind.rewind_log import RewindLog
from tcctui.wire.batch import Batch
from tcctui.wire.events import Events
from tcctui.wire.samples import Samples
from tests.ui.fake_source import FakeSource
from tests.unit.events import SECOND, probes
from tests.unit.samples import samples
from tests.unit.story import BEGIN_NS

NOTED = Path(__file__).with_name("reader_cost.json")
FOLDER = str(Path(tcctui.__file__).parent) + "/"

DEARER, CHEAPER = 1.1, 0.8
"""Parts of what is noted between which a count needs no word."""

FLOWS, ON_SCREEN = 400, 36
BATCH_NS = SECOND // 2
KNOWN, COUNTED = 40, 32
"""Batches until histories and looks are as they stay, and batches that are counted."""


def acks(now_ns: int) -> Events:
    """An ACK of each flow, and two of every third, in the half second until now."""
    cookies = np.concatenate([np.arange(1, FLOWS + 1), np.arange(1, FLOWS + 1, 3)])
    when = np.sort(now_ns - np.arange(len(cookies)) * (BATCH_NS // len(cookies)))
    made = probes(when, cookies, snd_cwnd=10 + cookies % 7, srtt=20_000 + when % 97)
    made["skaddr"], made["dport"] = (cookies << 32) + 64, 1000 + cookies
    made["snd_una"] = (now_ns // 10**6 + cookies) & 0xFFFF_FFFF
    made["snd_nxt"] = made["snd_una"] + 5000
    return made


def looks(now_ns: int, count: int) -> Samples:
    """A sample of each of the first flows, a moment ago."""
    cookies, ms = np.arange(1, count + 1), now_ns // 10**6
    made = samples(now_ns - 1000, cookies, busy_time=ms * 300, bytes_acked=ms * 100)
    made["dport"] = 1000 + cookies
    return made


def batches(only: str) -> Iterator[Batch]:
    """Batches of events and samples, the first of all flows; then those that are counted."""
    for number in range(KNOWN + COUNTED):
        now_ns = BEGIN_NS + (number + 1) * BATCH_NS
        counted = number >= KNOWN
        there = looks(now_ns, FLOWS if only == "every socket" or number % 8 == 0 else ON_SCREEN)
        with_events, sampled = not counted or only in ("events", "both"), only != "events"
        yield Batch(
            acks(now_ns) if with_events else acks(now_ns)[:0],
            [there] if not counted or sampled else [],
            now_ns,
        )


def calls(step: Callable[[Batch], object], of: Iterator[Batch]) -> int:
    """Calls of and by tcctui's functions for a batch, on average; numpy's own are left out."""
    profile = cProfile.Profile()
    for number, batch in enumerate(of):
        if number >= KNOWN:
            profile.enable()
        step(batch)
        profile.disable()
    count = 0
    for one in profile.getstats():
        if _ours(one.code):
            count += one.callcount
            count += sum(other.callcount for other in one.calls or () if not _ours(other.code))
    return count // COUNTED


def _ours(code: CodeType | str) -> bool:
    return not isinstance(code, str) and code.co_filename.startswith(FOLDER)


@pytest.mark.parametrize("what", ["nothing", "events", "samples", "every socket", "both"])
def test_calls_of_a_batch(what: str) -> None:
    """A batch takes no more calls than noted, by a tenth, with all that is kept of the past."""
    source, store = FakeSource(), Store()
    sink = LiveSink(source, store, RewindLog(56 << 20, Origin("here")))
    if what == "nothing":
        made = (Batch(batch.events[:0], [], batch.now_ns) for batch in batches("events"))
        counted = calls(sink.take, made)
    else:
        counted = calls(sink.take, batches(what))
        assert len(store.flows([])["cookie"]) == FLOWS
    noted = json.loads(NOTED.read_text())[what]
    said = f"{what}: {counted} calls, not {noted}; if that is meant, note it in {NOTED.name}"
    assert noted * CHEAPER <= counted <= noted * DEARER, said
