"""A tracepoint, a verdict, an export format, a chart: added in few places, there everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcctui.flows.diagnosis.verdicts import VERDICTS
from tcctui.sources.kernel import tracepoint_formats
from tcctui.wire.tracepoints import TRACEPOINTS
from tests.unit.added_tracepoint import IN_PYTHON
from tests.unit.changed_package import Additions, changed, told

_OF_TRACEPOINT = """
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
told["doctor"] = doctor.NEEDS["tcp_probe"]()

second = 1_000_000_000
events = np.zeros(4, EVENT)
events["ts_ns"] = np.array([1, 2, 3, 3]) * second
events["sock_cookie"], events["kind"] = 7, [0, 9, 9, 9]
events["snd_cwnd"], events["srtt"] = 10, 1000
store = Store(1 << 20)
store.ingest(events, 4 * second)
marks = store.history(7, 10, 100).marks
told["marks"] = [marks.kind.tolist(), marks.count.tolist()]
axis = time_axis.axis((), ChartMarks(marks.column, marks.kind), 100, 50)
told["axis"] = "".join(text for text, _ in axis)
told["legend"] = time_axis.legend(np.zeros(0, "u1"), ChartMarks(marks.column, marks.kind))
told["ascii"] = ascii_of(MARKS[8].glyph)
told["css"] = f"time-chart--{MARKS[8].style}" in TimeChart.DEFAULT_CSS
told["colour"] = COLOURS[MARKS[8].style]
told["help"] = [entry.name for entry in _signs("mark", MARKS.values())]
told["manual"] = reference("signs")
told["metadata"] = EVENT_FIELDS["kind"]["meaning"]
told["export"] = events_table(events, 0)["kind"].to_pylist()
"""


def test_one_more_tracepoint_is_everywhere(tmp_path: Path) -> None:
    """Flags of the program, doctor, marks, legend, help, manual and exports derive from its row."""
    assert len(IN_PYTHON) == 1
    ninth = told(changed(tmp_path, IN_PYTHON), _OF_TRACEPOINT)
    counted = {"-DEVENT_RCV_SPACE=9", "-DEVENT_KINDS=10", "-DTCC_LOST_COUNTERS=16"}
    assert counted <= {*ninth.pop("kinds")}
    there, missing = {*ninth.pop("with")}, {*ninth.pop("without")}
    assert "-DTCC_RCV_SPACE_HAS_FAMILY" in there
    assert "-DTCC_NO_RCV_SPACE" in missing - there
    assert "without tcp:tcp_rcv_space_adjust, reads are not marked" in ninth.pop("doctor")
    assert ninth.pop("axis").count("⬆") == 2
    assert ["⬆ read", "mark-read"] in ninth.pop("legend")
    assert "⬆  read" in ninth.pop("help")
    assert "the application read" in ninth.pop("manual")
    assert ninth.pop("metadata").endswith("8 kfree_skb, 9 tcp_rcv_space_adjust")
    assert ninth == {
        **{"stride": 16 * 8, "marks": [[8, 8], [1, 2]], "ascii": "^", "css": True},
        **{"colour": "$text-success", "export": ["probe", *["rcv_space"] * 3]},
    }


def test_kinds_that_leave_a_gap_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is not compiled with numbers that its counters have no room for."""
    rows = TRACEPOINTS
    monkeypatch.setattr(tracepoint_formats, "TRACEPOINTS", (*rows[:-1], rows[0]))
    with pytest.raises(ValueError, match="numbered from 0"):
        tracepoint_formats.kind_flags()


# A verdict


ADDED: Additions = {
    "tcctui/flows/diagnosis/verdicts.py": (
        ("\n\nclass Verdict(NamedTuple):", f"    PROXY = {len(VERDICTS) + 1}\n"),
        (
            ')  # fmt: skip\n"""Every verdict',
            '    Verdict(Limit.PROXY, "▙", "p", "$text-accent", 65, "it is proxied",'
            ' "its proxy", "Use no proxy.", sentences.by_proxy),\n',
        ),
    ),
    "tcctui/flows/diagnosis/sentences.py": (
        (
            "def by_rwnd(",
            "def by_proxy(flow: FlowFacts) -> tuple[str, str]:\n"
            '    return f"Proxied {flow.share}.", "Use no proxy."\n\n\n',
        ),
    ),
    "tcctui/flows/diagnosis/cause_shares.py": (
        (
            "    shares = np.zeros((len(span), len(VERDICTS)))",
            "    parts[Limit.PROXY], network = network, 0 * rest\n",
        ),
    ),
}

_OF_VERDICT = """
from pathlib import Path
import numpy as np
from tcctui.export.command import export
from tcctui.flows.diagnosis.verdicts import LIMIT_NAMES
from tcctui.flows.diagnosis.verdicts import EXPLAINED_BY, explain
from tcctui.flows.groups.groups import GROUPINGS, NEEDS, grouped
from tcctui.flows.keyframe.keyframe import Keyframe
from tcctui.flows.store import Store
from tcctui.manual.page import reference
from tcctui.query import parse
from tcctui.query.completion import complete
from tcctui.query.value_text import value
from tcctui.ui.app.ascii import ascii_of
from tcctui.ui.chart import time_axis
from tcctui.ui.chart.chart_data import ChartMarks
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.dashboard.help import _signs
from tcctui.ui.details.details import Details
from tcctui.ui.style.colours import COLOURS
from tcctui.ui.style.signs import LIMITS
from tcctui.ui.table.columns import BY_NAME, GROUPS
from tcctui.ui.table.flow_table import FlowTable
from tests.unit.small_recording import made
from tests.unit.test_limits import FULL, sampled

store = sampled(10, 1000, busy_time=1e6, rwnd_limited=0.3e6, **FULL)
limited, share, by = BY_NAME["limit"], BY_NAME["proxy_share"], GROUPINGS["process"]
flows = store.flows({*EXPLAINED_BY, *limited.needs, *share.needs, *NEEDS, *by.needs})
told["cells"] = [*limited.cells(flows), *share.cells(flows), limited.styles["proxy"]]
groups = [title for title, names in GROUPS if share.name in names]
told["share"] = [share.title, share.meaning, groups]
told["group"] = LIMIT_NAMES[grouped(flows, by).limit[0]]

query = parse("limit:proxy")
told["matches"] = query.mask(store.flows(query.fields)).tolist()
told["completed"] = [choice.text for choice in complete("limit:pr", 8, {}).choices]
told["value"] = value("limit", flows["limit"][0])
told["sentences"] = explain(flows)

past = store.history(1, 10, 100)
told["strip"] = "".join(text for text, _ in time_axis.strip(past.limits, 50))
marks = ChartMarks(past.marks.column, past.marks.kind)
told["legend"] = time_axis.legend(past.limits, marks)
told["worst"] = [LIMIT_NAMES[time_axis.worst(np.array([max(LIMITS), other]))] for other in (5, 1)]
told["ascii"] = ascii_of(LIMITS[max(LIMITS)].glyph)
widgets = {"flow-table": FlowTable, "time-chart": TimeChart, "details": Details}
told["css"] = [
    f"{prefix}--limit-proxy" in widget.DEFAULT_CSS for prefix, widget in widgets.items()
]
told["colour"] = COLOURS["limit-proxy"]
told["help"] = [entry.name for entry in _signs("limited by", LIMITS.values())]
told["manual"] = reference("verdicts") + reference("columns")

out = Path("flows.jsonl")
export(made(Path("r.arrows")), out, progress=False, table="flows")
told["export"] = [json.loads(line)["limited_proxy_s"] for line in out.read_text().splitlines()]
again = Store(1 << 20)
again.restore(Keyframe.from_bytes(store.keyframe().to_bytes()))
told["keyframe"] = again.flows(["limit"])["limit"].tolist()
"""


def test_one_more_verdict_is_everywhere(tmp_path: Path) -> None:
    """Table, groups, search, strip, help, manual, exports and keyframes derive from its row."""
    assert len(ADDED) == 3
    seventh = told(changed(tmp_path, ADDED), _OF_VERDICT)
    title, meaning, groups = seventh.pop("share")
    assert (title, groups) == ("PROXY%", ["Limits"])
    assert meaning.endswith("limited by its proxy")
    assert seventh.pop("strip").count("▙") > 30
    assert ["▙ proxy", "limit-proxy"] in seventh.pop("legend")
    assert "▙  proxy" in seventh.pop("help")
    manual = seventh.pop("manual")
    assert "It is proxied" in manual
    assert "proxy_share" in manual.replace("\\", "")
    assert max(filter(None, seventh.pop("export"))) > 7
    assert seventh == {
        "cells": ["proxy", "70 %", "limit-proxy"],
        **{"group": "proxy", "value": "proxy", "completed": ["proxy"], "matches": [True]},
        **{
            "worst": ["recovery", "proxy"],
            "ascii": "p",
            "css": [True] * 3,
            "keyframe": [len(VERDICTS) + 1],
        },
        "colour": "$text-accent",
        "sentences": [
            "Proxied for 70 % of the last 2 s (and for 30 % by the peer's receive window).",
            "Use no proxy.",
        ],
    }


EXPORT_FORMAT: Additions = {
    "tcctui/export/command.py": ((')\n"""Suffixes of tables;', ', ".arrow"'),),
    "tcctui/export/arrow_tables.py": (
        ("WRITERS: Mapping[", "_arrow: Any = pa.ipc.new_file\n\n"),
        ('}\n"""By the file name\'s ending', '    ".arrow": _arrow,\n'),
    ),
}

_OF_EXPORT_FORMAT = """
from pathlib import Path
import pyarrow as pa
from tcctui.cli import parser
from tcctui.errors import UsageError
from tcctui.export.command import export
from tcctui.manual.page import reference
from tests.unit.small_recording import made

recording = made(Path("recording"))
for name in ("flows.arrow", "flows.jsonl"):
    export(recording, Path(name), table="flows", progress=False)
told["rows"] = len(pa.ipc.open_file("flows.arrow").read_all())
told["lines"] = len(Path("flows.jsonl").read_text().splitlines())
try:
    export(recording, Path("flows.xlsx"))
except UsageError as error:
    told["usage"] = str(error)
told["manual"] = reference("export")
"""


def test_two_files_add_an_export_format(tmp_path: Path) -> None:
    """What is written by it has all rows, and what lists formats lists it."""
    assert len(EXPORT_FORMAT) == 2
    found = told(changed(tmp_path, EXPORT_FORMAT), _OF_EXPORT_FORMAT)
    assert found["rows"] == found["lines"] > 0
    assert ".jsonl, .arrow, .svg, .png, .txt, .xpl or .arrows" in found["usage"]
    assert ".jsonl and .arrow have the same columns" in found["manual"].replace("\\", "")


CHART: Additions = {
    "tcctui/ui/chart/chart_kinds.py": (
        (
            "KINDS: tuple[",
            "def acked(past: FlowHistory, now: Values = NOTHING) -> Picture:\n"
            '    drawn = series_of("ack", _times(past, "acked_rate", 1), "acked", None)\n'
            '    return _scaled(past, [drawn], rates("goodput"))\n\n\n',
        ),
        (')\n"""Kinds of the left chart by their names', '    ("goodput", acked),\n'),
    ),
}

_OF_CHART = """
import asyncio
from tests.ui.fake_source import server
from tests.ui.rest import Loop
from tests.ui.screen import Clock, dashboard, lines

async def shown():
    async with dashboard(server(), Clock(), (160, 50)) as desk:
        left = desk.screen.query_one("#cwnd-chart")
        for _ in range(4):
            await desk.press("c")
            told.setdefault("charts", []).append(lines(left)[0].split()[0])
        told["help"] = desk.screen.active_bindings["c"].tooltip

with asyncio.Runner(loop_factory=Loop) as runner:
    runner.run(shown())
"""


def test_one_file_adds_a_chart(tmp_path: Path) -> None:
    """The key `c` comes to it in its turn, and is explained with its name."""
    assert len(CHART) == 1
    found = told(changed(tmp_path, CHART), _OF_CHART)
    assert found["charts"] == ["rate", "in", "goodput", "cwnd"]
    kinds, _, _ = found["help"].partition(";")
    assert kinds == "Left chart: cwnd, rates, bytes in flight, goodput"
