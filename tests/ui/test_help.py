"""The help and the command palette: what they tell is what holds, and it can be found."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import Any

import pytest
from textual._styles_cache import StylesCache
from textual.color import Color
from textual.command import CommandPalette
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Input

from tcctui.config.settings import Settings, Units
from tcctui.errors import TcctuiError
from tcctui.query.reference import FIELD_HELP, SYNTAX
from tcctui.ui.actions import actions, key_name
from tcctui.ui.app.setting_names import OWNERS
from tcctui.ui.dashboard.help import Help
from tcctui.ui.dashboard.help_section import Entry, Section
from tcctui.ui.dialogs import Pick
from tcctui.ui.preferences import Preferences
from tcctui.ui.search.search_bar import SearchBar
from tcctui.ui.table.columns import BY_NAME
from tests.ui.fake_source import server
from tests.ui.sampled import sampled_server
from tests.ui.screen import Clock, Desk, dashboard, notices, screen

SIZES = [(80, 24), (160, 50)]


def entries(desk: Desk) -> dict[str, str]:
    """All that the help explains, with what it says of it."""
    sections = desk.pilot.app.screen.query(Section)
    return {one.name: f"{one.meaning} {one.source}" for two in sections for one in two.entries}


async def test_the_help_has_all_columns_fields_and_examples(clock: Clock) -> None:
    """What can be shown and searched for is explained, each with a meaning."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        await desk.press("question_mark")
        told = entries(desk)
        for column in BY_NAME.values():
            assert column.meaning in told[column.title]
        assert {", ".join((one.name, *one.synonyms)) for one in FIELD_HELP} <= set(told)
        assert {example for example, _ in SYNTAX} <= set(told)
        assert all(meaning.strip() for meaning in told.values())


async def test_the_help_tells_the_keys_in_force(clock: Clock) -> None:
    """A key that somebody has changed works, and is the one that footer and help show."""
    chosen = {"window": "ctrl+w,z", "pause": "x", "end": "f8", "details": "c", "chart": "d"}
    options: dict[str, Any] = {"preferences": Preferences(Settings(keys=chosen))}
    async with dashboard(server(), clock, (160, 50), **options) as desk:
        assert any("^w Window" in line for line in screen(desk.pilot)[-1:])
        before = desk.charts.seconds
        await desk.press("w")
        assert desk.charts.seconds == before
        await desk.press("z")
        assert desk.charts.seconds != before
        displayed = desk.details.display
        await desk.press("c")
        assert desk.details.display != displayed
        await desk.travel("x")
        assert "paused" in desk.status.lower() or "−" in desk.status
        await desk.travel("x")
        await desk.press("f8")
        assert desk.selected == desk.order[-1]
        await desk.press("question_mark")
        assert "Window of the charts" in entries(desk)["Ctrl-W  z"]
        assert "w" not in entries(desk)


async def test_help_is_searched_and_gone_through_by_sections(clock: Clock) -> None:
    """Numbers and clicks go to sections; words after / leave what has them; Esc goes back, out."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        await desk.press("question_mark")
        assert "limited by:" not in desk.text
        await desk.press("7")
        await desk.until(lambda: "limited by:" in desk.text)
        for section in ("1 Screen", "7 Signs"):
            (line,) = (line for line in screen(desk.pilot) if section in line)
            at = line.index(section) + 3, screen(desk.pilot).index(line)
            await desk.click(offset=at)
            there = section[0] == "7"
            await desk.until(lambda there=there: ("limited by:" in desk.text) == there)  # type: ignore[misc]
        await desk.press("slash", *"svg pic")
        await desk.until(lambda: "Save the screen as" in desk.text)
        assert "limited by:" not in desk.text
        await desk.press("q")
        await desk.until(lambda: "Nothing has these" in desk.text)
        await desk.press("escape")
        assert isinstance(desk.pilot.app.screen, Help)
        assert desk.pilot.app.screen.query_one(Input).value == ""
        await desk.press("escape")
        assert desk.pilot.app.screen is desk.screen


async def test_every_part_with_keys_is_known(clock: Clock) -> None:
    """What the settings can name is what is on the screen: no part is left out."""
    async with dashboard(server(), clock) as desk:
        parts = [desk.pilot.app, desk.screen, *desk.screen.walk_children()]
        there = {base for part in parts for base in type(part).__mro__}
        assert {one.id for one in actions(there)} == {one.id for one in actions(OWNERS)}


def test_each_action_has_a_key_of_its_own_and_a_meaning() -> None:
    """No two actions of one place share a key, and each says what it does.

    The search box is a place of its own: it has the keys for as long as it is typed into.
    """
    beside = [owner for owner in OWNERS if owner is not SearchBar]
    for owners in (beside, [SearchBar]):
        keys = [key for action in actions(owners) for key in action.keys]
        assert sorted(set(keys)) == sorted(keys)
        assert all(action.meaning for action in actions(owners))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *(
            ("?", "question_mark"),
            (",", "comma"),
            ("S", "S"),
            ("s", "s"),
            ("é", "é"),
            ("-", "minus"),
        ),
        *(("ctrl+x", "ctrl+x"), ("Ctrl-X", "ctrl+x"), ("shift+left", "shift+left"), ("F5", "f5")),
        *(("space", "space"), (" ", ""), ("shift+s", "S"), ("slash", "slash"), ("\t", "")),
        *(("nokey", ""), ("", ""), ("ctrl+", ""), ("hyperdrive+x", ""), ("xx", "")),
    ],
)
def test_keys_as_people_write_them(text: str, name: str) -> None:
    """A key is known by its character or by its name, and what is none is told from it."""
    assert key_name(text) == name


# Commands


def commands(desk: Desk) -> dict[str, Any]:
    """What the palette offers, by its titles."""
    app = desk.pilot.app
    return {one.title: one.callback for one in app.get_system_commands(desk.screen)}


async def test_the_palette_has_every_action_that_does_something_now(clock: Clock) -> None:
    """Each key's action is there while it does something, and does it; nothing else is."""
    async with dashboard(server(), clock) as desk:
        there = commands(desk)
        assert len(there) > 20
        assert not any("more slowly" in title for title in there)  # there is no recording
        kind = desk.charts.kind if hasattr(desk.charts, "kind") else None
        seconds = desk.charts.seconds
        await there["Window of the charts: 60 s, 10 s, the flow's life"]()
        assert desk.charts.seconds != seconds
        await next(run for title, run in there.items() if title.endswith("flow below"))()
        assert desk.selected == 2
        assert kind is None or kind == desk.charts.kind


async def test_ctrl_p_finds_and_runs(clock: Clock) -> None:
    """Ctrl-P, a few letters and Enter run an action."""
    async with dashboard(server(), clock) as desk:
        displayed = desk.details.display
        await desk.press("ctrl+p")
        await desk.until(lambda: isinstance(desk.pilot.app.screen, CommandPalette))
        await desk.press(*"details of")
        await desk.until(lambda: "Key: d" in desk.text)
        await desk.press("enter", "enter")
        await desk.until(lambda: desk.details.display != displayed)


async def test_a_theme_is_picked_and_kept(clock: Clock) -> None:
    """The theme of the list is shown at once, and is among the settings."""
    kept: list[Any] = []
    options: dict[str, Any] = {"preferences": Preferences(keep=kept.append)}
    async with dashboard(server(), clock, **options) as desk:
        app = desk.pilot.app
        commands(desk)["Theme: pick one of a list"]()
        await desk.idle()
        assert isinstance(app.screen, Pick)
        await desk.press(*"safe-light", "enter")
        assert app.theme == "tcctui-safe-light"
        assert kept == [{"theme": "tcctui-safe-light"}]


async def test_a_theme_that_can_not_be_kept_is_shown_nevertheless(clock: Clock) -> None:
    """A full disk takes no colours away: a notice says so."""

    def keep(_: object) -> None:
        raise TcctuiError("The disk is full.", "Make room.")

    async with dashboard(server(), clock, preferences=Preferences(keep=keep)) as desk:
        commands(desk)["Theme: nord"]()
        await desk.noticed("The disk is full.")
        assert desk.pilot.app.theme == "nord"


async def test_settings_hold_from_the_beginning_and_mistakes_are_told(clock: Clock) -> None:
    """Theme and units are the file's; what is wrong in there is a notice."""
    settings = Settings(theme="nord", units=Units("byte", "decimal"))
    problems = [f"config.toml:{line}: There is no setting {line}." for line in range(1, 6)]
    options: dict[str, Any] = {"preferences": Preferences(settings, problems=problems)}
    async with dashboard(sampled_server(), clock, (160, 50), **options) as desk:
        assert desk.pilot.app.theme == "nord"
        await desk.noticed("config.toml:1: There is no setting 1.")
        assert "and 4 more: tcctui config --check" in notices(desk)[0]
        assert "\ufffd" not in notices(desk)[0]  # each was a line of its own
        await desk.see("c")
        shown = desk.text
        assert "MB/s" in shown
        assert "Mb/s" not in shown
        await desk.see("c")
        shown = desk.text
        assert " kB" in shown
        assert not any(unit in shown for unit in ("KiB", " Ki", " Mi"))


async def test_a_dialog_is_laid_out_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes its size when it opens, and again only when the terminal takes another one."""
    sizes: list[Size] = []

    def laid(self: Help, size: Size | None = None, scroll: bool = False) -> None:
        sizes.extend([] if size is None else [size])
        ModalScreen._refresh_layout(self, size, scroll)

    monkeypatch.setattr(Help, "_refresh_layout", laid)
    async with dashboard(server(), clock, (160, 50)) as desk:
        await desk.press("question_mark")
        assert sizes == [Size(160, 50)]
        await desk.resize(100, 30)
        await desk.until(lambda: sizes[1:] == [Size(100, 30)])


async def test_the_help_is_wrapped_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text takes longest of what opens it, and a scroll bar changes nothing of its width."""
    wrapped: Counter[Entry] = Counter()
    of = Section._of

    def counted(self: Section, entry: Entry, width: int) -> Any:
        wrapped[entry] += 1
        return of(self, entry, width)

    monkeypatch.setattr(Section, "_of", counted)
    async with dashboard(server(), clock, (160, 50)) as desk:
        await desk.press("question_mark")
    assert set(wrapped.values()) == {1}


def test_lines_of_closed_dialogs_are_freed() -> None:
    """A widget's cache of lines is in no cache of all widgets, which would keep it."""
    cache = StylesCache()
    cache.get_inner_outer(Color(1, 2, 3), Color(4, 5, 6))
    kept = weakref.ref(cache)
    del cache
    assert kept() is None
