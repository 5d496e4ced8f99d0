"""Choosing the table's columns: by keys and mouse, seen in the table at once, kept or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from textual.events import MouseScrollDown
from textual.widgets import Input, OptionList

from tcctui.config.settings import Settings
from tcctui.errors import TcctuiError
from tcctui.flows.frame import Frame, FrameRequest
from tcctui.flows.store import Store
from tcctui.ui.preferences import Preferences
from tcctui.ui.table.column_dialogs import Chosen, Columns, Sorting
from tcctui.ui.table.columns import BY_NAME, GROUPS, OF_FLEET, USUAL
from tcctui.ui.table.flow_table import FlowTable
from tests.ui.sampled import sampled_server
from tests.ui.screen import Clock, Desk, dashboard, lines


class Kept:
    """Remembers what was kept."""

    def __init__(self, failure: TcctuiError | None = None) -> None:
        self.changes: list[Mapping[str, Any]] = []
        self.failure = failure

    def __call__(self, changes: Mapping[str, Any]) -> None:
        if self.failure is not None:
            raise self.failure
        self.changes.append(changes)


class Open(NamedTuple):
    """A dashboard whose dialog is open."""

    desk: Desk
    table: FlowTable
    kept: Kept

    @property
    def dialog(self) -> Any:
        return self.desk.pilot.app.screen

    @property
    def titles(self) -> list[str]:
        """What the table's header has, without arrows."""
        header = lines(self.table)[0].replace(" 30s", "_30s")
        return [title.strip("▲▼¹²³123456789") for title in header.split()]

    @property
    def order(self) -> list[str]:
        """What the table is sorted by, as settings have it."""
        return [str(key) for key in self.table.order_by]

    def remark(self) -> str:
        return " ".join(lines(self.dialog.query_one("#remark"))).strip()

    def about(self) -> str:
        return " ".join(" ".join(lines(self.dialog.query_one("#about"))).split())


@asynccontextmanager
async def opened(
    clock: Clock,
    key: str = "C",
    size: tuple[int, int] = (80, 24),
    settings: Settings | None = None,
    failure: TcctuiError | None = None,
) -> AsyncIterator[Open]:
    """Open a dialog over the dashboard by its key."""
    kept = Kept(failure)
    preferences = Preferences(settings, kept)
    async with dashboard(sampled_server(), clock, size, preferences=preferences) as desk:
        await desk.press(key)
        yield Open(desk, desk.table, kept)


AT_80 = ["LOCAL", "REMOTE", "PROCESS", "CWND", "SRTT", "RATE", "LIMITED"]


async def test_the_dialog_begins_with_what_is_on_the_screen(clock: Clock) -> None:
    """The usual columns that fit are chosen, and nothing is kept where nothing was changed."""
    async with opened(clock) as at:
        assert isinstance(at.dialog, Columns)
        assert [BY_NAME[name].title for name in at.dialog.chosen] == AT_80 == at.titles
        assert at.remark() == "The usual columns, as many as fit."
        await at.desk.press("enter")
        assert at.desk.pilot.app.screen is at.desk.screen
        assert at.kept.changes == []


async def test_letters_find_a_column_and_space_chooses_it(clock: Clock) -> None:
    """What is chosen is in the table at once, takes effect at the end, and is kept by Enter."""
    async with opened(clock) as at:
        await at.desk.press(*"limit", "space")
        assert at.titles == AT_80[:-1]
        at.dialog.query_one(Input).value = ""
        await at.desk.press(*"rto")
        assert at.about().startswith("RTO retransmission timeout")
        assert at.about().endswith("from TCP_INFO tcpi_rto")
        await at.desk.press("space")
        assert at.titles == [*AT_80[:-1], "RTO"]
        assert "264 ms" in lines(at.table)[1]
        await at.desk.press("enter")
        names = ("local", "remote", "process", "cwnd", "srtt", "rate", "rto")
        assert at.kept.changes == [{"columns": names, "widths": {}}]
        assert at.titles == [*AT_80[:-1], "RTO"]


@pytest.mark.parametrize("key", ["C", "o"])
async def test_columns_of_a_fleet_are_not_offered_on_one_machine(clock: Clock, key: str) -> None:
    """They would be empty."""
    async with opened(clock, key, (160, 50)) as at:
        offered = [option.id for option in at.dialog.query_one(OptionList).options]
        assert "srtt" in offered
        assert not OF_FLEET & {*offered}


async def test_escape_leaves_all_as_it_was(clock: Clock) -> None:
    """Whatever was tried: the table is as before, and nothing is kept."""
    settings = Settings(columns=("remote", "cwnd"), widths={"remote": 30})
    async with opened(clock, settings=settings) as at:
        before = lines(at.table)
        assert at.titles == ["REMOTE", "CWND"]
        await at.desk.press("tab", "right", "J", "space", "r")
        assert lines(at.table) != before
        await at.desk.press("escape")
        assert lines(at.table) == before
        assert at.kept.changes == []


async def test_columns_are_moved(clock: Clock) -> None:
    """A chosen column goes a place further, or back; at an end it stays."""
    async with opened(clock) as at:
        await at.desk.press("tab")
        for further, back in (("shift+down", "shift+up"), ("J", "K")):
            await at.desk.press(further)
            assert at.titles == ["REMOTE", "LOCAL", *AT_80[2:]]
            assert at.dialog.query_one(Chosen).highlighted == 1
            await at.desk.press(back, back)
            assert at.titles == AT_80


async def test_columns_are_sized(clock: Clock) -> None:
    """A width changes by one, within what the column can be; others take what is left."""
    process = BY_NAME["process"]
    async with opened(clock) as at:
        await at.desk.press(*"cwnd", "left", "right")
        at.dialog.query_one(Input).value = ""
        await at.desk.press(*"process", "space", "left")
        assert at.dialog.widths["process"] == process.least
        for wider, narrower in (("plus", "minus"), ("right", "left")):
            await at.desk.press(*[narrower] * (process.greatest - process.least + 1))
            assert at.dialog.widths["process"] == process.least
            await at.desk.press(wider)
            assert at.dialog.widths["process"] == process.least + 1
            await at.desk.press(*[wider] * (process.greatest - process.least))
            assert at.dialog.widths["process"] == process.greatest
        await at.desk.press("enter")
        (changes,) = at.kept.changes
        assert changes["widths"]["process"] == process.greatest


async def test_what_has_no_room_is_said(clock: Clock) -> None:
    """What is added comes into view; a column that does not fit then is named, and stays chosen."""
    async with opened(clock) as at:
        await at.desk.press(*"rttvar", "space")
        assert at.titles == [*AT_80[:-1], "RTTVAR"]
        assert at.remark() == f"No room in 78 characters for {AT_80[-1]}."
        assert any("no room" in line for line in lines(at.dialog.query_one(Chosen)))
        await at.desk.resize(120, 24)
        await at.desk.until(lambda: at.remark() == "")
        assert at.titles == [*AT_80[:-1], "RTTVAR", AT_80[-1]]


@pytest.mark.parametrize("keys", [("ctrl+r",), ("tab", "r")])
async def test_the_usual_ones_come_back(clock: Clock, keys: tuple[str, ...]) -> None:
    """One key is enough, in either list, to be rid of whatever was chosen."""
    settings = Settings(columns=("cwnd", "rto"), widths={"cwnd": 9})
    async with opened(clock, settings=settings) as at:
        assert at.titles == ["CWND", "RTO"]
        await at.desk.press(*keys)
        assert at.titles == AT_80
        await at.desk.press("enter")
        assert at.kept.changes == [{"columns": (), "widths": {}}]


async def test_one_column_stays(clock: Clock) -> None:
    """The last one can't be taken away, and the dialog says so."""
    async with opened(clock, settings=Settings(columns=("cwnd",))) as at:
        await at.desk.press("tab", "delete")
        assert at.titles == ["CWND"]
        assert at.remark() == "One of them stays."


async def test_the_lists_are_walked(clock: Clock) -> None:
    """Arrows and pages go through the list that keys are about, past the titles of groups."""
    async with opened(clock) as at:
        assert at.about().startswith("LOCAL ")
        await at.desk.press("down")
        assert at.about().startswith("REMOTE ")
        assert at.dialog.query_one(Chosen).highlighted == 1
        await at.desk.press("up", "up")
        assert not at.about().startswith("REMOTE ")
        await at.desk.press("pagedown", "pageup", "tab", "j", "j", "k", "down", "up")
        assert at.about().startswith("REMOTE ")
        await at.desk.press("slash", *"nothing at all")
        assert "Nothing has these letters" in at.desk.text
        await at.desk.press("space", "left", "shift+up")
        assert at.titles == AT_80


async def test_a_click_chooses(clock: Clock) -> None:
    """The mouse does on the left what space does."""
    async with opened(clock) as at:
        offered = at.dialog.query_one("#offered", OptionList)
        place = next(n for n, option in enumerate(offered.options) if option.id == "state")
        assert await at.desk.click(offered, offset=(5, place))
        await at.desk.until(lambda: "state" in at.dialog.chosen)
        assert await at.desk.click(offered, offset=(5, 1))
        await at.desk.until(lambda: at.titles[0] == "REMOTE")
        top = offered.scroll_offset.y
        await at.desk.mouse(MouseScrollDown, offered, offset=(5, 5))
        await at.desk.until(lambda: offered.scroll_offset.y > top)


async def test_what_can_not_be_kept_is_said(clock: Clock) -> None:
    """Where the file can't be written the columns are there all the same, and a notice says why."""
    failure = TcctuiError("The disk is full.", "Make room on it.")
    async with opened(clock, failure=failure) as at:
        await at.desk.press(*"limit", "space", "enter")
        await at.desk.noticed("The disk is full.")
        assert at.titles == AT_80[:-1]


@pytest.mark.parametrize("name", BY_NAME)
def test_everything_is_offered(name: str) -> None:
    """Every column there is can be chosen, the sparklines too."""
    assert name in {one for _, names in GROUPS for one in names}


async def test_only_what_is_on_the_screen_is_pulled(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns that were chosen and have no room cost nothing."""
    pulled: set[str] = set()
    real = Store.frame

    def frame(self: Store, request: FrameRequest) -> Frame:
        assert request.rows is not None
        pulled.update(request.rows.cells)
        return real(self, request)

    settings = Settings(columns=("local", "remote", "cwnd", "process", "cgroup", "rto", "rttvar"))
    async with opened(clock, settings=settings) as at:
        await at.desk.press("escape")
        monkeypatch.setattr(Store, "frame", frame)
        await at.desk.framed()
        shown = {name for title in at.titles for name in _needs(title)}
        assert {"rttvar", "rto"} & pulled <= shown
        assert "rttvar" not in pulled


def _needs(title: str) -> tuple[str, ...]:
    return next(column.needs for column in BY_NAME.values() if column.title == title)


# Sorting


async def test_several_columns_are_sorted_by(clock: Clock) -> None:
    """The first decides, then the second; the table follows at once, and Enter keeps it."""
    settings = Settings(columns=("remote", "cc", "rate"))
    async with opened(clock, "o", settings=settings) as at:
        assert isinstance(at.dialog, Sorting)
        assert at.order == ["-rate"]
        await at.desk.press(*"cc", "space")
        assert at.order == ["-rate", "cc"]
        await at.desk.press("shift+up")
        assert at.order == ["cc", "-rate"]
        ccs = [cc for cc in at.desk.column("cc") if cc != "–"]
        assert ccs == sorted(ccs)
        await at.desk.press("tab", "down", "right")
        assert at.order == ["cc", "rate"]
        await at.desk.press("enter")
        assert at.kept.changes == [{"sort": ("cc", "rate")}]


async def test_a_sort_can_be_left(clock: Clock) -> None:
    """Escape brings the order back that was there; r is the usual order."""
    async with opened(clock, "o", settings=Settings(sort=("cwnd", "-srtt"))) as at:
        assert at.order == ["cwnd", "-srtt"]
        await at.desk.press("ctrl+r")
        assert at.order == ["-rate"]
        await at.desk.press("escape")
        assert at.order == ["cwnd", "-srtt"]
        assert at.kept.changes == []


async def test_what_can_not_be_sorted_is_not_offered(clock: Clock) -> None:
    """Sparklines and shares have no order; everything else has."""
    async with opened(clock, "o") as at:
        offered = {option.id for option in at.dialog.query_one("#offered", OptionList).options}
        sortable = {name for name, column in BY_NAME.items() if column.sort}
        assert offered - {None} == sortable - OF_FLEET
        assert set(USUAL) - offered == {"cwnd_spark", "srtt_spark"}
