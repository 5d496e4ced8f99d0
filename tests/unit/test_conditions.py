"""Conditions of groups and for some time: what they hold of, and what is no condition."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.alerts.alert import Alerts
from tcctui.alerts.completion import complete
from tcctui.alerts.condition import condition
from tcctui.alerts.lasting import Lasting
from tcctui.alerts.payload import json_line, variables
from tcctui.cli import filters
from tcctui.errors import UsageError
from tcctui.flows.groups.groups import GROUPINGS
from tcctui.flows.store import Store
from tcctui.headless.outcome import DID_NOT_HAPPEN, FAILED, HAPPENED, Asked, outcome_of
from tcctui.headless.sought import Sought
from tcctui.query import QueryError, parse
from tcctui.reference.alerts import CONDITIONS
from tcctui.ui.dashboard.alarm import _title
from tests.unit.delivered import START
from tests.unit.events import SECOND, probes
from tests.unit.samples import look, samples
from tests.unit.test_alerts import WALL
from tests.unit.test_outcome import Recorded

BEGIN = 1000 * SECOND


def store(cwnds: Iterable[tuple[str, int]], at_ns: int = BEGIN) -> Store:
    """Make a store of flows to these addresses with these windows."""
    made = Store(0)
    for number, (address, cwnd) in enumerate(cwnds, start=1):
        look(made, samples(at_ns, number, remote=(address, 443), snd_cwnd=cwnd))
    return made


NETS = store(
    [("10.0.1.1", 5), ("10.0.1.2", 50), ("10.0.2.1", 50), ("10.0.2.2", 60), ("10.9.0.1", 1)]
)


def groups(text: str, of: Store = NETS, only: str = "") -> list[str]:
    """Names of the groups, or cookies of the flows, of which a condition holds."""
    asked, flows = condition(text), of.flows(condition(text).fields | parse(only).fields)
    found = asked.found(flows, parse(only).mask(flows))
    return [asked.label(flows, found, key) or str(key) for key in found.holding.tolist()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cwnd>10", ["2", "3", "4"]),
        ("group:net cwnd>10", ["net 10.0.1.0/24", "net 10.0.2.0/24"]),
        ("group:net any(cwnd>10)", ["net 10.0.1.0/24", "net 10.0.2.0/24"]),
        ("group:net count(cwnd>10)>1", ["net 10.0.2.0/24"]),
        ("group:net count(cwnd>10) = 0", ["net 10.9.0.0/24"]),
        ("group:net share(cwnd>10)>=50%", ["net 10.0.1.0/24", "net 10.0.2.0/24"]),
        ("group:net share(cwnd>10)>50", ["net 10.0.2.0/24"]),
        ("group:remote cwnd>55", ["remote 10.0.2.2"]),
        ("count(cwnd>10)>2", ["all connections"]),
        ("count(cwnd>10)>3", []),
        ("share(cwnd>10)>59% and share(cwnd>10)<61%", ["all connections"]),
        ("any(cwnd>10 and (srtt>1ms or cwnd>55)) count(cwnd<10)!=2", []),
        ("sum(cwnd)=166", ["all connections"]),
        ("sum(cwnd) > 166", []),
        ("group:net sum(cwnd)>100", ["net 10.0.2.0/24"]),
        ("group:net sum(cwnd*mss)>=159280B", ["net 10.0.2.0/24"]),
        ("group:net max(cwnd)=50", ["net 10.0.1.0/24"]),
        ("group:net min(cwnd)<=5", ["net 10.0.1.0/24", "net 10.9.0.0/24"]),
        ("group:net mean(cwnd)=27.5", ["net 10.0.1.0/24"]),
        ("max(srtt)>19ms and min(srtt)<=20ms and mean(srtt)=20", ["all connections"]),
        ("max(srtt/2)>9ms sum(cwnd)>1e2 and count(cwnd>10)>2", ["all connections"]),
        ("sum(cwnd)>1e2", ["all connections"]),
        ("max(ssthresh)=inf", ["all connections"]),
        ("max(ssthresh)<inf", []),
    ],
)
def test_what_it_holds_of(text: str, expected: list[str]) -> None:
    """A query is of flows; any, count and share are of each group, or of all together."""
    assert sorted(groups(text)) == expected


def test_only_what_the_filter_lets_through_counts() -> None:
    """Number and share are of the connections that the filter matches."""
    assert groups("share(cwnd>10)=100%", only="dst:10.0.2.0/24") == ["all connections"]
    assert groups("group:net count(cwnd>0)>0", only="dst:10.0.2.0/24") == ["net 10.0.2.0/24"]


def test_none_at_all_is_a_count_and_no_share() -> None:
    """Without a connection, a count is 0 and a share unknown; and no group is there."""
    nothing = Store(0)
    assert groups("count(cwnd>0)<1", nothing) == ["all connections"]
    assert groups("share(cwnd>0)<1", nothing) == []
    assert groups("group:net count(cwnd>0)<1", nothing) == []


def test_the_unknown_is_left_out_of_an_aggregate() -> None:
    """A connection without the value is not in it; with no value at all, nothing holds."""
    flows = store([("10.0.1.1", 5), ("10.0.1.2", 50)])
    look(flows, samples(BEGIN, 3, remote=("10.0.1.3", 443), info_len=0))
    look(flows, samples(BEGIN + 1, 1, remote=("10.0.1.1", 443), min_rtt=10_000))
    for text in ("max(min_rtt)=10ms", "min(min_rtt)=10ms", "mean(min_rtt)=10ms", "sum(unacked)=0"):
        assert groups(text, flows) == ["all connections"], text
    nothing = store([])
    for of in ("sum(cwnd)", "max(srtt)", "min(srtt)", "mean(srtt)", "sum(lost)"):
        for symbol in (">=", "<=", "=", "!="):
            assert groups(f"{of}{symbol}0", nothing) == []
    assert groups("max(bbr_bw)<1", flows) == []
    assert groups("max(bbr_bw)!=1", flows) == []


def test_an_aggregate_says_its_value() -> None:
    """An alert and a match have it in the column's own unit; those beyond a limit are marked."""
    text = "group:net max(srtt)>10ms and sum(cwnd)>100"
    (alert,) = Alerts([condition(text)]).look(NETS, WALL).raised
    assert alert.values == {
        **{"max(srtt)": 20_000, "sum(cwnd)": 110},
        **{"matching": 2, "connections": 2},
    }
    said = "max(srtt) 20ms, sum(cwnd) 110, matching 2, connections 2"
    assert variables(alert)["TCCTUI_VALUES"] == said
    assert json.loads(json_line(alert))["values"]["max(srtt)"] == 20_000
    beyond = Alerts([condition("max(cwnd)>55")])
    beyond.look(NETS, WALL)
    assert beyond.cookies == {4}
    sought = Sought(condition("sum(cwnd)>100"))
    assert sought.search(NETS)
    assert sought.lines == ["all connections | sum(cwnd) 166 | 5 of 5 connections"]


@pytest.mark.parametrize(
    ("text", "marked", "reason"),
    [
        ("group:nett cwnd>1", "nett", "did you mean 'net'"),
        ("group: cwnd>1", " ", "there is process, remote"),
        ("group:net", " ", "missing"),
        ("group:net cwnnd>1", "cwnnd", "did you mean 'cwnd'"),
        ("count(cwnnd>1)>3", "cwnnd", "did you mean 'cwnd'"),
        ("count(cwnd>1)", "count(cwnd>1)", "needs a comparison behind it, such as count(…)>3"),
        ("any(cwnd>1)>3", ">3", "has no number"),
        ("share(cwnd>1)>lots", "lots", "not a percentage"),
        ("count(cwnd>1>3", "(", "has no end"),
        ("count()>3", "(", "missing in these brackets"),
        ("count(cwnd>1)>3 or cwnd>1", "or cwnd>1", "comes 'and'"),
        ("count(cwnd>1)>3 and cwnd>1", "and cwnd>1", "comes 'and'"),
        ("cwnd>1 for 10x", "10x", "not a unit"),
        ("sum(cc)>1", "cc", "cc is an algorithm: it can't be calculated with"),
        ("max(pid)>1", "pid", "pid is not a quantity"),
        ("sum(srtt)>1s", "srtt", "srtt has no sum over connections: compare its mean, max or min"),
        ("sum(srtt+1ms)>1s", "srtt+1ms", "has no sum"),
        ("sum(ratte)>1", "ratte", "did you mean 'rate'"),
        ("sum(rate)", "sum(rate)", "needs a comparison behind it, such as sum(rate)>10M"),
        ("sum()>3", "(", "a column is missing in these brackets, such as sum(rate)"),
        ("sum(3)>3", "3", "needs a column"),
        ("sum(rate>1M)>3", ">1M", "count(…) takes a condition"),
        ("sum(state:estab)>3", ":estab", "count(…) takes a condition"),
        ("sum(rate+)>3", "+", "needs a number or a field behind it"),
        ("sum(rate+cwnd)>3", "rate+cwnd", "rate is a rate and cwnd is a plain number"),
        ("max(rate*rate)>3", "rate*rate", "which no number can be compared with"),
        ("sum(rate)>lots", "lots", "'lots' is not a rate, such as 10M"),
        ("max(srtt-min_rtt)>100", "100", "'100' needs a unit, such as 100ms"),
        ("sum(rate)>1G or cwnd>1", "or cwnd>1", "comes 'and'"),
        ("cwnd>1 and sum(rate)>1G", "sum(", "and no other terms beside it"),
        ("for 10s", "f", "missing"),
    ],
)
def test_mistakes_are_marked(text: str, marked: str, reason: str) -> None:
    """Each is one sentence, and points at its place in the whole text."""
    with pytest.raises(QueryError, match=re.escape(reason)) as caught:
        condition(text)
    start, end = caught.value.start, caught.value.end
    assert (text + " ")[start:end] == marked
    with pytest.raises(UsageError, match="--alert: "):
        filters.condition("--alert", text)


@given(st.text(alphabet='group:net any(count share sum max)>=10% for 5s"cwd*', max_size=40))
def test_any_text_is_a_condition_or_a_mistake(text: str) -> None:
    """Nothing else is raised, and a mistake lies within the text."""
    mistakes = []
    try:
        condition(text)
    except QueryError as error:
        mistakes.append(error)
    assert all(0 <= one.start < max(1, one.end) for one in mistakes)
    assert all(one.start <= len(text) for one in mistakes)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("gro", ["group:"]),
        ("group:n", ["group:net ", "group:netns "]),
        ("group:net su", ["group:net sum("]),
        ("m", ["max(", "min(", "mean("]),
        ("sum(inf", ["sum(inflight"]),
        ("sum(rate-deli", ["sum(rate-delivery_rate"]),
        ("sum(rate)", ["sum(rate)>", "sum(rate)<"]),
        ("sum(rate)>1G", ["sum(rate)>1Gbit"]),
        ("max(srtt)>200", ["max(srtt)>200ms"]),
        ("share(retra", ["share(retrans>"]),
        ("share(retrans>5)>1", ["share(retrans>5)>1%"]),
        ("sum(rate)>1Gbit an", ["sum(rate)>1Gbit and "]),
        ("sum(rate)>1Gbit and mea", ["sum(rate)>1Gbit and mean("]),
        ("sum(rate)>1Gbit f", ["sum(rate)>1Gbit for "]),
        ("any(cwnd>1) ", ["any(cwnd>1) and ", "any(cwnd>1) for "]),
        ("cw", ["cwnd>"]),
        ("group:net cw", ["group:net cwnd>"]),
    ],
)
def test_completion(text: str, first: list[str]) -> None:
    """Words about groups, columns that have a sum, comparisons and units are offered."""
    found = complete(text, len(text), {})
    texts = [text[: found.start] + one.text for one in found.choices]
    assert texts[: len(first)] == first
    assert all(one.meaning for one in found.choices)


@given(st.text(alphabet="group:net any(count share sum max)>=10% for 5s cwd*", max_size=40))
def test_any_text_can_be_completed(text: str) -> None:
    """Whatever is typed, the place that is replaced is before the cursor."""
    found = complete(text, len(text), {})
    assert 0 <= found.start <= found.end == len(text)


@pytest.mark.parametrize("text", ["sum(rate)>1G", "cc:bbr count(cwnd>1) > 3", "(any(cwnd>1))"])
def test_a_search_says_where_conditions_are(text: str) -> None:
    """Of many connections, no row is found: it is said which options take it."""
    with pytest.raises(QueryError, match="is about many connections: only --alert, --until"):
        parse(text)


def test_the_documented_are_conditions() -> None:
    """Each example of the manual is one; a query is as before."""
    for text in CONDITIONS:
        assert condition(text).text == text
    assert not condition("retrans%10s>5 for 10s").grouped
    assert condition("retrans%10s>5 for 1m").for_ns == 60 * SECOND
    assert condition('proc:"for 10s"').for_ns == 0
    assert {condition(f"group:{name} cwnd>1").by for name in GROUPINGS} == {*GROUPINGS.values()}


@given(st.lists(st.sets(st.integers(1, 4)), max_size=12))
def test_lasting_is_present_at_each_check(checks: list[set[int]]) -> None:
    """A key lasts when it was there at each check of the last three."""
    lasting = Lasting(3)
    for now, keys in enumerate(checks):
        present = np.array(sorted(keys, reverse=True), "u8")
        enough = {*present[lasting.long_enough(present, now)].tolist()}
        window = checks[max(0, now - 3) : now + 1]
        assert enough == {key for key in keys if now >= 3 and all(key in one for one in window)}


def test_an_alert_for_some_time_is_raised_late_and_once() -> None:
    """It waits until the condition has held for ten seconds without a break."""
    alerts = Alerts([condition("cwnd>10 for 10s")])
    raised = []
    for second in range(30):
        cwnd = 5 if second == 4 else 50
        known = store([("10.0.1.1", cwnd)], BEGIN + second * SECOND)
        turns = alerts.look(known, WALL + second * SECOND)
        raised += [second for _ in turns.raised]
        assert not turns.cleared
    assert raised == [15]


def test_an_alert_of_a_group() -> None:
    """It says which group and how many; its matching flows are marked; it clears as others do."""
    alerts = Alerts([condition("group:net count(cwnd>10)>1")], calm_ns=0)
    (alert,) = alerts.look(NETS, WALL).raised
    assert alert.group == "net 10.0.2.0/24"
    assert alert.values == {"matching": 2, "connections": 2}
    assert alerts.cookies == {3, 4}
    told = json.loads(json_line(alert))
    assert (told["group"], told["local"], told["sock_cookie"]) == ("net 10.0.2.0/24", None, None)
    assert variables(alert)["TCCTUI_GROUP"] == "net 10.0.2.0/24"
    assert variables(alert)["TCCTUI_VALUES"] == "matching 2, connections 2"
    assert _title(alert).endswith("net 10.0.2.0/24")
    assert not alerts.look(NETS, WALL)
    (cleared,) = alerts.look(store([("10.0.2.1", 5), ("10.0.2.2", 50)]), WALL).cleared
    assert cleared.group == alert.group


def run(fail_if: str | None, until: str | None = None) -> tuple[int, str, str]:
    """Read a recording of a flow whose window is 10, 20 and then 30."""
    out, remarks = io.StringIO(), io.StringIO()
    batches = (probes([START + at * SECOND], 7, snd_cwnd=10 + 10 * at) for at in (0, 1, 2))
    asked = Asked(
        fail_if=None if fail_if is None else condition(fail_if),
        until=None if until is None else condition(until),
        summary=None,
        out=out,
        remarks=remarks,
    )
    return outcome_of(Recorded(*batches), asked, None), out.getvalue(), remarks.getvalue()


@pytest.mark.parametrize(
    ("fail_if", "until", "expected"),
    [
        ("cwnd>20", None, FAILED),
        ("cwnd>90", None, HAPPENED),
        ("cwnd>20", "cwnd>10", HAPPENED),
        ("cwnd>10", "cwnd>20", FAILED),
        ("cwnd>90", "cwnd>91", DID_NOT_HAPPEN),
        ("count(cwnd>20)>0", None, FAILED),
        ("sum(cwnd)>=30", None, FAILED),
        ("max(cwnd)>30", "mean(cwnd)>20", HAPPENED),
        ("count(cwnd>20)>0 for 1h", None, HAPPENED),
    ],
)
def test_fail_if_is_the_opposite_of_until(fail_if: str, until: str | None, expected: int) -> None:
    """It exits with 4 on a match and with 0 without one; of both, what comes first counts."""
    status, out, remarks = run(fail_if, until)
    assert status == expected
    matched = expected == FAILED or (expected == HAPPENED and until is not None)
    assert bool(out) == matched
    assert remarks.startswith("Match after" if matched else "No match within")
