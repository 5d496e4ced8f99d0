"""A tracepoint is one row: what else there is of it derives from that."""

from __future__ import annotations

from typing import Any

import pytest

from tcctui.sources.kernel import tracepoint_formats
from tcctui.wire.tracepoints import TRACEPOINTS
from tests.unit.added_tracepoint import IN_PYTHON
from tests.unit.changed_package import changed, told

_CODE = """
import numpy as np
from tcctui import doctor
from tcctui.export.event_tables import events_table
from tcctui.flows.history.marks import Marks, OF_EVENT
from tcctui.flows.store import Store
from tcctui.manual.page import reference
from tcctui.recording.field_metadata import EVENT_FIELDS
from tcctui.sources.kernel import bpf_source, tracepoint_formats
from tcctui.ui.app.ascii import ascii_of
from tcctui.ui.chart import time_axis
from tcctui.ui.chart.chart_data import ChartMarks
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.dashboard.help import _signs
from tcctui.ui.style.colours import COLOURS
from tcctui.ui.style.signs import MARKS
from tcctui.wire.events import EVENT

needed = dict.fromkeys(("skaddr", "family", "sock_cookie", *tracepoint_formats.ENDS))
probe = frozenset(tracepoint_formats.BY_KIND[0].fields)
with_it = {"tcp/tcp_probe": probe, "tcp/tcp_rcv_space_adjust": frozenset(needed)}
told["with"] = tracepoint_formats.flags(with_it)
told["without"] = tracepoint_formats.flags({"tcp/tcp_probe": probe})
told["kinds"] = tracepoint_formats.kind_flags()
told["stride"] = bpf_source.LOST.itemsize

doctor.tracepoint_formats.find_tracefs = lambda: "anywhere"
doctor.tracepoint_formats.read_formats = lambda _: {"tcp/tcp_probe": probe}
told["doctor"] = doctor._tcp_probe()

second = 1_000_000_000
events = np.zeros(4, EVENT)
events["ts_ns"] = np.array([1, 2, 3, 3]) * second
events["sock_cookie"], events["kind"] = 7, [0, 8, 8, 8]
events["snd_cwnd"], events["srtt"] = 10, 1000
store = Store(1 << 20)
store.ingest(events, 4 * second)
marks = store.history(7, 10, 100).marks
told["marks"] = [marks.kind.tolist(), marks.count.tolist()]
axis = time_axis.axis((), ChartMarks(marks.column, marks.kind), 100, 50)
told["axis"] = "".join(text for text, _ in axis)
told["legend"] = time_axis.legend(np.zeros(0, "u1"), ChartMarks(marks.column, marks.kind))
told["ascii"] = ascii_of(MARKS[5].glyph)
told["css"] = f"time-chart--{MARKS[5].style}" in TimeChart.COMPONENT_CLASSES
told["colour"] = COLOURS[MARKS[5].style]
told["help"] = [entry.name for entry in _signs("mark", MARKS.values())]
told["manual"] = reference("signs")
told["metadata"] = EVENT_FIELDS["kind"]["meaning"]
told["export"] = events_table(events, 0)["kind"].to_pylist()
"""


@pytest.fixture(scope="module")
def ninth(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what the package says with a ninth tracepoint, added to one file of it."""
    assert len(IN_PYTHON) == 1
    return dict(told(changed(tmp_path_factory.mktemp("ninth"), IN_PYTHON), _CODE))


def test_its_program_is_compiled_where_the_kernel_has_it(ninth: dict[str, Any]) -> None:
    """Its flags say its number, what the kernel has of it, or that it is not there."""
    assert "-DEVENT_RCV_SPACE=8" in ninth["kinds"]
    assert "-DEVENT_KINDS=9" in ninth["kinds"]
    assert "-DTCC_RCV_SPACE_HAS_FAMILY" in ninth["with"]
    assert "-DTCC_NO_RCV_SPACE" in ninth["without"]
    assert "-DTCC_NO_RCV_SPACE" not in ninth["with"]


def test_lost_records_are_counted_by_the_same_stride(ninth: dict[str, Any]) -> None:
    """Python steps over a processor's counters by what the program is compiled with."""
    assert "-DTCC_LOST_COUNTERS=16" in ninth["kinds"]
    assert ninth["stride"] == 16 * 8


def test_doctor_says_what_goes_on_without_it(ninth: dict[str, Any]) -> None:
    """A kernel without it is told so."""
    assert "without tcp:tcp_rcv_space_adjust, reads are not marked" in ninth["doctor"]


def test_it_is_marked_and_explained(ninth: dict[str, Any]) -> None:
    """Its events are marks of their flow, on the axis, in the legend, the help and the manual."""
    assert ninth["marks"] == [[5, 5], [1, 2]]
    assert ninth["axis"].count("⬆") == 2
    assert ["⬆ read", "mark-read"] in ninth["legend"]
    assert ninth["ascii"] == "^"
    assert ninth["css"]
    assert ninth["colour"] == "$text-success"
    assert "⬆  read" in ninth["help"]
    assert "the application read" in ninth["manual"]


def test_recordings_and_exports_name_it(ninth: dict[str, Any]) -> None:
    """A recording's metadata and the table of events have its name."""
    assert ninth["metadata"].endswith("7 tcp_retransmit_synack, 8 tcp_rcv_space_adjust")
    assert ninth["export"] == ["probe", "rcv_space", "rcv_space", "rcv_space"]


def test_kinds_that_leave_a_gap_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is not compiled with numbers that its counters have no room for."""
    rows = TRACEPOINTS
    monkeypatch.setattr(tracepoint_formats, "TRACEPOINTS", (*rows[:-1], rows[0]))
    with pytest.raises(ValueError, match="numbered from 0"):
        tracepoint_formats.kind_flags()
