"""Keys that come in a row, as over a slow line: each acts on what those before it have done."""

from __future__ import annotations

from typing import ClassVar

import pytest
import textual.screen
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Event, Key
from textual.keys import key_to_character
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from tcctui import right_of_way
from tcctui.config.settings import Settings
from tcctui.flows.store import Store
from tcctui.ui.app import typed_ahead
from tcctui.ui.app.app import TcctuiApp
from tcctui.ui.app.dashboard_app import DashboardApp
from tcctui.ui.app.typed_ahead import TypedAhead
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.dashboard.help import Help
from tcctui.ui.dialogs import Ask
from tcctui.ui.preferences import Preferences
from tcctui.ui.search.saved_filters import Filters
from tcctui.ui.table.column_dialogs import Columns, Sorting
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.table.srtt_bins import BinsDialog
from tests.ui.rest import at_rest
from tests.ui.sampled import sampled_server
from tests.ui.screen import FOR_EVER, WIDE, Clock, Desk, dashboard


def test_what_a_key_changes_is_not_held_back_for_a_paint_before_it() -> None:
    """Screens of the dashboard paint as soon as there is something to paint, at any pace."""
    assert issubclass(DashboardApp, TypedAhead)  # imported, which is what says so
    assert textual.screen.UPDATE_PERIOD <= 0.001


async def test_a_key_has_the_right_of_way_until_it_is_painted(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work in the background waits from the key until the frame with its effect is painted."""
    async with dashboard(sampled_server(), clock) as desk:
        screen = desk.screen
        assert isinstance(screen, Dashboard)
        frames = [screen.frames]
        for name in ("take", "give_back"):
            monkeypatch.setattr(right_of_way, name, lambda: frames.append(screen.frames))
        await desk.press("down")
        assert [seen - frames[0] for seen in frames] == [0, 0, 1]
    assert len(frames) == 4  # what the application leaves is not held up either


EARLY = "jjkw"


async def test_keys_typed_during_the_start_are_no_search(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait until all parts are there, and are obeyed by the table then, in turn."""
    pressed: list[tuple[str, object, bool]] = []
    load, give = TcctuiApp.on_load, App.on_event

    def type_early(app: TcctuiApp) -> None:
        for key in EARLY:
            app.post_message(Key(key, key))
        load(app)

    async def given(app: App[None], event: Event) -> None:
        if isinstance(event, Key) and not event.is_forwarded:
            there = all(part.is_mounted for part in app.screen.walk_children(Widget))
            pressed.append((event.key, app.focused, there))
        await give(app, event)

    monkeypatch.setattr(TcctuiApp, "on_load", type_early)
    monkeypatch.setattr(App, "on_event", given)
    app = TcctuiApp(sampled_server, Store())
    async with app.run_test(size=WIDE):
        await at_rest(app)
        table = app.screen.query_one(FlowTable)
        assert pressed == [(key, table, True) for key in EARLY]
        assert not app.screen.query_one(Input).value


async def burst(desk: Desk, *keys: str) -> None:
    """Press keys, none of which waits for the one before to have its effect."""
    for key in keys:
        name = {" ": "space", "/": "slash", "?": "question_mark"}.get(key, key)
        desk.pilot.app.post_message(Key(name, key if len(key) == 1 else key_to_character(key)))
    await desk.idle()


async def test_space_chooses_what_the_letters_before_it_narrow_to(clock: Clock) -> None:
    """`pmtu ` in a row chooses PMTU, and not what was highlighted before the letters."""
    async with dashboard(sampled_server(), clock) as desk:
        await desk.press("C")
        dialog = desk.pilot.app.screen
        assert isinstance(dialog, Columns)
        before = [*dialog.chosen]
        await burst(desk, *"pmtu ")
        assert {*dialog.chosen} == {*before, "pmtu"}
        await burst(desk, "ctrl+u", *"rtox", "backspace", " ")
        assert {*dialog.chosen} == {*before, "pmtu", "rto"}
        await burst(desk, "enter")
        assert desk.pilot.app.screen is desk.screen


async def test_keys_behind_one_that_opens_a_dialog_go_into_it(clock: Clock) -> None:
    """`C`, Ctrl-R and Enter in a row have the usual columns; what follows goes to the table."""
    preferences = Preferences(Settings(columns=("local", "remote"), sort=("cwnd",)))
    async with dashboard(sampled_server(), clock, preferences=preferences) as desk:
        await burst(desk, "C", "ctrl+r", "enter", "down", "down")
        assert desk.pilot.app.screen is desk.screen
        assert preferences.settings.columns == ()
        assert desk.selected == desk.order[2]
        await burst(desk, "o", "ctrl+r", "enter", "g")
        assert preferences.settings.sort == ("-rate",)
        assert desk.selected == desk.order[0]


async def test_every_list_takes_what_is_typed_before_it_is_there(clock: Clock) -> None:
    """`G` and words and Enter, `H` and Enter, `?` and its search: all in a row, then the table."""
    async with dashboard(sampled_server(), clock) as desk:
        await burst(desk, "G", *"algo", "enter", "down")
        assert desk.pilot.app.screen is desk.screen
        assert desk.table.grouped_by == "cc"
        await burst(desk, "G", *"nothing", "enter", "H", "enter", "down")
        assert desk.table.grouped_by == ""
        await desk.until(lambda: desk.box.value.startswith("srtt>="))
        assert desk.pilot.app.screen is desk.screen
        await burst(desk, "?", "/", *"pin")
        assert isinstance(desk.pilot.app.screen, Help)
        assert desk.pilot.app.screen.query_one(Input).value == "pin"
        await burst(desk, "escape", "escape", "A", "Y", *"local", "escape", "V", "H")
        assert isinstance(desk.pilot.app.screen, BinsDialog)


async def test_a_search_is_saved_under_a_name_and_picked_again(clock: Clock) -> None:
    """A dialog behind a dialog: all letters are in the boxes that they were meant for."""
    preferences = Preferences(Settings())
    async with dashboard(sampled_server(), clock, preferences=preferences) as desk:
        await burst(
            desk, "/", *"ccc", "backspace", *":bbrx", "backspace", "ctrl+s", *"CoGY?", "enter"
        )
        assert preferences.settings.filters == {"CoGY?": "cc:bbr"}
        await burst(desk, "enter", "/", "escape", "f", *"cog", "enter", "f", *"save", "enter")
        assert isinstance(desk.pilot.app.screen, Ask)
        assert desk.box.value == "cc:bbr"
        await burst(desk, "home", *"my ", "enter", "f", *"my", "delete")
        assert isinstance(desk.pilot.app.screen, Filters)
        assert preferences.settings.filters == {"CoGY?": "cc:bbr"}


async def test_letters_behind_the_end_of_a_search_are_keys(clock: Clock) -> None:
    """Those before Enter are searched for, also those that open dialogs; those behind it act."""
    async with dashboard(sampled_server(), clock) as desk:
        await burst(desk, "/", *"CofGYHAV", "enter", "/", "escape", "down", "o")
        assert isinstance(desk.pilot.app.screen, Sorting)
        assert desk.box.value == ""
        await burst(desk, "escape", "/", *"CofGYHAV?")
        assert desk.box.value == "CofGYHAV?"


async def test_a_key_for_what_is_gone_holds_up_nothing(clock: Clock) -> None:
    """Where the box is removed that a key was for, the keys behind it come through."""
    async with dashboard(sampled_server(), clock) as desk:
        await desk.press("o")
        dialog = desk.pilot.app.screen
        desk.pilot.app.post_message(Key("c", "c"))
        await dialog.query_one(Input).remove()
        desk.pilot.app.pop_screen()
        await burst(desk, "down")
        await desk.until(lambda: desk.selected == desk.order[1])


class Hop(Message, bubble=False):
    """Goes to and fro between two parts of the screen."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left


class Part(Widget):
    """Sends each hop on to the other part; the last one puts the focus into the box."""

    def on_hop(self, message: Hop) -> None:
        if message.left:
            self.screen.query_one("#b" if self.id == "a" else "#a").post_message(
                Hop(message.left - 1)
            )
        else:
            self.screen.query_one(Input).focus()


class Hops(TypedAhead):
    """Does something with `x` that goes on for long, in parts that the key did not come to."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", "hop", "Hop")]
    AUTO_FOCUS = None

    def __init__(self) -> None:
        super().__init__()
        self.done: list[int] = []

    def compose(self) -> ComposeResult:
        yield Part(id="a")
        yield Part(id="b")
        yield Input()

    def action_hop(self) -> None:
        self.query_one("#a").post_message(Hop(500))

    async def on_typed_ahead_done(self, message: TypedAhead.Done) -> None:
        self.done.append(message.key)


async def test_a_key_waits_for_all_that_the_one_before_it_gives_rise_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where that goes on for 500 messages that no key passes, and then moves the focus."""
    monkeypatch.setattr(typed_ahead, "_PATIENCE", FOR_EVER)
    app = Hops()
    async with app.run_test():
        for key in "xyz":
            app.post_message(Key(key, key))
        await at_rest(app)
        assert app.query_one(Input).value == "yz"


async def test_a_key_that_does_nothing_is_followed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing comes of a key the next one waits for one message only."""
    monkeypatch.setattr(typed_ahead, "_PATIENCE", FOR_EVER)
    app = Hops()
    async with app.run_test():
        await at_rest(app)
        app.done.clear()  # those of the start
        for key in "123":
            app.post_message(Key(key, key))
        await at_rest(app)
        assert len(app.done) == len(set(app.done)) == 3
