"""Names of cgroups in events, by the numbers that the kernel gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tcctui.sources.kernel.cgroups import CgroupNames
from tcctui.wire.events import CGROUP_ID, OWNED, EventKind, Events, TcpState
from tests.unit.events import SECOND, destroy, probes, state, together


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """Stand in for the unified hierarchy."""
    (tmp_path / "cgroup.controllers").touch()
    (tmp_path / "system.slice" / "nginx.service").mkdir(parents=True)
    return tmp_path


def told(*numbers: int) -> Events:
    """STATE events of processes in these cgroups."""
    moments = range(1, len(numbers) + 1)
    events = together(*(state(SECOND + at, at, TcpState.LAST_ACK) for at in moments))
    events.view(OWNED)["pid"] = 77
    events.view(CGROUP_ID)["cgroup_id"] = numbers
    return events


def names(found: CgroupNames, events: Events) -> list[bytes]:
    """Names that are written."""
    found.write(events)
    written: list[bytes] = events.view(OWNED)["cgroup"].tolist()
    return written


def inode(path: Path) -> int:
    """Number of a cgroup."""
    return path.stat().st_ino


def test_a_unit_by_its_number(mount: Path) -> None:
    """A number's name is what /proc has of such a cgroup: the unit's; the root has none."""
    service = mount / "system.slice" / "nginx.service"
    events = told(inode(service), inode(mount), inode(service))
    assert names(CgroupNames((mount,)), events) == [b"nginx.service", b"", b"nginx.service"]
    assert events.view(OWNED)["pid"].tolist() == [77] * 3


def test_what_is_not_known_stays_so(mount: Path) -> None:
    """A removed cgroup, one with a name too long, and no hierarchy at all: no number remains."""
    long = mount / f"{'a' * 40}.service"
    long.mkdir()
    found = CgroupNames((mount,))
    assert names(found, told(inode(long), (1 << 64) - 9)) == [b"", b""]
    assert names(CgroupNames((mount / "none",)), told(5)) == [b""]


def test_a_cgroup_that_comes_later(mount: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is searched for when its first event comes, but not at once again after a search."""
    now = [1000.0]
    monkeypatch.setattr("tcctui.sources.kernel.cgroups.time.monotonic", lambda: now[0])
    found = CgroupNames((mount,))
    assert names(found, told(1 << 60)) == [b""]
    later = mount / "later.scope"
    later.mkdir()
    assert names(found, told(inode(later))) == [b"later.scope"]
    found._next_search = now[0] + 1
    again = mount / "again.scope"
    again.mkdir()
    assert names(found, told(inode(again))) == [b""]
    now[0] += 2
    assert names(found, told(inode(again))) == [b"again.scope"], "it was not taken for gone"


def test_only_events_with_a_process_change(mount: Path) -> None:
    """Values of ACKs stay, and ends that are nobody's."""
    events = together(probes(SECOND, [1, 2], snd_cwnd=7), destroy(SECOND, 1, 0xA))
    before = events.copy()
    CgroupNames((mount,)).write(events)
    np.testing.assert_array_equal(events, before)
    assert set(events["kind"].tolist()) == {EventKind.PROBE, EventKind.DESTROY}
