"""Recordings made by hand, and what is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin
from tcctui.recording.writer import RecordingWriter
from tcctui.wire.events import EVENT, Events
from tcctui.wire.samples import SAMPLE, Samples
from tests.unit.events import MS, SECOND, destroy, probes, together
from tests.unit.samples import samples

ORIGIN = Origin(
    "somewhere",
    description="tcp_probe + sock_diag · 6.12.0",
    kernel="6.12.0",
    kernel_filter="port 443",
    interval_ns=10_000_000,
    wall_offset_ns=1_700_000_000 * SECOND,
    version="1.2.3",
    tracepoint="name: tcp_probe\nID: 1\n",
)


def chunk(number: int, *, flows: int = 3, keyframe: bytes = b"") -> Chunk:
    """Make the chunk of a second: of each flow ten ACKs and a sample."""
    begin_ns = number * SECOND
    cookies = np.repeat(np.arange(1, flows + 1), 10)
    when = begin_ns + np.tile(np.arange(10) * 100 * MS, flows)
    events = probes(
        when,
        cookies,
        snd_cwnd=cookies + number,
        srtt=20_000,
        snd_nxt=5000,
        snd_una=np.arange(len(when)),
    )
    events = together(events, destroy(begin_ns + 950 * MS, flows, 77))
    looks = samples(begin_ns + 500 * MS, np.arange(1, flows + 1), cc=b"cubic", comm=b"caf\xc3\xa9")
    return Chunk(begin_ns, begin_ns + SECOND, events, looks, number, 2 * number, keyframe)


def random_events(count: int, seed: int = 1) -> Events:
    """Make events that could hardly be: any bytes, but sorted by flow and in their second."""
    events = np.random.default_rng(seed).integers(0, 256, count * EVENT.itemsize, "u1").view(EVENT)
    events["sock_cookie"] = np.sort(events["sock_cookie"])
    events["ts_ns"] = np.arange(count) * 1000
    events["kind"] %= 8
    return events


def random_samples(count: int, seed: int = 1) -> Samples:
    """Make samples of any bytes; but what is between the fields, nobody reads."""
    data = np.random.default_rng(seed).integers(0, 256, count * SAMPLE.itemsize, "u1")
    anything = data.view(SAMPLE)
    made = np.zeros(count, SAMPLE)
    for name in SAMPLE.names or ():
        made[name] = anything[name]
    made["sock_cookie"] = np.sort(made["sock_cookie"])
    made["ts_ns"] = np.arange(count) * 1000
    return made


def written(path: Path, *chunks: Chunk, origin: Origin = ORIGIN) -> Path:
    """Write a recording."""
    writer = RecordingWriter(path, origin)
    for part in chunks:
        writer.write(part)
    writer.close()
    return path


def same(one: Chunk, other: Chunk, *, keyframe: bool = False) -> bool:
    """Say whether two chunks have the same in them, byte for byte."""
    return (
        one.events.tobytes() == other.events.tobytes()
        and one.samples.tobytes() == other.samples.tobytes()
        and (one.begin_ns, one.end_ns, one.lost, one.skipped)
        == (other.begin_ns, other.end_ns, other.lost, other.skipped)
        and (not keyframe or one.keyframe == other.keyframe)
    )
