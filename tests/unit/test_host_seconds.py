"""Totals of each second over all flows: when something happened, and to which net."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.demo import RECORDING
from tcctui.export.command import export
from tcctui.flows.groups.groups import GROUPINGS
from tcctui.flows.history import host_seconds
from tcctui.flows.history.host_seconds import HostSeconds
from tcctui.recording.file import Recording
from tcctui.rewind.recorded_seconds import RecordedSeconds
from tcctui.ui.time.timeline_strip import STEPS, columns
from tcctui.wire.events import CaState, EventKind
from tcctui.wire.tracepoints import MarkKind
from tests.ui.fake_source import START_NS, FakeSource, server
from tests.ui.screen import recorded
from tests.unit.delivered import START
from tests.unit.events import SECOND

FIRST = START_NS // SECOND * SECOND


def eventful() -> FakeSource:
    """A server that loses segments, has a timeout and a reset, at some seconds."""
    source = server()
    source.run(2)
    for cookie in (1, 1, 5, 2):
        source.tell(cookie, EventKind.RETRANSMIT)
    source.run(3)
    source.tell(3, EventKind.CA_STATE, CaState.LOSS)
    source.run(2)
    source.tell(4, EventKind.RECEIVE_RESET)
    source.run(3)
    return source


def test_each_second_has_its_totals() -> None:
    """Retransmits, timeouts, resets, connections in Loss and goodput are in their seconds."""
    log = recorded(source := eventful())
    scan = RecordedSeconds(log)
    scan(*log.span)
    assert scan.ended.wait(60)
    entries, step_ns, _ = scan(*log.span)
    assert step_ns == SECOND
    second = {int(entry["stamp"]) - FIRST // SECOND: entry for entry in entries}
    happened = {
        at: {MarkKind(kind): int(count) for kind, count in enumerate(entry["marks"]) if count}
        for at, entry in second.items()
        if entry["marks"].any()
    }
    assert happened == {
        32: {MarkKind.RETRANSMIT: 4},
        35: {MarkKind.RTO: 1},
        37: {MarkKind.RESET: 1},
    }
    worst = second[32]
    net = GROUPINGS["net"].label(int(worst["net_hi"]), int(worst["net_lo"]))
    assert (worst["worst"], net) == (3, "203.0.113.0/24")
    in_loss = [at for at, entry in second.items() if entry["in_loss"]]
    assert in_loss[:3] == [35, 36, 37]
    sending = sum(flow.rate for flow in source.flows.values() if flow.rate and not flow.closed)
    assert second[34]["goodput"] == pytest.approx(sending, rel=0.01)
    scan.close()


@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from([*MarkKind])), max_size=60))
def test_marks_are_counted_in_any_order(marks: list[tuple[int, MarkKind]]) -> None:
    """What comes late is counted in its second, unless the ring has gone on beyond it."""
    seconds = HostSeconds(slots=16)
    newest = 0
    counted: dict[int, tuple[int, dict[MarkKind, int]]] = {}
    for at, kind in marks:
        seconds.add_marks(np.array([at * SECOND]), np.array([kind]), np.array([2]))
        slot = at % 16
        counted[slot] = counted.get(slot, (0, {}))
        stamp, kinds = counted[slot]
        if at > stamp:
            counted[slot] = stamp, kinds = at, {}
        if at == stamp:
            kinds[kind] = kinds.get(kind, 0) + 2
        newest = max(newest, at)
    entries = seconds.between(max(0, newest - 15) * SECOND, newest * SECOND).entries
    for entry in entries:
        stamp, kinds = counted.get(int(entry["stamp"]) % 16, (0, {}))
        expected = kinds if stamp == entry["stamp"] else {}
        found = {MarkKind(kind): int(n) for kind, n in enumerate(entry["marks"]) if n}
        assert found == expected


def test_a_long_recording_has_longer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: of more seconds than there are steps, several share one."""
    monkeypatch.setattr(host_seconds, "MOST_STEPS", 10)
    log = recorded(eventful())
    scan = RecordedSeconds(log)
    scan(*log.span)
    assert scan.ended.wait(60)
    past = scan(*log.span)
    assert past.step_ns == 5 * SECOND
    assert len(past.entries) <= 11
    assert past.entries["marks"].sum(axis=0).tolist() == [4, 1, 0, 0, 1, 0, 0, 0]


def test_a_table_of_seconds_has_the_same(tmp_path: Path) -> None:
    """What is exported of the bundled recording is what its timeline shows."""
    export(RECORDING, out := tmp_path / "seconds.jsonl", table="seconds", progress=False)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    with closing(Recording(RECORDING)) as recording:
        scan = RecordedSeconds(recording)
        scan(*recording.span)
        assert scan.ended.wait(60)
        entries = scan(*recording.span).entries
        scan.close()
    assert len(rows) == len(entries) > 60
    for name, kind in (("retransmits", MarkKind.RETRANSMIT), ("resets", MarkKind.RESET)):
        assert [row[name] for row in rows] == entries["marks"][:, kind].tolist()
        assert sum(row[name] for row in rows)
    goodputs = [row["goodput"] for row in rows]
    assert goodputs == pytest.approx(entries["goodput"].tolist(), rel=0.05, abs=1e4)


def test_nothing_is_read_unasked() -> None:
    """A recording whose timeline nobody opens is not gone through for it."""

    class Untouched:
        span = recorded(server()).span

        def chunks(self, *_: object) -> None:
            raise AssertionError("it was read")

    scan = RecordedSeconds(Untouched())  # type: ignore[arg-type]
    scan.close()
    assert not scan.ended.is_set()


@given(
    seconds=st.integers(1, 3000),
    room=st.integers(8, 200),
    marks=st.dictionaries(st.integers(0, 2999), st.integers(1, 9), max_size=8),
)
def test_columns_have_all_of_it(seconds: int, room: int, marks: dict[int, int]) -> None:
    """Columns of a round length hold every second once, and a moment is in its own column."""
    ring = HostSeconds(slots=3001)
    for at, count in marks.items():
        if at < seconds:
            when = np.array([START + at * SECOND])
            ring.add_marks(when, np.array([MarkKind.RTO]), np.array([count]))
    past = ring.between(START, START + (seconds - 1) * SECOND)
    made = columns(past, room)
    assert len(made.rtos) <= room
    assert made.step_ns // SECOND in STEPS
    assert made.rtos.sum() == sum(count for at, count in marks.items() if at < seconds)
    for at in marks:
        if at < seconds:
            column = made.at(START + at * SECOND)
            assert made.rtos[column]
            assert made.unusual[column]
            assert made.end_ns(column) - made.step_ns < START + at * SECOND <= made.end_ns(column)
