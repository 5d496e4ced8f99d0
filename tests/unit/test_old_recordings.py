"""Recordings of older versions: they open, and their keyframes are used."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcctui.recording.file import Recording
from tcctui.rewind.rebuilt import Rebuilt
from tests.unit.changed_package import Additions, changed, told
from tests.unit.events import SECOND
from tests.unit.story import EVERYTHING, differences
from tests.unit.test_additions import ADDED

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


NEWER: Additions = {
    **{name: ADDED[name] for name in ADDED if not name.endswith("/diagnosis.py")},
    "tcctui/fields/loss.py": (
        (
            ')  # fmt: skip\n"""Retransmissions, reordering',
            '    tcp_info("received_ce", "u4@240", Unit.TOTAL, "marked", Column("RECV_CE")),\n'
            '    Field("colour", "u4", Unit.COUNT, "colour", "", where=Where.FLOW, unknown=7),\n'
            '    Field("shade", "u4", Unit.COUNT, "shade", ""),\n',
        ),
    ),
    "tcctui/flows/diagnosis/from_samples.py": (('        ("cause", "u1"),', '("paced", "f8"),\n'),),
    "tcctui/wire/samples.py": (('    *("rmem_alloc", "rcvbuf",', '    "shade",\n'),),
}
"""A column, fields of what is sampled and looked at, and a verdict, as a later version may have."""

_CODE = """
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.recording.file import Recording
from tcctui.rewind.rebuilt import Rebuilt
from tests.unit.story import EVERYTHING, differences
from tests.unit.test_additions import ADDED
from tests.unit.test_old_recordings import OLD

old = Recording(OLD)
at_ns = old.span.first_ns + 8_000_000_000
begun, whole = (Rebuilt(old, at_ns, since_ns, fine_ns=60 * 10**9) for since_ns in (at_ns, 0))
told["since"] = [begun.since_ns - old.span.first_ns, whole.since_ns - old.span.first_ns]
names = [*EVERYTHING, "received_ce", "min_rtt", "delivered"]
assert "colour" in EVERYTHING
flows = begun.store.flows(names)
told["differences"] = differences(flows, whole.store.flows(names))
told["shares"] = flows["limit_shares"].shape[1]
told["known"] = [bool((flows[name] == flows[name]).any()) for name in names[-3:]]
again = Rebuilt(old, at_ns, 0, fine_ns=60 * 10**9).store
again = Keyframe.from_bytes(again.keyframe().to_bytes()).layouts["latest.samples"].names
told["written"] = [name in again for name in ("received_ce", "shade")]
"""


def test_later_versions_use_them(tmp_path: Path) -> None:
    """A version with more columns, fields and verdicts begins with the same keyframe as this one.

    What the keyframe does not have is unknown, and everything else is as it was.
    """
    newer = told(changed(tmp_path, NEWER), _CODE)
    assert newer["since"] == [6 * SECOND, 0]
    assert newer["differences"] == []
    assert newer["shares"] == 6
    assert newer["known"] == [False, True, True]
    assert newer["written"] == [True, True]
