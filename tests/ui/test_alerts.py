"""Alerts on the screen: rows are marked, notices appear, A lists them, others are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tcctui.alerts.alert import Alerts, Turns
from tcctui.alerts.condition import condition
from tcctui.arrays import Mask
from tcctui.query import QueryError, parse
from tcctui.query.evaluation import Evaluation
from tcctui.ui.dashboard import alarm
from tcctui.ui.dashboard.alarm import Alarm, Alarms
from tcctui.ui.dialogs import Pick
from tests.ui.fake_source import FakeSource, Flow
from tests.ui.screen import Clock, Desk, dashboard, notices, recorded, replay, screen

CALM, SLOW, THIRD = 1, 2, 3


class Told:
    """Takes down what others are told."""

    def __init__(self, *troubles: str) -> None:
        self.raised: list[int] = []
        self.cleared: list[int] = []
        self._troubles = list(troubles)

    def tell(self, turns: Turns) -> None:
        self.raised += [alert.cookie for alert in turns.raised]
        self.cleared += [alert.cookie for alert in turns.cleared]

    def troubles(self) -> list[str]:
        told, self._troubles = self._troubles, []
        return told


def server(flows: Iterable[Flow] | None = None) -> FakeSource:
    """Make three connections, one of them slow."""
    made = flows or [
        Flow(CALM, "10.0.0.1:443", "192.0.2.1:5001", rate=3e6),
        Flow(SLOW, "10.0.0.1:443", "192.0.2.2:5002", rate=2e6, srtt_us=300_000),
        Flow(THIRD, "10.0.0.1:443", "192.0.2.3:5003", rate=1e6),
    ]
    source = FakeSource(made)
    source.run(2)
    return source


def alarms(*texts: str, told: Told | None = None) -> Alarms:
    """Look for these; they clear as soon as they hold no longer."""
    return Alarms(Alerts([parse(text) for text in texts], calm_ns=0), told)


@pytest.fixture(autouse=True)
def at_each_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at each frame, instead of once a second."""
    monkeypatch.setattr(alarm, "LOOK", 0.0)


async def looks(desk: Desk) -> None:
    """Look once more, now."""
    await desk.framed()


def marked(desk: Desk) -> list[str]:
    """The rows that begin with a mark."""
    return [line for line in screen(desk.pilot) if line.startswith("!")]


async def test_a_row_is_marked_once(clock: Clock) -> None:
    """The row is marked and a notice names it, once, until it clears; then it may come again."""
    told = Told()
    async with dashboard(server(), clock, alarms=alarms("srtt>200ms", told=told)) as desk:
        await looks(desk)
        (row,) = marked(desk)
        assert "192.0.2.2:5002" in row
        await desk.noticed("Alert: srtt>200ms", "192.0.2.2:5002")
        assert len(notices(desk)) == 1
        await desk.run(1)
        await looks(desk)
        assert told.raised == [SLOW]
        desk.source.flows[SLOW].srtt_us = 20_000
        await desk.run(1)
        await looks(desk)
        assert marked(desk) == []
        assert told.cleared == [SLOW]
        desk.source.flows[SLOW].srtt_us = 300_000
        await desk.run(1)
        await looks(desk)
        assert told.raised == [SLOW, SLOW]
        assert len(marked(desk)) == 1


async def test_an_alert_of_a_group(clock: Clock) -> None:
    """It is named in notice and list, and its matching connections are marked, no others."""
    asked = Alarms(Alerts([condition("group:net count(srtt>200ms)>0")], calm_ns=0))
    async with dashboard(server(), clock, alarms=asked) as desk:
        await looks(desk)
        (row,) = marked(desk)
        assert "192.0.2.2:5002" in row
        await desk.noticed("net 192.0.2.0/24", "matching 1, connections 3")
        await desk.press("A")
        assert "net 192.0.2.0/24" in desk.text
        await desk.press("enter")
        assert desk.table.selected == SLOW


async def test_many_are_one_notice(clock: Clock) -> None:
    """Many that come together are named in one notice, some of them."""
    flows = [Flow(key, "10.0.0.1:443", f"192.0.2.{key}:5000") for key in range(1, 31)]
    async with dashboard(server(flows), clock, alarms=alarms("srtt>1ms", "port:443")) as desk:
        await looks(desk)
        notice = await desk.noticed("60 alerts")
        assert len(notices(desk)) == 1
        assert "and 57 more: A lists them" in " ".join(notice.replace("▌", "").split())


async def test_what_comes_soon_after_waits(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that goes to and fro does not fill the screen: notices are some seconds apart."""
    monkeypatch.setattr(alarm, "APART", 600.0)  # whatever else the machine does
    monkeypatch.setattr(alarm, "_STAYS", 600.0)
    async with dashboard(server(), clock, alarms=alarms("srtt>200ms")) as desk:
        await looks(desk)
        for srtt_us in (20_000, 300_000, 20_000, 300_000):
            desk.source.flows[SLOW].srtt_us = srtt_us
            await desk.run(1)
            await looks(desk)
        assert len(notices(desk)) == 1
        bell = desk.screen.query_one(Alarm)
        bell._quiet_until = 0
        await looks(desk)
        assert len(notices(desk)) == 2


async def test_the_list(clock: Clock) -> None:
    """A lists what holds and what did; Enter takes to its flow."""
    watched = alarms("srtt>200ms", "cwnd>50")
    async with dashboard(server(), clock, alarms=watched) as desk:
        await looks(desk)
        desk.source.flows[SLOW].srtt_us = 20_000
        desk.source.flows[THIRD].cwnd = (90, 90)
        await desk.run(1)
        await looks(desk)
        await desk.press("A")
        assert isinstance(desk.pilot.app.screen, Pick)
        shown = desk.text
        assert "Alerts: 1 hold, 1 cleared · UTC" in shown, "the times below are of this zone"
        assert shown.index("192.0.2.3:5003") < shown.rindex("srtt>200ms")
        assert "–now" in shown
        await desk.press("enter")
        await desk.idle()
        assert desk.table.selected == THIRD


async def test_the_list_goes_on(clock: Clock) -> None:
    """While it is open, what comes is listed, and what is highlighted stays so.

    Also where the same alert was given twice.
    """
    watched = alarms("srtt>200ms", "srtt>200ms", "cwnd>50")
    async with dashboard(server(), clock, alarms=watched) as desk:
        await looks(desk)
        await desk.press("A")
        assert isinstance(desk.pilot.app.screen, Pick)
        assert "192.0.2.2:5002" in desk.text
        desk.source.flows[THIRD].cwnd = (90, 90)
        desk.source.run(1)
        await desk.until(lambda: desk.source.taken_in)
        await looks(desk)
        shown = desk.text
        assert "Alerts: 3 hold, 0 cleared" in shown
        assert shown.index("cwnd>50") < shown.index("srtt>200ms")
        await desk.press("enter")
        assert desk.table.selected == SLOW


async def test_nothing_to_list(clock: Clock) -> None:
    """Without alerts, A says how to have some."""
    async with dashboard(server(), clock) as desk:
        await desk.press("A")
        await desk.noticed("--alert QUERY")


async def test_troubles_are_said(clock: Clock) -> None:
    """What could not be told elsewhere is said on the screen, which goes on."""
    told = Told("alerts.jsonl can't be written: No space left on device.")
    async with dashboard(server(), clock, alarms=alarms("cwnd>999", told=told)) as desk:
        await looks(desk)
        await looks(desk)
        await desk.noticed("No space left")
        assert len(notices(desk)) == 1


async def test_alerts_in_a_replay(clock: Clock) -> None:
    """In a recording they are of its own moments."""
    source = server()
    log = recorded(source)
    async with replay(
        log, source, clock, at_ns=log.span.last_ns, alarms=alarms("srtt>200ms")
    ) as desk:
        await looks(desk)
        (row,) = marked(desk)
        assert "192.0.2.2:5002" in row


async def test_the_present_is_watched_while_the_past_is_shown(clock: Clock) -> None:
    """Whoever looks back is told nevertheless of what happens meanwhile."""
    told = Told()
    async with dashboard(server(), clock, alarms=alarms("cwnd>50", told=told)) as desk:
        await desk.travel("left")
        desk.source.flows[THIRD].cwnd = (90, 90)
        desk.source.run(1)
        await desk.until(lambda: desk.source.taken_in)
        await looks(desk)
        assert told.raised == [THIRD]


async def test_it_looks_by_itself(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to ask."""
    monkeypatch.setattr(alarm, "LOOK", 0.05)
    async with dashboard(server(), clock, alarms=alarms("srtt>200ms")) as desk:
        await desk.until(lambda: marked(desk))


async def test_the_filter_of_the_command_line(clock: Clock) -> None:
    """What --filter does not let through is not shown, whatever is searched for; Esc keeps it."""
    async with dashboard(server(), clock, base_query=parse("srtt>200ms")) as desk:
        assert desk.order == [SLOW]
        assert "filter: srtt>200ms" in desk.status
        await desk.search("port:5001")
        await desk.until(lambda: "--filter" in desk.text)
        await desk.see("escape", "escape")
        assert desk.order == [SLOW]


async def test_a_filter_that_takes_too_long_is_given_up(clock: Clock) -> None:
    """Where a pattern is too slow for these flows, all are shown, and it is said why."""

    def slow(_: Evaluation) -> Mask:
        raise QueryError(0, 1, "this pattern takes too long")

    query = replace(parse("~x"), _match=slow)
    async with dashboard(server(), clock, (80, 24), base_query=query) as desk:
        await desk.noticed("This pattern takes too long")
        await desk.looked()
        assert len(desk.order) == 3
        assert "filter" not in desk.status
        assert len(notices(desk)) == 1


@pytest.mark.parametrize(("size", "told"), [((80, 24), "filtered"), ((160, 50), "filter: port:")])
async def test_the_filter_is_said_where_there_is_little_room(
    clock: Clock, size: tuple[int, int], told: str
) -> None:
    """On any screen, live or of a recording, one can see that not all flows are shown."""
    source, query = server(), parse("port:443 and srtt>200ms and not ip:192.0.2.9")
    async with dashboard(source, clock, size, base_query=query) as desk:
        assert told in desk.status
    async with replay(recorded(server()), source, clock, size, base_query=query) as desk:
        assert told in desk.status


async def test_what_the_kernel_does_is_said_once(clock: Clock) -> None:
    """A filter that the kernel decides is told as the kernel's."""
    source = server()
    source.kernel_filter = "port:443"
    async with dashboard(source, clock, base_query=parse("port:443")) as desk:
        assert desk.status.count("port:443") == 1
