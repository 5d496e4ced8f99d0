"""Recordings of older versions: they open, and their keyframes are used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tcctui.demo import RECORDING
from tcctui.recording.file import Recording
from tcctui.rewind.moment import Moment
from tcctui.rewind.rebuilt import Rebuilt
from tests.unit.events import SECOND
from tests.unit.tape_player import EVERYTHING, differences

OLD = Path(__file__).parents[1] / "data" / "recordings" / "0.1.0.arrows"
"""The bundled recording's first 10 s, as version 0.1.0 wrote them with keyframes after 6 and 10 s.

Its keyframes begin with a checksum of EVENT's and SAMPLE's dtypes and do not name their fields.
"""

_ALL_OF_IT = 60 * SECOND


@pytest.fixture(name="old")
def _old() -> Recording:
    return Recording(OLD)


def test_it_opens(old: Recording) -> None:
    """An older version's recording is read whole, and nothing in it is taken for damage."""
    assert old.span.last_ns - old.span.first_ns == 10 * SECOND
    assert old.totals().events == sum(len(chunk.events) for chunk in old.chunks(0, 1 << 62)) > 1000
    assert not old.remark
    assert old.origin.host == "demo"


@pytest.mark.parametrize("second", [6, 8, 10])
def test_its_keyframes_are_used(old: Recording, second: int) -> None:
    """A moment worked out from a keyframe of an older version is the one that all events give."""
    at_ns = old.span.first_ns + second * SECOND
    keyframe_ns = old.span.first_ns + (10 if second == 10 else 6) * SECOND
    begun = Rebuilt(old, at_ns, at_ns, fine_ns=_ALL_OF_IT)
    assert begun.since_ns == keyframe_ns
    whole = Rebuilt(old, at_ns, 0, fine_ns=_ALL_OF_IT)
    assert whole.since_ns == old.span.first_ns
    assert len(begun.store.flows([])["cookie"]) >= 8
    assert not differences(begun.store.flows(EVERYTHING), whole.store.flows(EVERYTHING))


def test_the_bundled_recording_has_its_flows() -> None:
    """The recording of `tcctui demo` shows the same flows as ever, with their samples."""
    recording = Recording(RECORDING)
    moment = Moment(recording)
    moment.go(recording.span.first_ns + 30 * SECOND)
    flows = moment.flows(["sampled_ns", "limit", "cc"])
    assert len(flows["cookie"]) >= 8
    assert np.count_nonzero(flows["sampled_ns"]) >= 6
    assert {b"cubic", b"bbr"} <= set(flows["cc"].tolist())
