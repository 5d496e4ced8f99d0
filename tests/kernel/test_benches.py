"""Each bench for a moment: it still runs, and makes its table."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench.__main__ import BENCHES
from tests.bench.recording import RECORDERS
from tests.bench.weight import SCREENS

pytestmark = pytest.mark.kernel

# perf, trace-cmd, tcpdump, btop, htop and gcc are installed for `make bench` alone: the code that
# runs them is the same.
_RECORDERS = [one for one in RECORDERS if one.name in ("tcctui record", "trace_pipe_raw, spliced")]

_SCREENS = {"tcctui": SCREENS["tcctui"]}

_PAUSE = {"pause": 0.02}
_TOOLS = {"rounds": 1, "seconds": 0.3, "alone": 0.2, **_PAUSE}

LITTLE: dict[str, dict[str, Any]] = {
    "cost_per_event": _TOOLS,
    "traffic_loss": _TOOLS,  # of the same run
    "flood": {"seconds": 0.3, "rounds": 1, "settle": 0.2, "peer": False, **_PAUSE},
    "bpf_run": {"rounds": 1, "seconds": 0.1, **_PAUSE},
    "queue_run": {"rounds": 1, "packets": 50},
    "ring_throughput": {"rates": (10_000,), "seconds": 0.2},
    "ring_contention": {"rounds": 1, "times": 1_000},
    "socket_dump": {"sockets": 100, "fewer": 50, "runs": 1},
    "sampling": {"counts": (0, 50), "seconds": 0.3},
    "recording": {
        "rate": 2_000.0,
        "seconds": 0.3,
        "rounds": 1,
        "settle": 0.2,
        "recorders": _RECORDERS,
    },
    "key_to_paint": {"counts": (100,), "keys": 3, "letters": 2, "seconds": 0.2},
    "over_ssh": {"flows": 50, "seconds": 0.3, "settles": 0.2},
    "startup": {"runs": 1, "flows": 50},
    "weight": {"flows": 50, "seconds": 0.3, "rounds": 1, "settle": 0.2, "screens": _SCREENS},
    "idle": {"seconds": 0.3, "settle": 0.2, **_PAUSE},
    "an_hour": {"nanoseconds": 20 * 10**9},
    "rewind": {"flows": 250, "moments": 3, "seconds": 25},
    "query": {"sizes": (50, 100), "rounds": 1},
    "fleet_questions": {"hosts": 10, "groups_": 11, "days": 0.1, "hours": 0.02, "rounds": 1},
    "fleet_volume": {"hosts": 1, "flows": 60, "busy": 10, "windows": 1},
    "agent": {"counts": (50,), "every": 1, "windows": 1},
    "collector": {"hosts": 2, "seconds": 0.5, "connections": (2,)},
    "relay": {"hosts": 2, "seconds": 0.5, "connections": 2},
}
"""Loads with which each bench is through in a moment: its numbers then mean nothing."""


@pytest.mark.timeout(600)  # the tools are many that one bench starts and ends
@pytest.mark.parametrize("name", BENCHES)
def test_it_makes_its_table(name: str) -> None:
    """A bench measures all that it is to measure, however little of it, and lays it out."""
    section = BENCHES[name](**LITTLE[name])
    assert section.rows
    assert {len(row) for row in section.rows} == {len(section.columns)}
    lines = str(section).splitlines()
    assert lines[0] == f"## {section.title}"
    assert sum(line.startswith("|") for line in lines) == 2 + len(section.rows)
    if name == "recording":
        assert [row[1] for row in section.rows] == [one.name for one in _RECORDERS]
