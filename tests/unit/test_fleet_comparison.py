"""Groups of a fleet that are compared, and those that are estimated, as the engine answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tcctui.fleet.schema import ddl
from tcctui.fleet.tables.estimates import FLOOR
from tcctui.fleet.view.questions import Question, answer
from tcctui.fleet.view.rows import Rows
from tcctui.flows.diagnosis.verdicts import Limit
from tcctui.query import ALL, parse
from tcctui.ui.style import units
from tcctui.ui.table.sorting import ByKeys, SortKey
from tests.unit import fleet_story as story
from tests.unit.fleet_engine import Engine

NETS = {
    "same": ("::ffff:10.0.1.0", {}, {}),
    "faster": ("::ffff:10.0.2.0", {"srtt": 80_000}, {"srtt": 20_000}),
    "less lost": ("::ffff:10.0.3.0", {"total_retrans_growth": 700}, {"total_retrans_growth": 70}),
    "slower": ("::ffff:10.0.4.0", {"srtt": 20_000}, {"srtt": 30_000}),
    "faster, lossy": (
        "::ffff:10.0.5.0",
        {"srtt": 60_000, "total_retrans_growth": 70},
        {"srtt": 30_000, "total_retrans_growth": 700},
    ),
}
"""Nets: address, values of yesterday, and of now."""

ALONE, MANY = "alone", "many"
"""Hosts: all connections of the first have rows, of the second some."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for all of the module."""
    made = Engine(tmp_path_factory.mktemp("engine"))
    for statement in ddl.everything():
        made.execute(statement)
    story.insert(
        made,
        "group_10s",
        (
            story.group(end - 300 + 10 * window, "web1", net, 443, **values)
            for net, then, now in NETS.values()
            for end, values in ((story.NOW - story.DAY, then), (story.NOW, now))
            for window in range(30)
        ),
    )
    story.insert(made, "flow_10s", _flows())
    yield made
    made.close()


def _flows() -> Iterator[dict[str, Any]]:
    before, last = story.NOW - 20, story.NOW - 10
    service = {"sport": 50_001, "dport": 40_000, "service_port": 50_001, "incoming": True}
    for cookie in range(30):
        state = "closed" if cookie < 5 else "estab"
        yield story.flow(last, ALONE, cookie, state=state, **service)
        # Chosen for certain in the window before alone: another one's weight stands for it by now.
        yield story.flow(before, ALONE, 100 + cookie, **service)
    for cookie in range(40):
        weight = 100 if cookie < 4 else 1
        yield story.flow(last, MANY, cookie, weight=weight, sport=80, dport=40_000)


def asked(engine: Engine, by: str, text: str = "") -> Rows:
    """Rows that answer a question at the story's present."""
    query = parse(text) if text else ALL
    return answer(engine, Question(by, query), story.NOW, lambda _: None)


def values(rows: Rows, name: str) -> dict[str, Any]:
    """Values of a column by the groups' labels."""
    labels = [label.decode() for label in rows.column("group").tolist()]
    return dict(zip(labels, rows.column(name).tolist(), strict=True))


def test_what_got_better_is_below_zero(engine: Engine) -> None:
    """An improvement of srtt or of losses is negative, unless the other one grew."""
    worse = values(asked(engine, "net"), "worse")
    assert worse["10.0.1.0/24"] == 0
    assert worse["10.0.2.0/24"] == pytest.approx(-75, abs=3)
    assert worse["10.0.3.0/24"] == pytest.approx(100 * (1.1 / 10.1 - 1), abs=0.1)
    assert worse["10.0.4.0/24"] == pytest.approx(50, abs=6)
    assert worse["10.0.5.0/24"] == pytest.approx(100 * (10.1 / 1.1 - 1), abs=0.1)


def test_the_worst_comes_first_and_the_best_last(engine: Engine) -> None:
    """The table sorts negative changes below 0, either way round; cells have a sign."""
    rows = asked(engine, "net")
    flows = rows.flows({"worse"})
    for descending in (True, False):
        key = ByKeys((SortKey("worse", descending),))
        order = key.in_order(flows, np.arange(len(rows)))
        found = flows["worse"][order]
        assert found.tolist() == sorted(found.tolist(), reverse=descending)
    assert [units.change(value) for value in (210.4, 0.01, -0.01, -4.51, -75)] == [
        *("+210 %", "0 %", "0 %", "−4.5 %", "−75 %")
    ]


def test_open_connections_of_the_last_window_are_counted(engine: Engine) -> None:
    """Neither those that ended nor those of windows before, for which others stand."""
    for text in ("srtt<50ms", f"srtt<50ms host:{ALONE}"):
        flows = values(asked(engine, "host", text), "flows")
        assert flows[ALONE] == 25
    ended = asked(engine, "host", f"host:{ALONE} state:unconn srtt<50ms")
    assert values(ended, "flows") == {ALONE: 5}


def test_the_service_is_the_agent_s(engine: Engine) -> None:
    """A service above its clients' ports is grouped by; of older agents, the lower port."""
    flows = values(asked(engine, "port", "srtt<50ms"), "flows")
    assert set(flows) == {"port 50001", "port 80"}


def test_one_floor_for_what_is_counted_and_estimated(engine: Engine) -> None:
    """An estimate of too few rows by chance has no error and no verdict, however large it is."""
    rows = asked(engine, "host", "srtt<50ms")
    flows, error, limit = (values(rows, name) for name in ("flows", "flows_error", "limit"))
    assert flows[MANY] == 436 > FLOOR
    assert np.isnan(error[MANY])
    assert limit[MANY] == Limit.UNKNOWN
    alone = asked(engine, "host", f"srtt<50ms host:{ALONE}")
    assert values(alone, "limit") == {ALONE: Limit.APP}
