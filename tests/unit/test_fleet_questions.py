"""Questions of a fleet's dashboard, asked of a real engine: rows, sums, quantiles, histories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tcctui.fields.every_field import BY_NAME
from tcctui.fleet.tables.buckets import ACCURACY
from tcctui.fleet.tables.estimates import FLOOR
from tcctui.fleet.view import flow_columns, histories, questions
from tcctui.fleet.view.groupings import GROUPINGS
from tcctui.fleet.view.histogram_sql import quantile
from tcctui.fleet.view.questions import Question, answer
from tcctui.fleet.view.rows import Rows
from tcctui.flows.diagnosis.verdicts import Limit
from tcctui.flows.frame import FlowKey, Past
from tcctui.flows.snapshot import FlowHistory
from tcctui.query import ALL, parse
from tcctui.query.sql import NotInSqlError
from tcctui.ui.chart.chart_kinds import RETRANSMITTED, before
from tests.unit import fleet_story as story
from tests.unit import query_model as model
from tests.unit.fleet_engine import Engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for all of the module, with the story."""
    made = Engine(tmp_path_factory.mktemp("engine"))
    story.tell(made)
    yield made
    made.close()


def asked(engine: Engine, by: str, text: str = "") -> Rows:
    """Rows that answer a question at the story's present."""
    query = parse(text) if text else ALL
    return answer(engine, Question(by, query), story.NOW, lambda _: None)


def labels(rows: Rows) -> dict[str, int]:
    """Places of groups, by their labels."""
    return {label.decode(): at for at, label in enumerate(rows.column("group").tolist())}


def test_groups_are_summed_up_exactly(engine: Engine) -> None:
    """Connections, rates and retransmits of a net are those of all of its hosts together."""
    rows = asked(engine, "net")
    at = labels(rows)["10.1.2.0/24"]
    windows = 360
    assert rows.column("total_retrans")[at] == windows * 3 * 350
    assert rows.column("data_segs_out")[at] == windows * 3 * 7000
    assert rows.column("retrans_percent")[at] == pytest.approx(5)
    assert rows.column("bytes_acked")[at] == windows * 3 * 10_000_000
    assert int(rows.column("srtt_us")[at]) == pytest.approx(60_000, rel=ACCURACY)
    assert rows.column("limit")[at] == Limit.RECOVERY


def test_a_young_fleet_is_not_thought_older(engine: Engine) -> None:
    """Numbers and rates are those since its first window, which no five minutes begin with."""
    first, windows = story.NOW - 3 * story.DAY + 170, 12
    times = range(first, first + 10 * windows, 10)
    story.insert(engine, "group_10s", (story.group(at, "web1", story.FINE, 443) for at in times))
    rows = answer(engine, Question("net", ALL), first + 10 * windows, lambda _: None)
    assert rows.column("flows").tolist() == [30]
    assert rows.column("rate").tolist() == [1_000_000]


def test_the_worse_net_comes_first(engine: Engine) -> None:
    """A net whose srtt tripled since yesterday is worse; one that stayed is not."""
    rows = asked(engine, "net")
    at, worse = labels(rows), rows.column("worse")
    assert worse[at["10.1.2.0/24"]] > 200
    assert worse[at["10.9.9.0/24"]] == pytest.approx(0, abs=5)


def test_few_connections_have_no_verdict(engine: Engine) -> None:
    """Below the floor a group has numbers, but neither a verdict nor a comparison."""
    rows = asked(engine, "net")
    at = labels(rows)["2001:db8:7::/48"]
    assert np.isnan(rows.column("worse")[at])
    assert rows.column("limit")[at] == Limit.UNKNOWN
    assert int(rows.column("srtt_us")[at]) == pytest.approx(200_000, rel=ACCURACY)


def test_the_floor_is_stated() -> None:
    """The column's meaning names the number of connections that a comparison needs."""
    assert f"from {FLOOR} connections on" in BY_NAME["worse"].meaning


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("port", {"port 443", "port 5432", "port 22"}),
        ("process", {"nginx", "postgres", "sshd"}),
        ("host", {"web1", "web2", "db1"}),
        ("cc", {"cubic"}),
        ("cgroup", {"web.service"}),
        ("netns", {"host"}),
    ],
)
def test_groupings(by: str, expected: set[str], engine: Engine) -> None:
    """Each grouping has a row for each of its keys."""
    assert set(labels(asked(engine, by))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("proc:postgres", {"10.9.9.0/24"}),
        ("host:web1", {"10.9.9.0/24", "10.1.2.0/24", "2001:db8:7::/48"}),
        ("port:22", {"2001:db8:7::/48"}),
        ("dst:10.0.0.0/8 -port:5432", {"10.9.9.0/24", "10.1.2.0/24"}),
        ("sshd", {"2001:db8:7::/48"}),
    ],
)
def test_a_search_filters_what_is_summed_up(text: str, expected: set[str], engine: Engine) -> None:
    """Conditions on host, process, net and port leave groups of what matches."""
    assert set(labels(asked(engine, "net", text))) == expected


def test_values_of_connections_are_estimated(engine: Engine) -> None:
    """A condition on single connections groups samples, with the error that their weights give."""
    rows = asked(engine, "net", "srtt<50ms")
    at = labels(rows)
    assert set(at) == {"10.9.9.0/24"}
    assert rows.column("flows")[0] == 8 * 4
    assert rows.column("flows_error")[0] == pytest.approx(
        100 * 2.13 * (8 * 4 * 3 + 4**2) ** 0.5 / 32
    )


def test_connections_are_as_last_told(engine: Engine) -> None:
    """Each connection is one row, with its newest window, its host and its own cookie."""
    rows = asked(engine, "", "host:db1")
    assert len(rows) == 4
    keys = {rows.key(cookie) for cookie in rows.cookies.tolist()}
    assert keys == {FlowKey("db1", cookie) for cookie in (102, 105, 108, 111)}
    assert (rows.column("age_ns") > 59e9).all()


def test_what_hosts_do_not_send_is_refused(engine: Engine) -> None:
    """A value that no table has is named, for connections and for groups."""
    for by in ("", "net"):
        with pytest.raises(NotInSqlError) as refused:
            asked(engine, by, "acks>3")
        assert refused.value.column == "acks"


@pytest.mark.parametrize("count", [1, 2, 19, 20, 1000])
def test_quantiles_of_merged_histograms(count: int, engine: Engine) -> None:
    """A quantile of summed histograms is the nearest rank of all values, within the accuracy."""
    values = np.random.default_rng(count).lognormal(9, 2, count)
    counts: dict[int, int] = {}
    for value in values.tolist():
        counts[story.bucket(value)] = counts.get(story.bucket(value), 0) + 1
    pairs = ", ".join(f"{key}, {number}" for key, number in sorted(counts.items()))
    for share in (0.5, 0.95):
        sql = f"SELECT {quantile(f'map({pairs})', share)} AS value"
        (found,) = engine.query(sql, {}, 10).column("value").to_pylist()
        exact = np.quantile(values, share, method="inverted_cdf")
        assert found == pytest.approx(exact, rel=ACCURACY)


def test_history_of_a_connection(engine: Engine) -> None:
    """Its windows lie on the chart's columns, with lowest, highest and last values."""
    rows = asked(engine, "", "host:db1")
    cookie = int(rows.cookies[0])
    past = questions.history(engine, Question("", ALL), rows, Past(cookie, 60.0, 12))
    assert past is not None
    cwnd = past.series["snd_cwnd"]
    assert (cwnd.low.tolist(), cwnd.high.tolist()) == ([10.0] * 12, [40.0] * 12)
    assert past.limits.tolist()[-1] in (Limit.APP, Limit.RECOVERY)


def test_history_of_a_group(engine: Engine) -> None:
    """Its srtt lies between the median and the 95th percentile of each stretch."""
    rows = asked(engine, "net")
    cookie = int(rows.cookies[labels(rows)["10.1.2.0/24"]])
    past = questions.history(engine, Question("net", ALL), rows, Past(cookie, 3600.0, 12))
    assert past is not None
    assert np.nanmax(past.series["srtt_us"].low) == pytest.approx(60_000, rel=ACCURACY)
    assert np.nanmax(past.series["acked_rate"].last) == pytest.approx(3_000_000)


@pytest.mark.parametrize("text", ["443", "not 10.1.2.9", "estab", "nginx 10.9"])
def test_words_choose_the_same_rows(engine: Engine, text: str) -> None:
    """Addresses, ports and states are found on the screen as in the engine."""
    query = parse(text)
    whole = asked(engine, "")
    wanted = whole.cookies[query.mask(whole.flows(query.fields))]
    assert len(wanted)
    assert asked(engine, "", text).cookies.tolist() == wanted.tolist()


def test_a_group_has_the_day_before_beside_it(engine: Engine) -> None:
    """Yesterday's windows lie at the same times of day; a day of charts does not mix the two."""
    rows = asked(engine, "net")
    cookie = int(rows.cookies[labels(rows)["10.1.2.0/24"]])
    for seconds in (600.0, 3600.0, 2 * story.DAY):
        past = questions.history(engine, Question("net", ALL), rows, Past(cookie, seconds, 96))
        assert past is not None
        for name, now, then in (("srtt_us", 60_000, 20_000), (RETRANSMITTED, 5, 0.1)):
            today, yesterday = past.series[name].last, past.series[before(name)].last
            assert today[~np.isnan(today)][-1] == pytest.approx(now, rel=ACCURACY)
            assert yesterday[~np.isnan(yesterday)][-1] == pytest.approx(then, rel=ACCURACY)


def test_a_window_that_is_not_over_is_no_fall(engine: Engine) -> None:
    """The last window of a group counts for as long as hosts have sent of it."""
    begun = story.NOW + 600
    sent = (
        story.group(at, "web1", "::ffff:10.77.0.0", 443) for at in range(begun - 300, begun, 10)
    )
    story.insert(engine, "group_10s", sent)
    for over in (20, 160):
        late = range(begun if over == 20 else begun + 20, begun + over, 10)
        story.insert(
            engine,
            "group_10s",
            (story.group(at, "web1", "::ffff:10.77.0.0", 443) for at in late),
        )
        now = begun + over + 10
        rows = answer(engine, Question("net", ALL), now, lambda _: None)
        cookie = int(rows.cookies[labels(rows)["10.77.0.0/24"]])
        past = questions.history(engine, Question("net", ALL), rows, Past(cookie, 3600.0, 120), now)
        assert past is not None
        rate = past.series["acked_rate"].last
        assert rate[~np.isnan(rate)] == pytest.approx(1_000_000)


def test_a_chart_of_days_reads_what_it_shows(engine: Engine) -> None:
    """Of each column's windows the last one is read, and shown as if all had been."""
    first_s, last_s = story.NOW - 2 * story.DAY, story.NOW
    key, columns = "::ffff:10.1.2.0", 50

    def read(count: int) -> tuple[int, FlowHistory]:
        asked = histories.of_group(
            GROUPINGS["net"], key, parse("proc:nginx"), first_s, last_s, columns=count
        )
        table = engine.query(asked.sql, asked.parameters, 10)
        return len(table), histories.group_history(table, first_s, last_s, columns, np.inf)

    (few, shown), (every, whole) = read(columns), read(10_000)
    assert (few, every) == (4, 24)
    for name, series in whole.series.items():
        for one in ("low", "high", "last"):
            np.testing.assert_array_equal(getattr(shown.series[name], one), getattr(series, one))
    assert np.isfinite(shown.series["srtt_us"].low).any()


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(model.TREES)
def test_rows_are_those_of_the_evaluator(engine: Engine, said: model.Said) -> None:
    """A search on the screen, and the same in the engine, choose the same connections."""
    query = parse(said.text)
    if not query.fields <= {
        *flow_columns.conditions(),
        "saddr_hi",
        "saddr_lo",
        "daddr_hi",
        "daddr_lo",
    }:
        return
    whole = asked(engine, "")
    wanted = whole.cookies[query.mask(whole.flows(query.fields))]
    assert asked(engine, "", said.text).cookies.tolist() == wanted.tolist()
