"""What a recording has, also while it is written."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from tcctui.errors import TcctuiError
from tcctui.recording.chunks import NO_EVENTS, Chunk
from tcctui.recording.file import Recording
from tcctui.wire.events import EventKind, Events
from tcctui.wire.records import joined
from tcctui.wire.samples import NO_SAMPLES, Samples


def chunks_of(path: Path) -> list[Chunk]:
    """Give all chunks, in order; none where the first is not written yet."""
    try:
        with closing(Recording(path)) as recording:
            return list(recording.chunks(0, 1 << 62))
    except TcctuiError:
        return []


def events_of(*paths: Path) -> Events:
    """Give all events of recordings, file by file."""
    chunks = [chunk for path in paths for chunk in chunks_of(path)]
    return joined([NO_EVENTS, *(chunk.events for chunk in chunks)])


def samples_of(path: Path) -> Samples:
    """Give all samples of a recording."""
    return joined([NO_SAMPLES, *(chunk.samples for chunk in chunks_of(path))])


def acks_of(cookie: int, *paths: Path) -> int:
    """Count the tcp_probe events of a socket that recordings have."""
    events = events_of(*paths)
    wanted = (events["sock_cookie"] == cookie) & (events["kind"] == EventKind.PROBE)
    return int(wanted.sum())
