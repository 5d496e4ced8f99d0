"""The list below the search box: what it has, what its keys do, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tcctui.flows.store import Store
from tcctui.query import completion
from tcctui.query.completion import Completion, Suggestion
from tcctui.ui.search.present_values import Present
from tcctui.ui.search.suggestions import Suggestions
from tcctui.ui.view import CurrentView
from tests.ui.fake_source import server
from tests.ui.screen import WIDE, Clock, Desk, dashboard, screen

FIELDS = ("port:", "pacing", "proc:", "pid:", "pmtu")


@pytest.fixture(autouse=True)
def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Complete words that begin fields, and values of what is present behind a colon."""

    def completed(text: str, cursor: int, live: Mapping[str, Sequence[str]]) -> Completion:
        word = text[:cursor].rpartition(" ")[2]
        field, colon, value = word.partition(":")
        known = live.get(field, ()) if colon else FIELDS
        begun = value if colon else field
        choices = [Suggestion(one, f"about {one}") for one in known if one.startswith(begun)]
        return Completion(cursor - len(begun), cursor, tuple(choices))

    monkeypatch.setattr(completion, "complete", completed)


def suggested(desk: Desk) -> list[str]:
    """What is listed; nothing where there is no list."""
    listed = desk.screen.query_one(Suggestions)
    if not listed.display:
        return []
    return [str(option.prompt).split()[0] for option in listed.options]


@pytest.mark.parametrize("size", [(80, 24), WIDE])
async def test_fields_are_suggested_over_the_table(clock: Clock, size: tuple[int, int]) -> None:
    """What begins like the word is listed below it, and the table stays where it is."""
    async with dashboard(server(), clock, size) as desk:
        before = desk.table.region
        await desk.press("slash", *"x p")
        assert suggested(desk) == list(FIELDS)
        assert desk.table.region == before
        rows = screen(desk.pilot)[2:7]
        assert [row[3:].split()[0] for row in rows] == list(FIELDS)
        await desk.press("o")
        assert suggested(desk) == ["port:"]
        await desk.press("backspace", "backspace")
        assert suggested(desk) == []


async def test_tab_takes_a_suggestion_and_values_follow(clock: Clock) -> None:
    """Tab puts the highlighted field into the text, then the commonest port; so does right."""
    async with dashboard(server(), clock) as desk:
        await desk.press("slash", *"port:")
        await desk.press("backspace", "backspace", "backspace", "tab")
        assert desk.box.value == "port:"
        await desk.until(lambda: suggested(desk)[:1] == ["443"])
        await desk.press("right")
        assert desk.box.value == "port:443"
        assert desk.box.has_focus
        await desk.until(lambda: desk.order == [1, 2, 3, 5, 9, 10, 11])


async def test_arrows_choose_and_enter_takes_only_what_was_chosen(clock: Clock) -> None:
    """Enter behind a word searches for it as it is; after ↓ it takes what was gone to."""
    async with dashboard(server(), clock) as desk:
        await desk.press("slash", *"p", "enter")
        assert desk.box.value == "p"
        assert desk.table.has_focus
        assert suggested(desk) == []
        await desk.press("slash", "backspace", "p", "down", "down", "down", "up", "enter")
        assert desk.box.value == "pacing"
        assert desk.box.has_focus


async def test_escape_takes_the_list_away_before_the_search(clock: Clock) -> None:
    """The first Esc closes the list and leaves the text, the second clears it."""
    async with dashboard(server(), clock) as desk:
        await desk.press("slash", *"p", "escape")
        assert suggested(desk) == []
        assert desk.box.value == "p"
        assert desk.box.has_focus
        await desk.press("escape")
        assert desk.box.value == ""
        assert desk.table.has_focus


async def test_tab_lists_all_where_nothing_is_begun(clock: Clock) -> None:
    """In an empty box the list comes when it is asked for."""
    async with dashboard(server(), clock) as desk:
        await desk.press("slash")
        assert suggested(desk) == []
        await desk.press("tab")
        assert suggested(desk) == list(FIELDS)
        assert desk.box.has_focus


async def test_a_click_takes_a_suggestion(clock: Clock) -> None:
    """The mouse takes what it is on, and typing goes on in the box."""
    async with dashboard(server(), clock) as desk:
        await desk.press("slash", "p")
        await desk.click(Suggestions, offset=(3, 2))
        await desk.until(lambda: desk.box.value == "proc:")
        assert desk.box.has_focus


async def test_the_list_goes_with_the_word(clock: Clock) -> None:
    """Who goes elsewhere in the text or back to the table is not followed by suggestions."""
    async with dashboard(server(), clock) as desk:
        await desk.press("slash", *"p", "left")
        assert suggested(desk) == []
        await desk.press("end", "i")
        assert suggested(desk) == ["pid:"]
        await desk.press("shift+tab")
        assert suggested(desk) == []


async def test_values_are_counted_once_there_are_flows(clock: Clock) -> None:
    """To have counted none, as at the start, does not put the next count off."""
    store = Store()
    present = Present(CurrentView(store))
    present.count()
    assert present.due
    assert not present.values["port"]
    async with dashboard(server(), clock) as desk:
        assert not desk.box.has_focus
        present = Present(CurrentView(desk.store))
        present.count()
        assert not present.due
        assert present.values["port"][0] == "443"
