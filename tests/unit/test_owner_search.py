"""Owners of sockets are searched for when there are new sockets, and then for all."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tcctui.sources.sock_diag.owner_search import OwnerSearch
from tcctui.sources.sock_diag.processes import OWNER, Owners
from tcctui.wire.samples import SAMPLE, Samples

PATIENCE = 60


class Machine:
    """Stands in for /proc: which process holds which socket; counts scans."""

    worked = 0.0

    def __init__(self) -> None:
        self.pids = {500: 7}
        self.scans = 0
        self.scanned = threading.Condition()

    def look(self) -> Owners:
        holders = np.arange(len(self.pids))
        owners = np.array([(pid, b"nginx", b"") for pid in self.pids.values()], OWNER)
        with self.scanned:
            self.scans += 1
            self.scanned.notify_all()
        return Owners(np.array([*self.pids], "u4"), holders, owners)

    def until(self, scans: int) -> None:
        with self.scanned:
            assert self.scanned.wait_for(lambda: self.scans >= scans, PATIENCE)


@pytest.fixture
def machine() -> Machine:
    """Stand in for /proc."""
    return Machine()


@pytest.fixture
def search(machine: Machine) -> Iterator[OwnerSearch]:
    """Search without pauses, and without a scan again where nothing is new."""
    found = OwnerSearch(lambda: None, machine, shortest=0.0, again=3600.0)
    yield found
    found.close(PATIENCE)


def filled(search: OwnerSearch, *inodes: int) -> list[int]:
    """Fill samples of these sockets; gives the pids."""
    samples: Samples = np.zeros(len(inodes), SAMPLE)
    samples["inode"] = inodes
    search.fill(samples)
    pids: list[int] = samples["pid"].tolist()
    return pids


def until_known(search: OwnerSearch, inode: int, pid: int) -> None:
    """Fill samples of a socket until it has this owner."""
    for _ in range(PATIENCE * 1000):
        if filled(search, inode) == [pid]:
            return
        threading.Event().wait(0.001)
    raise AssertionError("its owner is never found")


def test_processes_are_scanned_for_new_sockets_alone(machine: Machine, search: OwnerSearch) -> None:
    """One scan finds the owners of all; known ones, orphans and those of nobody cause no other."""
    assert filled(search, 500, 501, 0) == [0, 0, 0]
    machine.until(1)
    until_known(search, 500, 7)
    machine.pids[502] = 9
    until_known(search, 502, 9)
    scans = machine.scans
    assert scans <= 4
    for _ in range(100):
        assert filled(search, 500, 501, 502, 0) == [7, 0, 9, 0]
    machine.pids[503] = 10
    until_known(search, 503, 10)
    assert machine.scans <= scans + 2


def test_owners_that_change_are_found_without_a_new_socket(machine: Machine) -> None:
    """While sockets are sampled, a slow scan repeats."""
    search = OwnerSearch(lambda: None, machine, shortest=0.0, again=0.01)
    try:
        until_known(search, 500, 7)
        machine.pids[500] = 8
        until_known(search, 500, 8)
    finally:
        search.close(PATIENCE)
