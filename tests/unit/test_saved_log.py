"""The log of the last minutes, written into a file: it is the same past."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tcctui.recording.file import Recording
from tcctui.recording.timeline import Origin
from tcctui.recording.writer import RecordingWriter
from tcctui.rewind.moment import Moment
from tcctui.rewind.rewind_log import RewindLog
from tests.unit.events import SECOND
from tests.unit.story import Story
from tests.unit.tape_player import BEGIN_NS, EVERYTHING, Player, differences
from tests.unit.test_moment import KEYS, unlike


def test_it_begins_with_the_keyframe_that_the_log_begins_with(tmp_path: Path) -> None:
    """Where the oldest was dropped, the file's first moment is the log's, with all flows of it."""
    story, player = Story(40), Player(log=RewindLog(120_000, Origin("here")))
    player.play(story.events, story.samples, BEGIN_NS + 40 * SECOND)
    player.tape.flush(BEGIN_NS + 40 * SECOND)
    log = player.log
    path = tmp_path / "saved.arrows"
    writer = RecordingWriter(path, log.origin)
    for chunk in log.chunks(0, 1 << 62):
        writer.write(chunk)
    writer.close()
    recording = Recording(path)
    first_ns, last_ns = log.span
    assert first_ns > BEGIN_NS + 5 * SECOND
    assert recording.span == log.span
    assert recording.keyframe(first_ns) == log.keyframe(first_ns) != None  # noqa: E711
    moments = Moment(log), Moment(recording)
    for at_ns in (first_ns, first_ns + 1, first_ns + SECOND // 2, last_ns, first_ns):
        for moment in moments:
            moment.go(at_ns)
            moment.look_at(KEYS, 60)
        one, other = moments
        assert one.flows([]).count
        assert not differences(one.flows(EVERYTHING), other.flows(EVERYTHING))
        assert not any(unlike(one.history(key, 9, 60), other.history(key, 9, 60)) for key in KEYS)
    recording.close()
    assert np.isin(KEYS, player.store.flows([])["cookie"]).any()
