"""A verdict is one row: what else there is of it derives from that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.changed_package import Additions, changed, told

ADDED: Additions = {
    "tcctui/flows/diagnosis/verdicts.py": (
        ("\n\n@dataclass(frozen=True)\nclass Verdict:", "    PACING = 7\n"),
        (
            ')  # fmt: skip\n"""Every verdict',
            '    Verdict(Limit.PACING, "▙", "p", "$text-accent", 65, "it is paced",'
            ' "its pacing", "Set no SO_MAX_PACING_RATE.", sentences.by_pacing),\n',
        ),
    ),
    "tcctui/flows/diagnosis/sentences.py": (
        (
            "def receives(",
            "def by_pacing(flow: FlowFacts) -> tuple[str, str]:\n"
            '    return f"Paced {flow.share}.", "Set no SO_MAX_PACING_RATE."\n\n\n',
        ),
    ),
    "tcctui/flows/diagnosis/cause_shares.py": (
        (
            "    shares = np.zeros((len(span), len(VERDICTS)))",
            "    parts[Limit.PACING], parts[Limit.CWND] = parts[Limit.CWND], 0 * rest\n",
        ),
    ),
}

_CODE = """
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
limited, share, by = BY_NAME["limit"], BY_NAME["pacing_share"], GROUPINGS["process"]
flows = store.flows({*EXPLAINED_BY, *limited.needs, *share.needs, *NEEDS, *by.needs})
told["cells"] = [*limited.cells(flows), *share.cells(flows), limited.styles["pacing"]]
groups = [title for title, names in GROUPS if share.name in names]
told["share"] = [share.title, share.meaning, groups]
told["group"] = LIMIT_NAMES[grouped(flows, by).limit[0]]

query = parse("limit:pacing")
told["matches"] = query.mask(store.flows(query.fields)).tolist()
told["completed"] = [choice.text for choice in complete("limit:pa", 8, {}).choices]
told["value"] = value("limit", flows["limit"][0])
told["sentences"] = explain(flows)

past = store.history(1, 10, 100)
told["strip"] = "".join(text for text, _ in time_axis.strip(past.limits, 50))
marks = ChartMarks(past.marks.column, past.marks.kind)
told["legend"] = time_axis.legend(past.limits, marks)
told["worst"] = [LIMIT_NAMES[time_axis.worst(np.array([7, other]))] for other in (5, 1)]
told["ascii"] = ascii_of(LIMITS[7].glyph)
widgets = {"flow-table": FlowTable, "time-chart": TimeChart, "details": Details}
told["css"] = [
    f"{prefix}--limit-pacing" in widget.COMPONENT_CLASSES for prefix, widget in widgets.items()
]
told["colour"] = COLOURS["limit-pacing"]
told["help"] = [entry.name for entry in _signs("limited by", LIMITS.values())]
told["manual"] = reference("verdicts") + reference("columns")

out = Path("flows.jsonl")
export(made(Path("r.arrows")), out, progress=False, table="flows")
told["export"] = [json.loads(line)["limited_pacing_s"] for line in out.read_text().splitlines()]
again = Store(1 << 20)
again.restore(Keyframe.from_bytes(store.keyframe().to_bytes()))
told["keyframe"] = again.flows(["limit"])["limit"].tolist()
"""


@pytest.fixture(scope="module")
def seventh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what the package says with a seventh verdict, added to three files of it."""
    assert len(ADDED) == 3
    return dict(told(changed(tmp_path_factory.mktemp("seventh"), ADDED), _CODE))


def test_the_table_has_its_word_and_its_share(seventh: dict[str, Any]) -> None:
    """The column of limits and lines of groups have its word; there is a column of its share."""
    assert seventh["cells"] == ["pacing", "70 %", "limit-pacing"]
    title, meaning, groups = seventh["share"]
    assert title == "PACING%"
    assert meaning.endswith("limited by its pacing")
    assert groups == ["Limits"]
    assert seventh["group"] == "pacing"


def test_searches_know_it(seventh: dict[str, Any]) -> None:
    """A search finds it and completes its name, and values are written by it."""
    assert seventh["matches"] == [True]
    assert seventh["completed"] == ["pacing"]
    assert seventh["value"] == "pacing"


def test_it_is_drawn_and_explained(seventh: dict[str, Any]) -> None:
    """It has its glyph in the strip, by its severity, and its words in legend, help and manual."""
    assert seventh["strip"].count("▙") > 30
    assert ["▙ pacing", "limit-pacing"] in seventh["legend"]
    assert seventh["worst"] == ["recovery", "pacing"]
    assert seventh["ascii"] == "p"
    assert seventh["css"] == [True, True, True]
    assert seventh["colour"] == "$text-accent"
    assert "▙  pacing" in seventh["help"]
    assert "It is paced" in seventh["manual"]
    assert "pacing_share" in seventh["manual"].replace("\\", "")


def test_sentences_are_its_own(seventh: dict[str, Any]) -> None:
    """What is said of a flow names the other causes beside it by their rows."""
    assert seventh["sentences"] == [
        "Paced for 70 % of the last 2 s (and for 30 % by the peer's receive window).",
        "Set no SO_MAX_PACING_RATE.",
    ]


def test_exports_and_keyframes_have_it(seventh: dict[str, Any]) -> None:
    """An export has the time that it limited each flow, and a keyframe keeps the verdict."""
    assert max(seventh["export"]) > 7
    assert seventh["keyframe"] == [7]
