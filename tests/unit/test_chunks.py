"""Chunks, and the pieces that they are played in."""

from __future__ import annotations

import numpy as np
import pytest

from tcctui.recording.chunks import MOST_PIECES, PIECE_NS, Chunk, pieces
from tcctui.wire.samples import NO_SAMPLES
from tests.unit.events import MS, SECOND, probes, together


@pytest.mark.parametrize("seconds", [1, 19, 86_400, 1 << 31])
def test_a_chunk_of_any_length_is_played_in_few_pieces(seconds: int) -> None:
    """All of it comes, in order; and the last seconds as they came, however long it is."""
    begin, end = 5 * SECOND, (5 + seconds) * SECOND
    moments = [begin + 100 * MS, end - 600 * MS, end - 100 * MS]
    events = together(*(probes(moment, [1]) for moment in moments))
    played = list(pieces(Chunk(begin, end, events, NO_SAMPLES), 1 << 62))
    assert len(played) <= MOST_PIECES + 1
    assert [when for part in played for when in part.events["ts_ns"].tolist()] == moments
    ends = [part.now_ns for part in played]
    assert ends[-1] == end
    assert np.all(np.diff(ends) > 0)
    assert np.all(np.diff(ends)[-4:] <= PIECE_NS)
    for part in played:
        assert np.all(part.events["ts_ns"] <= part.now_ns)
