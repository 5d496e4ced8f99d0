"""Imported traffic to a recording."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from tcctui import __version__
from tcctui.flows.store import Store
from tcctui.importing.imported import DESCRIPTIONS, Imported, NotReadableError
from tcctui.pump import deliver
from tcctui.recording.chunk_cutter import ChunkCutter
from tcctui.recording.chunks import PIECE_NS, IdleChunks
from tcctui.recording.ipc_frames import LATEST_NS
from tcctui.recording.timeline import Origin
from tcctui.recording.writer import RecordingWriter
from tcctui.wire.batch import Batch
from tcctui.wire.records import pick

_BEGIN_NS = 1_000_000_000
"""Moment at which an imported recording begins on its clock; 0 would be none."""

_KNOWN_NS = 1 << 56
"""Nanoseconds since 1970 of the earliest plausible time; before it, only differences are known."""


def write(imported: Imported, host: str, out: Path | None, *, force: bool) -> tuple[int, int]:
    """Write a recording of imported traffic, as seen by `host`; gives its events and samples.

    `out` is None for standard output.

    Raises:
        TcctuiError: it can't be written, or its times are impossible.

    """
    events, samples = imported.events, imported.samples
    times = [part["ts_ns"] for part in (events, samples) if len(part)]
    first = min(int(part.min()) for part in times)
    last = max(int(part.max()) for part in times)
    if not 0 <= last - first < LATEST_NS // 2 or first >= 1 << 62:
        raise NotReadableError(
            f"The times in it are {(last - first) / 1e9 / 86_400:,.0f} days apart.",
            "Cut what has a wrong time out of it.",
        )
    offset = first - _BEGIN_NS
    wall_offset = offset if first > _KNOWN_NS else 0
    for part in (events, samples):
        part["ts_ns"] = part["ts_ns"].astype("i8") - offset
    origin = Origin(
        host=host,
        description=DESCRIPTIONS[imported.form],
        wall_offset_ns=wall_offset,
        version=__version__,
        imported=imported.form.value,
    )
    with closing(RecordingWriter(out, origin, force=force)) as writer:
        quiet = IdleChunks(writer.write)
        store = Store(0)
        cutter = ChunkCutter(store, _BEGIN_NS, quiet.write)
        deliver(_batches(imported), store, cutter)
        cutter.flush(_BEGIN_NS + last - first + 1)
        quiet.flush()
    return len(events), len(samples)


def _batches(imported: Imported) -> Iterator[Batch]:
    """Batches in pieces of time, as a live source would deliver; empty ones are left out."""
    events, samples = (
        pick(part, np.argsort(part["ts_ns"], kind="stable"))
        for part in (imported.events, imported.samples)
    )
    pieces = [part["ts_ns"].astype("i8") // PIECE_NS for part in (events, samples)]
    numbers = np.unique(np.concatenate(pieces))
    cuts = [np.searchsorted(part, np.append(numbers, numbers[-1] + 1)) for part in pieces]
    for at, number in enumerate(numbers.tolist()):
        some, looks = (
            part[cut[at] : cut[at + 1]] for part, cut in zip((events, samples), cuts, strict=True)
        )
        yield Batch(some, [looks] if len(looks) else [], (number + 1) * PIECE_NS)
