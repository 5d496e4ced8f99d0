"""The dashboard of a fleet, on a real engine in this process: what a person does and sees."""

from __future__ import annotations

import csv
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from pyarrow import parquet
from textual.widgets import OptionList

from tcctui.alerts.alert import Alerts
from tcctui.errors import TcctuiError
from tcctui.fleet.schema import labels
from tcctui.fleet.view import fleet_view, keys
from tcctui.fleet.view.fleet_app import FleetApp
from tcctui.fleet.visit import Wanted
from tcctui.flows.store import Store
from tcctui.query import parse
from tcctui.ui.actions import actions
from tcctui.ui.compare.compare import Compare
from tcctui.ui.dashboard.alarm import Alarms
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.dashboard.help_section import Section
from tcctui.ui.preferences import Preferences
from tcctui.ui.search.search_bar import SearchBar
from tcctui.ui.search.suggestions import Suggestions
from tcctui.ui.table.columns import OF_FLEET
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time.player import Player
from tcctui.ui.time.timeline_strip import TimelineStrip
from tests.ui.fake_source import FakeSource
from tests.ui.screen import Clock, Desk, lines
from tests.unit import fleet_story as story
from tests.unit.fleet_engine import Engine

SMALL, LARGE = (80, 24), (160, 50)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for all of the module, with the story."""
    made = Engine(tmp_path_factory.mktemp("engine"))
    story.tell(made)
    yield made
    made.close()


class Moody:
    """An engine that can be away, or slow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.away = ""
        self.away_for = ""
        self.asked = 0
        self.open = threading.Event()
        self.open.set()

    def query(self, sql: str, parameters: Mapping[str, object], seconds: float) -> Any:
        """Answer, once it may, or fail."""
        self.open.wait()
        self.asked += 1
        if self.away and self.away_for in sql:
            raise TcctuiError(self.away)
        return self._engine.query(sql, parameters, seconds)


@asynccontextmanager
async def fleet(
    engine: Any, clock: Clock, size: tuple[int, int] = LARGE, *, rows: bool = True, **options: Any
) -> AsyncIterator[Desk]:
    """Run the fleet's dashboard at the story's present, and wait for its first rows."""
    app = FleetApp(engine, "engine:8123", **{"now": lambda: story.NOW, **options})
    async with app.run_test(size=size, notifications=True) as pilot:
        nothing = cast("FakeSource", None)
        desk = Desk(pilot, pilot.app.screen, nothing, Store(0), clock)
        await desk.until(lambda: desk.table.known or not rows)
        yield desk


async def drawn(desk: Desk) -> None:
    """Wait until the charts have the history of the selected row."""
    await desk.until(lambda: desk.charts.right.data is not None)


def column(desk: Desk) -> list[str]:
    """First cells of the rows."""
    return [line.split()[0] for line in lines(desk.table)[1:] if line.strip()]


async def test_first_screen_has_the_worst_net_first(
    engine: Engine, clock: Clock, picture: Callable[[Desk], None]
) -> None:
    """Nets that got worse come first, with what limits them; few connections have no verdict."""
    async with fleet(engine, clock) as desk:
        await desk.press("g")
        await drawn(desk)
        assert column(desk) == ["10.1.2.0/24", "10.9.9.0/24", "2001:db8:7::/48"]
        picture(desk)


async def test_enter_opens_a_group_and_g_goes_back(engine: Engine, clock: Clock) -> None:
    """Enter shows the connections of a group, searched for; G groups again."""
    async with fleet(engine, clock) as desk:
        await desk.press("g", "enter")
        await desk.until(lambda: desk.table.known == 4)
        assert desk.box.value == "dst:10.1.2.0/24"
        assert set(column(desk)) == {"web1"}
        await desk.press("G", *"process", "enter")
        await desk.until(lambda: column(desk) == ["nginx"])


async def test_a_search_is_the_engine_s(engine: Engine, clock: Clock) -> None:
    """What is searched for is summed up anew, and not hidden on the screen."""
    async with fleet(engine, clock) as desk:
        await desk.search("proc:postgres")
        await desk.until(lambda: column(desk) == ["10.9.9.0/24"])
        await desk.search("srtt<50ms")
        await desk.until(lambda: "70 %" in desk.text)


async def test_a_search_takes_effect_while_it_is_typed(engine: Engine, clock: Clock) -> None:
    """Letter by letter, without Enter; Esc shows all groups again."""
    async with fleet(engine, clock) as desk:
        await desk.press("slash", *"port", "colon", "2", "2")
        await desk.until(lambda: column(desk) == ["2001:db8:7::/48"])
        await desk.press("enter", "escape")
        await desk.until(lambda: len(column(desk)) == 3)


async def test_what_only_a_host_knows_is_refused(engine: Engine, clock: Clock) -> None:
    """The status line says why, and which key goes to the host; the rows stay."""
    async with fleet(engine, clock) as desk:
        await desk.search("acks>3")
        await desk.until(lambda: "Acks is known to the connection's host alone" in desk.status)
        assert "Enter" in desk.status
        assert len(column(desk)) == 3


async def test_enter_on_a_connection_goes_to_its_host(engine: Engine, clock: Clock) -> None:
    """The host is called with a query for this connection; without a way there, by a notice."""
    asked: list[Wanted] = []
    expected = "src:192.0.2.1:443 dst:10.1.2.9:40"
    for live in (None, asked.append):
        async with fleet(engine, clock, by="", live=live) as desk:
            await desk.press("g", "enter")
            if live is None:
                assert "ssh web1 sudo tcctui record" in await desk.noticed("Only web1")
    (wanted,) = asked
    assert wanted.host == "web1"
    assert wanted.query.startswith(expected)
    assert wanted.at_ns is None


async def test_an_engine_that_is_away_leaves_the_last_rows(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status line says so; rows stay, keys go on working, and rows come again with it."""
    monkeypatch.setattr(fleet_view, "EVERY_S", 0.01)
    monkeypatch.setattr(fleet_view, "_AGAIN_S", (0.01,))
    moody = Moody(engine)
    async with fleet(moody, clock) as desk:
        rows = column(desk)
        moody.away = "http://engine:8123 does not answer: refused."
        await desk.until(lambda: "does not answer" in desk.status)
        await desk.press("down", "greater_than_sign")
        assert sorted(column(desk)) == sorted(rows)
        moody.away = ""
        await desk.until(lambda: "does not answer" not in desk.status)


async def test_a_slow_engine_keeps_nobody_waiting(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While an answer takes long, the status line says so, and keys work."""
    monkeypatch.setattr(fleet_view, "_SLOW_S", 0.0)
    moody = Moody(engine)
    async with fleet(moody, clock) as desk:
        moody.open.clear()
        await desk.search("proc:postgres")
        await desk.until(lambda: "has not answered" in desk.status)
        await desk.press("escape")
        assert column(desk)
        moody.open.set()


async def test_an_engine_that_is_away_from_the_beginning(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dashboard opens and says so, keys go on; rows come with the engine."""
    monkeypatch.setattr(fleet_view, "_AGAIN_S", (1e6,))  # asked again by a search alone
    moody = Moody(engine)
    moody.away = "http://engine:8123 refuses the user reader: not allowed."
    async with fleet(moody, clock, rows=False) as desk:
        await desk.until(lambda: "refuses the user reader" in desk.status)
        assert "refuses the user reader" in "\n".join(lines(desk.table))
        await desk.press("down", "V", "escape", "Y", "H", "escape", "c", "i")
        await desk.noticed("The hosts can't be listed")
        moody.away = ""
        await desk.search("port:443")
        await desk.until(lambda: len(column(desk)) == 2)


async def test_an_engine_without_rows_says_what_to_run(engine: Engine, clock: Clock) -> None:
    """Where no host sends, the table says so, and how they would; a search says that it hides."""
    later = story.NOW + 3 * story.DAY
    async with fleet(engine, clock, rows=False, now=lambda: later) as desk:
        await desk.until(lambda: "sudo tcctui agent --to" in desk.text)
        for key in ("H", "Y", "V", "asterisk", "equals_sign", "enter", "t", "n", "c", "d", "left"):
            await desk.press(key, "escape")
        await desk.until(lambda: "No rows of this moment are kept." in desk.text)
        await desk.press("end")
        await desk.search("port:443")
        await desk.until(lambda: "Nothing matches that." in desk.text)


async def test_an_engine_that_answers_partly(engine: Engine, clock: Clock) -> None:
    """Rows without their pasts: the status line has the reason, which is asked for once a round."""
    moody = Moody(engine)
    moody.away, moody.away_for = "http://engine:8123 fails for now: memory.", "AS low"
    async with fleet(moody, clock) as desk:
        await desk.press("g")
        await desk.until(lambda: "fails for now" in desk.status)
        assert len(column(desk)) == 3
        await desk.until(lambda: "Nothing is known of its past" in desk.text)
        asked = moody.asked
        for _ in range(20):
            desk.look()
            await desk.idle()
        assert moody.asked <= asked + 2
        await desk.press("left")
        await desk.until(lambda: desk.player.settled)
        await desk.noticed("The past can't be read")
        asked = moody.asked
        for _ in range(20):
            desk.look()
            await desk.idle()
        assert moody.asked <= asked + 2


async def test_going_back_asks_about_then(engine: Engine, clock: Clock) -> None:
    """A day ago no net lost anything; End shows the present again."""
    async with fleet(engine, clock, at_s=story.NOW - story.DAY) as desk:
        await desk.until(lambda: desk.player.settled and "❚❚" in desk.status)
        await desk.until(lambda: len(column(desk)) == 3)
        assert "recovery" not in "\n".join(lines(desk.table))
        await desk.press("end")
        await desk.until(lambda: "recovery" in "\n".join(lines(desk.table)))


async def test_steps_are_of_the_windows(engine: Engine, clock: Clock) -> None:
    """An arrow goes back by a window of what is shown; [ is the same time a day earlier."""
    async with fleet(engine, clock) as desk:
        assert "←→ 5 min" in desk.text
        steps = {"left": "−5 min", "shift+left": "−1 h 05 min", "left_square_bracket": "−25 h"}
        for key, back in steps.items():
            await desk.press(key)
            await desk.until(lambda back=back: back in desk.status)  # type: ignore[misc]
        await desk.until(lambda: desk.player.settled)
        await desk.press("right_square_bracket", "end", "G", *"nothing", "enter")
        await desk.until(lambda: desk.table.known == 12)
        assert "←→ 10 s" in desk.text
        await desk.press("left", "left")
        await desk.until(lambda: "−20 s" in desk.status)


async def test_oldest_moment_is_never_said_to_be_forgotten(engine: Engine, clock: Clock) -> None:
    """Home goes to the oldest moment; while time goes on it stays there, without a notice."""
    now = [float(story.NOW)]
    async with fleet(engine, clock, now=lambda: now[0]) as desk:
        await desk.press("left", "home")
        await desk.until(lambda: desk.player.settled)
        now[0] += 100
        before = desk.status
        desk.dashboard.tick()
        await desk.idle()
        assert "forgotten" not in desk.text
        assert before.partition("❚❚")[2].split("·")[0] in desk.status


async def test_charts_of_a_group_are_of_hours_beside_yesterday(
    engine: Engine, clock: Clock
) -> None:
    """Windows are 1 h, 24 h, 7 days; the day before is a curve; c shows what was retransmitted."""
    async with fleet(engine, clock) as desk:
        await desk.press("g")
        await drawn(desk)
        assert "yesterday" in lines(desk.charts.right)[0]
        for window in ("last 24 h", "last 7 days", "last 1 h"):
            await desk.press("w")
            assert window in desk.caption
        await desk.press("c")
        await desk.until(lambda: "retransmitted" in lines(desk.charts.left)[0])
        await desk.press("minus")
        assert "last 6 h" in desk.caption


async def test_keys_of_one_machine_say_where_to_go(engine: Engine, clock: Clock) -> None:
    """A key that has no meaning here says why, and which key goes further."""
    async with fleet(engine, clock) as desk:
        for key, said in (("K", "The engine does every search"), ("E", "Enter opens one")):
            await desk.press(key)
            assert said in desk.text
            await desk.press("escape")
        await desk.press("n")
        assert "t shows it" in desk.text


async def test_help_is_that_of_a_fleet(engine: Engine, clock: Clock) -> None:
    """It explains each key as it works here, and leaves out those that have no meaning."""
    async with fleet(engine, clock) as desk:
        await desk.press("question_mark")
        entries = [
            entry for section in desk.pilot.app.screen.query(Section) for entry in section.entries
        ]
        told = {entry.name: entry.meaning for entry in entries}
        assert told["Enter"].startswith("Open the group")
        assert "a day earlier" in told["["]
        assert not {"K", "E"} & told.keys()


def test_meanings_are_of_keys_that_there_are() -> None:
    """Each name is that of an action."""
    known = {action.id for action in actions((FleetApp, Dashboard, *FlowTable.__mro__, Player))}
    assert keys.MEANINGS.keys() <= known


async def test_histogram_of_a_group_is_of_its_connections(engine: Engine, clock: Clock) -> None:
    """H merges what hosts counted in the hour; Enter opens the connections of a bin."""
    async with fleet(engine, clock) as desk:
        await desk.press("g", "H")
        await desk.until(lambda: "32,400 with an srtt" in desk.text)
        assert "10.1.2.0/24 in an hour" in desk.text
        await desk.press("enter")
        await desk.until(lambda: desk.table.known == 4)
        assert desk.box.value.startswith("dst:10.1.2.0/24 srtt>=")
        await desk.press("H")
        await desk.until(lambda: "4 flows for some 4 connections" in desk.text)


async def test_copies_of_a_group_are_of_the_group(engine: Engine, clock: Clock) -> None:
    """Y offers its figures, row and search, and no ends, which it has not."""
    async with fleet(engine, clock) as desk:
        await desk.press("g", "Y")
        options = desk.pilot.app.screen.query_one(OptionList).options
        assert [option.id for option in options] == ["group", "row", "search", "table"]
        assert "dst:10.1.2.0/24" in desk.text


async def test_cells_of_a_group_are_searched_for_as_it_is(engine: Engine, clock: Clock) -> None:
    """= asks for its connections, ! for all others; what only groups have can't be searched for."""
    async with fleet(engine, clock) as desk:
        await desk.press("g", "exclamation_mark")
        await desk.until(lambda: desk.table.known == 2)
        await desk.press("escape")
        await desk.until(lambda: desk.table.known == 3)
        await desk.press("g", "tab", "tab", "equals_sign")
        assert "FLOWS can't be searched for" in desk.text
        await desk.press("shift+tab", "equals_sign")
        await desk.until(lambda: column(desk) == ["10.1.2.0/24"])
        assert desk.box.value == "dst:10.1.2.0/24"


async def test_groups_are_compared_on_shared_axes(
    engine: Engine, clock: Clock, picture: Callable[[Desk], None]
) -> None:
    """V picks another group; both have their names, and the quantities that groups have."""
    async with fleet(engine, clock) as desk:
        await desk.press("g", "V", "enter")
        compare = desk.screen.query_one(Compare)
        await desk.until(lambda: compare.pair.left.data is not None)
        picture(desk)
        assert "1 10.1.2.0/24" in desk.text
        assert "retrans 5 %" in desk.text
        await desk.press("c", "c")
        await desk.until(lambda: "retransmitted" in lines(compare.pair.left)[0])
        await desk.press("V")
        assert not compare.display


async def test_rows_are_saved_with_units_and_errors(
    engine: Engine, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S writes groups and connections as they are shown, in the format that is picked."""
    monkeypatch.chdir(tmp_path)
    async with fleet(engine, clock) as desk:
        await desk.press("S", *"csv", "enter")
        assert "3 groups" in await desk.noticed("Saved")
        (path,) = tmp_path.glob("*.csv")
        with path.open() as file:
            rows = {row["group"]: row for row in csv.DictReader(file)}
        assert float(rows["10.1.2.0/24"]["retrans_percent"]) == pytest.approx(5)
        assert float(rows["10.1.2.0/24"]["srtt_us"]) == pytest.approx(60_000, rel=0.02)
        assert float(rows["10.1.2.0/24"]["flows_error_percent"]) == 0
        await desk.press("escape", "g", "enter")
        await desk.until(lambda: desk.table.known == 4)
        for name in ("json", "parquet"):
            await desk.press("S", *name, "enter")
            await desk.until(lambda: [*tmp_path.glob(f"*.{name}*")])  # noqa: B023
        (path,) = tmp_path.glob("*.jsonl")
        connections = [json.loads(line) for line in path.read_text().splitlines()]
        assert {(one["host"], one["weight"]) for one in connections} == {("web1", 1)}
        (path,) = tmp_path.glob("*.parquet")
        assert parquet.read_table(path).column("rate_bytes_per_s").to_pylist() == [1e6] * 4


async def test_timeline_is_of_the_fleet(engine: Engine, clock: Clock) -> None:
    """The last days are shown; N goes to the last hour in which far more was lost than usually."""
    async with fleet(engine, clock) as desk:
        await desk.press("t")
        strip = desk.screen.query_one(TimelineStrip)
        await desk.until(lambda: "retransmits/s" in lines(strip)[0] and "most 0" not in desk.text)
        assert "█" in lines(strip)[1]
        await desk.press("N")
        await desk.until(lambda: desk.player.settled and "❚❚" in desk.status)
        assert "108 retransmits/s" in lines(strip)[0]
        await desk.press("t")
        assert not desk.screen.query(TimelineStrip)


async def test_other_groups_begin_at_the_first_row(engine: Engine, clock: Clock) -> None:
    """After G the worst row is the selected one, whichever was selected before."""
    async with fleet(engine, clock) as desk:
        await desk.press("end", "G", *"service", "enter")
        await desk.until(lambda: "port 443" in desk.text)
        assert lines(desk.table)[1].split()[:2] == ["port", "443"]
        assert desk.table.selected is not None
        assert desk.dashboard.view.own_groups is not None
        assert desk.dashboard.view.own_groups.label(desk.table.selected) == "port 443"


async def test_alerts_are_of_groups_too(engine: Engine, clock: Clock) -> None:
    """A group that meets the condition is marked and named, also where --filter chooses some."""
    alarms = Alarms(Alerts([parse("retrans%>2")]))
    query = parse("port:443")
    async with fleet(engine, clock, alarms=alarms, base_query=query) as desk:
        clock.now += 2
        assert "10.1.2.0/24" in await desk.noticed("Alert: retrans%>2")
        await desk.press("escape", "A")
        assert "1 hold" in desk.text
        (line,) = (one for one in desk.text.splitlines() if "–now" in one)
        assert "10.1.2.0/24" in line
        await desk.press("enter")
        assert desk.dashboard.view.own_groups is not None
        assert desk.dashboard.view.own_groups.label(desk.table.selected or 0) == "10.1.2.0/24"


async def test_details_are_of_the_window(engine: Engine, clock: Clock) -> None:
    """Shares of a verdict are those of the ten seconds of a row, not of one machine's two."""
    async with fleet(engine, clock, by="") as desk:
        await desk.press("g")
        await desk.until(lambda: "of the last 10 s" in "".join(lines(desk.details)))
        assert "told by" not in desk.text


async def test_values_of_the_fleet_are_suggested(engine: Engine, clock: Clock) -> None:
    """A search of groups is completed with hosts, processes, nets and ports that there are."""
    values = {"host": "db1", "proc": "postgres", "dst": "10.1.2.0/24", "port": "5432"}
    async with fleet(engine, clock) as desk:
        await desk.press("slash")
        await desk.until(lambda: desk.screen.query_one(SearchBar)._live)
        for field, value in values.items():
            desk.box.value = ""
            await desk.press(*field, "colon")
            listed = desk.screen.query_one(Suggestions).options
            assert value in [str(one.prompt).split()[0] for one in listed], field


async def test_labels_of_hosts_group(engine: Engine, clock: Clock, tmp_path: Path) -> None:
    """G offers the labels that there are; Enter opens the connections of a label's hosts."""
    (file := tmp_path / "hosts.csv").write_text("host,rack\nweb1,a\nweb2,a\ndb1,b\n")
    for statement in (*labels.everything(), *labels.replaced(file)):
        engine.execute(statement)
    async with fleet(engine, clock) as desk:
        await desk.until(lambda: "label:rack" in desk.dashboard.view.own_groups.groupings)  # type: ignore[union-attr]
        await desk.press("G", *"rack", "enter")
        await desk.until(lambda: {*column(desk)} == {"a", "b"})
        await desk.until(lambda: column(desk)[0] == "a")
        await desk.press("g", "enter")
        await desk.until(lambda: {*column(desk)} == {"web1", "web2"})
        assert desk.box.value == 'host~"^(web1|web2)$"'


async def test_pins_are_of_the_rows_shown(engine: Engine, clock: Clock) -> None:
    """A pinned group is not among connections, nor one of two to compare."""
    async with fleet(engine, clock) as desk:
        await desk.press("g", "asterisk")
        assert len(desk.table.pinned) == 1
        await desk.press("enter")
        await desk.until(lambda: desk.table.known == 4)
        assert not desk.table.pinned


async def test_settings_of_one_machine_stay(engine: Engine, clock: Clock) -> None:
    """Columns and order chosen for a fleet are not kept for the dashboard of one machine."""
    kept: list[Mapping[str, Any]] = []
    async with fleet(engine, clock, preferences=Preferences(keep=kept.append)) as desk:
        await desk.press("greater_than_sign")
    assert kept == []


async def test_small_terminal(
    engine: Engine, clock: Clock, picture: Callable[[Desk], None]
) -> None:
    """On 80×24 the name, the change and the limit are there."""
    async with fleet(engine, clock, SMALL) as desk:
        await desk.press("g")
        await drawn(desk)
        picture(desk)


async def test_columns_of_a_fleet_are_offered_to_a_fleet(engine: Engine, clock: Clock) -> None:
    """Its host is one of them."""
    async with fleet(engine, clock) as desk:
        await desk.press("C")
        offered = {option.id for option in desk.pilot.app.screen.query_one(OptionList).options}
        assert offered >= OF_FLEET


class Knowing:
    """An engine that knows the host of every connection's other end."""

    def __init__(self, engine: Engine, *hosts: str) -> None:
        self._engine = engine
        self.hosts = hosts

    def query(self, sql: str, parameters: Mapping[str, object], seconds: float) -> Any:
        """Answer which hosts they are; all else the engine answers."""
        if "AS same" not in sql:
            return self._engine.query(sql, parameters, seconds)
        assert parameters["daddr"] == "10.1.2.9"
        return pa.Table.from_pylist([{"host": host, "same": 1} for host in self.hosts])


async def test_both_ends_of_a_connection_are_asked_of_both_hosts(
    engine: Engine, clock: Clock
) -> None:
    """V finds the host of the other end; one that has both is asked once; without, a notice."""
    asked: list[Wanted] = []
    knowing = Knowing(engine, "db1")
    async with fleet(knowing, clock, by="", live=asked.append) as desk:
        await desk.press("g", "V")
        await desk.until(lambda: asked)
        assert asked[0].both
        assert asked[0].host == "web1"
        assert asked[0].other is not None
        host, query = asked[0].other
        assert host == "db1"
        assert re.fullmatch(r"src:10\.1\.2\.9:\d+ dst:192\.0\.2\.1:443", query)
        knowing.hosts = ("web1",)
        await desk.press("V")
        await desk.until(lambda: len(asked) == 2)
        assert asked[1].other is None
        assert asked[1].query == f"({asked[0].query}) or ({query})"
        knowing.hosts = ()
        await desk.press("V")
        told = await desk.noticed("There is one end alone")
        assert "No host of the fleet has sent rows of 10.1.2.9" in told
    assert len(asked) == 2


async def test_enter_at_a_moment_goes_to_that_moment(engine: Engine, clock: Clock) -> None:
    """The host is asked for its last minutes around the moment that is shown."""
    asked: list[Wanted] = []
    at_s = story.NOW - 30
    async with fleet(engine, clock, by="", at_s=at_s, live=asked.append) as desk:
        await desk.until(lambda: desk.player.settled and "❚❚" in desk.status)
        await desk.press("g", "enter")
        await desk.until(lambda: asked)
    assert asked[0].at_ns == at_s * 1_000_000_000


class Closed:
    """An engine whose connections have all ended."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def query(self, sql: str, parameters: Mapping[str, object], seconds: float) -> Any:
        """Answer, with another state."""
        table = self._engine.query(sql, parameters, seconds)
        at = table.column_names.index("state") if "state" in table.column_names else None
        return table if at is None else table.set_column(at, "state", [["closed"] * len(table)])


async def test_enter_on_an_ended_connection_goes_to_its_last_moments(
    engine: Engine, clock: Clock
) -> None:
    """It is not there any more: a live screen would be empty."""
    asked: list[Wanted] = []
    async with fleet(Closed(engine), clock, by="", live=asked.append) as desk:
        await desk.press("g", "enter")
        await desk.until(lambda: asked)
    assert asked[0].at_ns == (story.NOW - 10) * 1_000_000_000


async def test_silent_hosts_are_named(engine: Engine, clock: Clock) -> None:
    """A host without a row for three windows is in the status line, and with i in the list."""
    # The last test: other looks have no host to name.
    story.insert(engine, "host", story.hosts())
    async with fleet(engine, clock) as desk:
        await desk.until(lambda: "1 host is silent: db1" in desk.status)
        # The last thing asked beside: this engine has no table of labels, which is no reason.
        await desk.until(lambda: cast("FleetApp", desk.pilot.app).fleet.oldest_s)
        assert "1 host is silent: db1" in desk.status
        await desk.press("i")
        await desk.until(lambda: "Hosts of the fleet" in desk.text)
        row = next(line for line in desk.text.splitlines() if "│ db1 " in line)
        assert "1 min 40 s" in row
        assert "3 hosts sent rows in the last day; 1 silent, 2 to look at" in desk.text
        row = next(line for line in desk.text.splitlines() if "│ web2 " in line)
        assert "+3600 s" in row
