"""The search box: it filters while one types, and explains mistakes instead of acting on them."""

from __future__ import annotations

import pytest

from tcctui.flows.query import QueryError, parse
from tcctui.ui import search_bar
from tests.ui.fake_source import server
from tests.ui.screen import Clock, Desk, dashboard, lines, painted


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
            await desk.press(letter)
            await desk.looked()
            assert desk.order == [4, 12, 10, 11]
        await desk.press(*":22")
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
        await desk.until(lambda: len(desk.order) == 12)


async def test_enter_keeps_the_filter_and_escape_clears_it(clock: Clock) -> None:
    """Enter goes back to the table with the filter on, `/` to what was typed; Esc removes it."""
    async with dashboard(server(), clock) as desk:
        await desk.search("ip:127.0.0.1")
        await desk.press("enter")
        assert desk.table.has_focus
        assert desk.order == [7, 8]
        await desk.press("down")
        assert desk.selected == 8

        await desk.press("slash")
        assert desk.box.has_focus
        assert desk.box.value == "ip:127.0.0.1"
        await desk.press("escape")
        assert desk.table.has_focus
        assert desk.box.value == ""
        await desk.until(lambda: len(desk.order) == 12)


async def test_escape_in_the_table_clears_the_search_too(clock: Clock) -> None:
    """What hides flows can be taken away from where one looks at them."""
    async with dashboard(server(), clock) as desk:
        await desk.search("port:22")
        await desk.press("enter", "escape")
        await desk.until(lambda: len(desk.order) == 12)
        assert desk.box.value == ""
        assert desk.table.has_focus


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


async def test_the_reason_is_readable_however_far_right_the_mistake_is(clock: Clock) -> None:
    """Even where the mistake stands at the end of the line, all of the reason is on the screen."""
    typed = "203.0.113 " * 6 + "port:x"
    with pytest.raises(QueryError) as caught:
        parse(typed)
    async with dashboard(server(), clock, (80, 24)) as desk:
        await desk.search(typed)
        await desk.until(lambda: caught.value.reason in mistake_line(desk))


async def test_a_mistake_beyond_the_width_of_the_box_is_explained(clock: Clock) -> None:
    """A text longer than the box scrolls in it; the reason for its mistake is there too."""
    typed = "203.0.113 " * 12 + "port:x"
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
        assert desk.table.sort == "rate"
        assert desk.table.descending
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
