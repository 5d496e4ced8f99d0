"""What was read of a few flows need not be read again, and is the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin
from tcctui.rewind.chunk_cache import ChunkCache
from tcctui.rewind.rewind_log import RewindLog
from tests.unit.events import SECOND
from tests.unit.story import Story
from tests.unit.tape_player import BEGIN_NS, Player

FEW = np.array([2, 5], "u8")


class Counting(RewindLog):
    """Counts the chunks that are read."""

    read = 0

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        for chunk in super().chunks(after_ns, until_ns, cookies):
            self.read += 1
            yield chunk


@pytest.fixture(scope="module")
def log() -> Counting:
    """Half a minute of a story."""
    log = Counting(64 << 20, Origin("here"))
    story = Story(30)
    Player(log=log).play(story.events, story.samples, BEGIN_NS + 30 * SECOND)
    return log


@pytest.mark.parametrize("most", [0, 30_000, 32 << 20])
def test_whatever_is_asked_for_is_as_in_the_timeline(log: Counting, most: int) -> None:
    """In any order of going, and however little may be kept, the same chunks come."""
    few = ChunkCache(log, FEW, most)
    random = np.random.default_rng(1)
    for _ in range(60):
        after, until = BEGIN_NS + np.sort(random.integers(-2, 33, 2)) * SECOND + 7
        wanted = log.chunks(int(after), int(until), FEW)
        found = few.chunks(int(after), int(until))
        for one, other in zip(wanted, found, strict=True):
            assert one.end_ns == other.end_ns
            assert one.events.tobytes() == other.events.tobytes()
            assert one.samples.tobytes() == other.samples.tobytes()


def test_going_back_a_little_reads_only_that(log: Counting) -> None:
    """What was just there is not read again, be it from before or from after."""
    few, at = ChunkCache(log, FEW), BEGIN_NS + 20 * SECOND
    list(few.chunks(at - 9 * SECOND, at))
    log.read = 0
    list(few.chunks(at - 9 * SECOND, at))
    assert log.read == 0
    list(few.chunks(at - 11 * SECOND, at - SECOND))
    assert log.read == 2
    list(few.chunks(at - 8 * SECOND, at + 3 * SECOND))
    assert log.read == 5
