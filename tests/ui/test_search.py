"""The search box: it filters while one types, and explains mistakes instead of acting on them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tcctui.arrays import Mask
from tcctui.config.searches import Searches
from tcctui.config.settings import Settings
from tcctui.errors import TcctuiError
from tcctui.query import Query, QueryError, parse
from tcctui.ui.preferences import Preferences
from tcctui.ui.search import search_bar
from tcctui.ui.search.search_bar import SearchBar
from tcctui.ui.table.sorting import SortKey
from tests.ui.fake_source import server
from tests.ui.screen import Clock, Desk, dashboard, lines, notices, painted


def mistake_line(desk: Desk) -> str:
    """The line below the box; empty when it is not there."""
    line = desk.screen.query_one("#mistake")
    return "".join(lines(line)[:1]) if line.display else ""


def underlined(desk: Desk) -> tuple[int, str]:
    """What is underlined in the box: its column there, and the text."""
    column, start, text = 0, 0, ""
    for segment in painted(desk.box)[0]:
        if segment.style is not None and segment.style.underline:
            start = start if text else column
            text += segment.text
        column += segment.cell_length
    return start, text


async def test_typing_filters_at_once(clock: Clock) -> None:
    """Each character typed after `/` narrows the table; each one deleted widens it again."""
    async with dashboard(server(), clock) as desk:
        assert not desk.box.has_focus
        await desk.press("slash")
        assert desk.box.has_focus
        await desk.press(*"192")
        await desk.until(lambda: desk.order == [4, 12, 10, 11])
        await desk.press(*".0.2.20")
        await desk.until(lambda: desk.order == [12, 10, 11])
        await desk.press("2")
        await desk.until(lambda: desk.order == [12])
        await desk.press("backspace")
        await desk.until(lambda: desk.order == [12, 10, 11])


async def test_a_field_s_name_is_not_searched_for_while_it_is_typed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the way to `port:22` no row is hidden for not having `port` in it."""
    monkeypatch.setattr(search_bar, "PATIENCE", 60)
    async with dashboard(server(), clock) as desk:
        await desk.search("192.0.2")
        await desk.until(lambda: desk.order == [4, 12, 10, 11])
        await desk.press("space")
        for letter in "port":
            await desk.see(letter)
            assert desk.order == [4, 12, 10, 11]
        await desk.press(*":22", "enter")
        await desk.until(lambda: desk.order == [4])


async def test_a_port_is_not_searched_for_while_it_is_typed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the way to port 443 and back the rows of ports 4 and 44, which are none, don't flash.

    Who stops behind a number has searched for it.
    """
    async with dashboard(server(), clock) as desk:
        await desk.press("slash", *"port:22")
        await desk.until(lambda: desk.order == [4])
        monkeypatch.setattr(search_bar, "PATIENCE", 60)
        await desk.press("escape", "escape")
        await desk.see("slash", *"port:44")
        assert len(desk.order) == 12
        await desk.press("3", "enter")
        shown = [1, 2, 3, 5, 9, 10, 11]
        await desk.until(lambda: desk.order == shown)
        await desk.see("slash", "backspace")
        assert desk.order == shown
        await desk.press("backspace", "backspace", *"22", "space")
        await desk.until(lambda: desk.order == [4])


async def test_a_word_that_begins_a_field_s_name_is_found(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever types such a word and stops is understood a moment later, or with Enter at once."""
    async with dashboard(server(), clock) as desk:
        await desk.search("c")
        await desk.until(lambda: set(desk.order) == {6, 9, 10})
        monkeypatch.setattr(search_bar, "PATIENCE", 60)
        await desk.press("backspace", "d", "enter")
        assert desk.table.has_focus
        await desk.until(lambda: set(desk.order) == {3, 6, 9})
        await desk.press("slash", "backspace", *"port", "escape")
        await desk.press("escape")
        await desk.until(lambda: len(desk.order) == 12)


async def test_a_number_that_nothing_has_leaves_the_rows_while_it_is_typed(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever pauses within a number sees the rows of before, and hears that nothing matches."""
    monkeypatch.setattr(search_bar, "PATIENCE", 0.05)
    async with dashboard(server(), clock) as desk:
        await desk.search("203.0.113")
        before = desk.order
        await desk.press("space", *"port", "colon", *"5")
        await desk.until(lambda: "No flow matches that yet" in mistake_line(desk))
        await desk.looked()
        assert desk.order == before
        await desk.press(*"1514")
        await desk.until(lambda: desk.order == [1])
        assert not mistake_line(desk)
        await desk.press("backspace", "5")
        await desk.until(lambda: "No flow matches that yet" in mistake_line(desk))
        assert desk.order == [1], "what was found on the way holds"
        await desk.see("enter")
        assert "The search hides all" in desk.text
        assert not mistake_line(desk)


async def test_what_is_typed_is_searched_for_as_soon_as_a_flow_matches(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flow that comes while the number stands in the box is shown, without a further key."""
    monkeypatch.setattr(search_bar, "PATIENCE", 0.05)
    async with dashboard(server(), clock) as desk:
        await desk.press("slash", *"cwnd", "greater_than_sign", *"500")
        await desk.until(lambda: "No flow matches that yet" in mistake_line(desk))
        desk.source.flows[2].cwnd = (600, 600)
        await desk.run(1)
        await desk.until(lambda: desk.order == [2] and not mistake_line(desk))


async def test_enter_keeps_the_filter_and_escape_clears_it(clock: Clock) -> None:
    """Enter goes back to the table with the filter on, `/` to what was typed; Esc removes it.

    That is so in the box and in the table: what hides flows can be taken away where one looks.
    """
    async with dashboard(server(), clock) as desk:
        await desk.find("ip:127.0.0.1")
        assert desk.table.has_focus
        assert desk.order == [7, 8]
        await desk.press("down")
        assert desk.selected == 8

        await desk.press("slash")
        assert desk.box.has_focus
        assert desk.box.value == "ip:127.0.0.1"
        for keys in (("escape",), ("slash", *"22", "enter", "escape")):
            await desk.press(*keys)
            assert desk.table.has_focus
            assert desk.box.value == ""
            await desk.until(lambda: len(desk.order) == 12)


@pytest.mark.parametrize(
    ("good", "typed", "shown"),
    [
        ("port:22", "port:22x", [4]),
        ("ip:127.0.0.1", "ip:127.0.0.1 cwdn>10", [7, 8]),
        ("203.0.113", '203.0.113 "no end', [1, 5]),
        ("", "srtt>", [1, 2, 3, 4, 5, 6, 7, 8, 12, 9, 10, 11]),
    ],
)
async def test_a_mistake_is_shown_where_it_is_and_the_last_good_filter_holds(
    clock: Clock, good: str, typed: str, shown: list[int]
) -> None:
    """A mistake is underlined, a caret below it has the reason, and the rows stay as they were."""
    with pytest.raises(QueryError) as caught:
        parse(typed)
    mistake = caught.value
    async with dashboard(server(), clock) as desk:
        await desk.search(good)
        await desk.until(lambda: desk.order == shown)
        await desk.paste(typed.removeprefix(good))
        await desk.until(lambda: mistake.reason in mistake_line(desk))
        await desk.looked()
        assert desk.order == shown
        column, text = underlined(desk)
        assert text == typed[mistake.start : mistake.end]
        assert mistake_line(desk)[column] == "^"
        assert "last good filter" in mistake_line(desk)

        await desk.search(good)
        await desk.until(lambda: not mistake_line(desk))
        assert underlined(desk)[1] == ""


@pytest.mark.parametrize("words", [6, 12], ids=["at the end of the line", "beyond it"])
async def test_the_reason_is_readable_wherever_the_mistake_is(clock: Clock, words: int) -> None:
    """All of the reason is on the screen, also where the text is longer than the box."""
    typed = "203.0.113 " * words + "port:x"
    with pytest.raises(QueryError) as caught:
        parse(typed)
    async with dashboard(server(), clock, (80, 24)) as desk:
        await desk.search(typed)
        await desk.until(lambda: caught.value.reason in mistake_line(desk))


async def test_keys_typed_into_the_box_are_text(clock: Clock) -> None:
    """Letters, space and signs that are keys of the dashboard elsewhere do nothing but appear."""
    async with dashboard(server(), clock) as desk:
        await desk.press("slash")
        await desk.press(*"qpwsyrjkgG", "space", "less_than_sign", "question_mark", "slash")
        assert desk.box.value == "qpwsyrjkgG <?/"
        assert desk.box.has_focus
        assert desk.pilot.app.screen is desk.screen
        assert "● live" in desk.status
        assert desk.charts.seconds == 60
        assert desk.table.order_by == (SortKey("rate", True),)
        assert desk.pilot.app.return_code is None


async def test_the_filter_follows_the_values(clock: Clock) -> None:
    """A flow enters and leaves the table as its values come to match, without another key."""
    async with dashboard(server(), clock) as desk:
        await desk.search("cwnd>1000")
        await desk.until(lambda: desk.order == [])
        desk.source.flows[3].cwnd = (2000, 2000)
        desk.source.run(0.25)
        await desk.until(lambda: desk.order == [3])
        desk.source.flows[3].cwnd = (10, 10)
        desk.source.run(0.25)
        await desk.until(lambda: desk.order == [])


async def test_a_search_that_fails_on_the_rows_gives_way_to_the_last_good_one(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a filter can be read but not be worked out, the rows stay, and the reason is said."""

    def slow(text: str) -> Query:
        def match(flows: object) -> Mask:
            raise QueryError(0, len(text), "this takes too long")

        query = parse(text)
        return replace(query, _match=match) if text == "slow" else query

    monkeypatch.setattr(search_bar, "parse", slow)
    async with dashboard(server(), clock) as desk:
        await desk.search("port:22")
        await desk.until(lambda: desk.order == [4])
        desk.box.value = "slow"
        await desk.until(lambda: "this takes too long" in mistake_line(desk))
        await desk.looked()
        assert desk.order == [4]
        assert desk.table.flow_query.text == "port:22"
        await desk.search("port:8080")
        await desk.until(lambda: desk.order == [12])
        assert not mistake_line(desk)


async def test_what_was_expected_is_said(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Besides the reason the line has what could stand there, as much as there is room for."""
    mistake = QueryError(0, 1, "there is something wrong")
    monkeypatch.setattr(mistake, "expected", tuple("abcdefg"), raising=False)

    def failing(text: str) -> Query:
        raise mistake

    async with dashboard(server(), clock) as desk:
        monkeypatch.setattr(search_bar, "parse", failing)
        await desk.search("x")
        await desk.until(lambda: "(expected: a, b, c, d, e …)" in mistake_line(desk))
        assert "last good filter" in mistake_line(desk)


async def test_up_goes_to_former_searches(clock: Clock) -> None:
    """What Enter searched for comes back with the up key, is on at once, and is kept."""
    kept: list[list[str]] = []
    preferences = Preferences(searches=Searches(["port:22"], kept.append))
    async with dashboard(server(), clock, preferences=preferences) as desk:
        await desk.find("ip:127.0.0.1")
        await desk.until(lambda: kept == [["port:22", "ip:127.0.0.1"]])
        await desk.press("slash", "escape")
        await desk.until(lambda: len(desk.order) == 12)
        await desk.press("slash", "up")
        await desk.until(lambda: desk.order == [7, 8])
        await desk.press("up")
        await desk.until(lambda: desk.order == [4])
        assert desk.box.value == "port:22"
        await desk.press("up", "down")
        await desk.until(lambda: desk.order == [7, 8])
        await desk.press("down")
        await desk.until(lambda: len(desk.order) == 12)
        assert desk.box.value == ""


async def test_searches_that_cannot_be_kept_are_told_of_once(clock: Clock) -> None:
    """A full disk is a notice, the first time, and searches are still there with the up key."""

    def full(searches: list[str]) -> None:
        raise TcctuiError("The disk is full.", "Make room.")

    async with dashboard(
        server(), clock, preferences=Preferences(searches=Searches((), full))
    ) as desk:
        for text in ("port:22", "port:443"):
            await desk.find(text)
        await desk.noticed("The disk is full")
        assert len(notices(desk)) == 1
        await desk.press("slash", "up", "up")
        assert desk.box.value == "port:22"


async def test_a_search_is_saved_picked_and_deleted(clock: Clock) -> None:
    """Saved under a name, it is in the list behind `f`, goes into the box from there, and leaves.

    Each change is kept.
    """
    kept: list[Mapping[str, Any]] = []
    preferences = Preferences(Settings(filters={"ssh": "port:22"}), kept.append)
    async with dashboard(server(), clock, preferences=preferences) as desk:
        await desk.search("ip:127.0.0.1")
        await desk.press("ctrl+s", *"local", "enter")
        assert kept == [{"filters": {"ssh": "port:22", "local": "ip:127.0.0.1"}}]
        await desk.press("enter", "f")
        shown = desk.text
        assert re.search(r"ssh +port:22", shown)
        assert re.search(r"local +ip:127", shown)
        await desk.press(*"ssh", "enter")
        await desk.until(lambda: desk.order == [4])
        assert desk.box.value == "port:22"
        await desk.press("f", "delete", "escape")
        assert kept[-1] == {"filters": {"local": "ip:127.0.0.1"}}
        assert desk.order == [4]
        await desk.press("f", *"save", "enter", *"again", "enter")
        assert preferences.settings.filters == {"local": "ip:127.0.0.1", "again": "port:22"}


async def test_a_saved_search_whose_word_means_another_window(clock: Clock) -> None:
    """Where a picked filter compares rwnd, once this end's window, that is said; else nothing is.

    The notice is whole at 80 columns.
    """
    filters = {"old": "rwnd<9000000", "limit": "limit:rwnd snd_wnd>=0", "new": "snd_wnd<9000000"}
    preferences = Preferences(Settings(filters=filters))
    async with dashboard(server(), clock, (80, 24), preferences=preferences) as desk:
        for name in ("limit", "new"):
            await desk.press("f", *name, "enter")
            assert desk.box.value == filters[name]
        assert not notices(desk)
        await desk.press("f", *"old", "enter")
        await desk.noticed("rwnd is the peer's window now")
        assert "rcv_wnd (this end's) or snd_wnd" in desk.text


async def test_a_mistake_is_not_saved(clock: Clock) -> None:
    """What is no search gets no name, and that is said."""
    async with dashboard(server(), clock) as desk:
        await desk.search("cwdn>10")
        await desk.press("ctrl+s")
        await desk.noticed("Not saved")
        assert desk.pilot.app.screen is desk.screen


async def test_a_condition_is_added_from_elsewhere(clock: Clock) -> None:
    """It holds besides the good part of the search, at once, and the focus stays in the table."""
    async with dashboard(server(), clock) as desk:
        await desk.find("443")
        bar = desk.screen.query_one(SearchBar)
        bar.add("dst:203.0.113.9", False)
        await desk.until(lambda: desk.order == [1])
        assert desk.table.has_focus
        bar.add("dst:203.0.113.9", True)
        await desk.until(lambda: 1 not in desk.order and len(desk.order) > 3)
        assert bar.text == "443 -dst:203.0.113.9"
