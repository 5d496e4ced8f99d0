"""The dashboard's other keys: windows, axes, pictures, help, and the ways out."""

from __future__ import annotations

import asyncio
import re
import resource
import signal
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.binding import Binding
from textual.events import Key
from textual.screen import Screen
from textual.widgets import Input

from tcctui.alerts.alert import Alerts
from tcctui.config.settings import Settings
from tcctui.query import parse
from tcctui.ui.actions import plain_key
from tcctui.ui.app.dashboard_app import DashboardApp
from tcctui.ui.dashboard.alarm import Alarms
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.dashboard.help import Help
from tcctui.ui.dashboard.help_section import Section
from tcctui.ui.preferences import Preferences
from tcctui.ui.table.column_dialogs import Sorting
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time.player import Player
from tcctui.ui.view import CurrentView
from tests.ui.fake_source import server
from tests.ui.screen import Clock, Desk, chart, dashboard, notices


async def test_w_goes_through_the_windows_of_both_charts(clock: Clock) -> None:
    """60 s, 10 s, the flow's life of 30 s, and 60 s again: in the caption and on both x axes."""
    async with dashboard(server(), clock) as desk:
        for caption, oldest in (
            ("last 60 s", "-60 s"),
            ("last 10 s", "-10 s"),
            ("whole life", "-30 s"),
            ("last 60 s", "-60 s"),
        ):
            assert caption in desk.caption
            for name in ("cwnd", "srtt"):
                assert re.findall(r"-?\d+ s", chart(desk, name)[-2])[0] == oldest
                assert "now" in chart(desk, name)[-2]
            await desk.see("w")


async def test_y_lets_both_axes_begin_at_zero_or_at_the_curves(clock: Clock) -> None:
    """`y` turns a y axis from 0 into one that fits, and back."""

    def lowest(desk: Desk, name: str) -> float:
        labels = [re.match(r"\s*([\d.]+).*┤", line) for line in chart(desk, name)]
        return min(float(label[1]) for label in labels if label)

    async with dashboard(server(), clock) as desk:
        before = chart(desk, "cwnd"), chart(desk, "srtt")
        assert [lowest(desk, "cwnd"), lowest(desk, "srtt")] == [0, 0]
        await desk.see("y")
        assert 20 < lowest(desk, "cwnd") < 84
        assert 20 < lowest(desk, "srtt") < 57
        await desk.see("y")
        assert (chart(desk, "cwnd"), chart(desk, "srtt")) == before


async def test_s_saves_what_is_on_the_screen(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`s` writes a picture into the working directory and says where; it overwrites no file."""
    monkeypatch.chdir(tmp_path)
    async with dashboard(server(), clock) as desk:
        await desk.press("s")
        notice = await desk.noticed("tcctui-")
        (picture,) = tmp_path.iterdir()
        assert picture.suffix == ".svg"
        assert picture.stat().st_mode & 0o777 == 0o600, "as recordings have"
        assert picture.name in notice.replace(" ", "")
        text = "".join(ET.parse(picture).getroot().itertext())
        assert "203.0.113.9:51514" in text
        monkeypatch.setattr("tcctui.ui.saving.time.strftime", lambda form: picture.stem)
        picture.write_text("precious")
        await desk.press("s")
        await desk.until(lambda: len(notices(desk)) == 2)
        assert picture.read_text() == "precious"
        assert len([*tmp_path.iterdir()]) == 2


async def test_a_full_disk_leaves_no_cut_picture(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that has no room is not there at all, and the notice says why."""
    monkeypatch.chdir(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    async with dashboard(server(), clock) as desk:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 12, before[1]))
        try:
            await desk.press("s")
            await desk.noticed("The picture was not saved", "too large")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
    assert [*tmp_path.iterdir()] == []


async def test_escape_takes_notices_away_first(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Esc removes notices; the next one hides the crosshair."""
    monkeypatch.chdir(tmp_path)
    async with dashboard(server(), clock) as desk:
        await desk.press("comma", "s")
        await desk.until(lambda: any(notices(desk)))
        assert desk.charts.crosshair is not None
        await desk.press("escape")
        await desk.until(lambda: not notices(desk))
        assert desk.charts.crosshair is not None
        await desk.press("escape")
        assert desk.charts.crosshair is None


async def test_s_where_no_file_can_be_made_says_so_once(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no directory takes a file, or it is gone, a notice has place and reason; no crash."""
    async with dashboard(server(), clock) as desk:
        with monkeypatch.context() as away:
            away.chdir("/sys")  # not even root can make a file there
            away.setenv("HOME", "/sys")
            away.setattr(tempfile, "tempdir", "/sys")
            await desk.press("s")
            notice = await desk.noticed("was not saved", "/sys")
            assert len(notices(desk)) == 1
            assert re.search("denied|not permitted|Read-only", notice)
            await desk.press("escape")
            (tmp_path / "gone").mkdir()
            away.chdir(tmp_path / "gone")
            (tmp_path / "gone").rmdir()
            await desk.press("s")
            await desk.noticed("was not saved")
        await desk.press("down")
        assert desk.selected == 2


async def test_the_help_opens_and_closes(clock: Clock) -> None:
    """`?` lays the help over the dashboard; each of its keys takes it away and does no more."""
    async with dashboard(server(), clock) as desk:
        for key in ("escape", "question_mark", "q", "enter"):
            await desk.press("question_mark")
            assert isinstance(desk.pilot.app.screen, Help)
            assert "Save the screen as" in desk.text
            await desk.press(key)
            assert desk.pilot.app.screen is desk.screen
            assert desk.pilot.app.return_code is None
        await desk.press("down")
        assert desk.selected == 2


KEY_NAMES = {
    "backslash": "\\",
    **{f"f{number}": f"F{number}" for number in (1, 3, 4, 6, 10)},
    "up": "↑",
    "down": "↓",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "slash": "/",
    "question_mark": "?",
    "escape": "Esc",
    "left": "←",
    "right": "→",
    "shift+left": "Shift-←",
    "shift+right": "Shift-→",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "exclamation_mark": "!",
    "asterisk": "*",
    "enter": "Enter",
    "tab": "Tab",
    "shift+tab": "Shift-Tab",
    "comma": ",",
    "full_stop": ".",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}
"""How the help writes the keys that have names in Textual."""


def bound_keys() -> list[str]:
    """Every key that the dashboard, its player or its table listens to."""
    return [
        key
        for binding in (*Dashboard.BINDINGS, *Player.BINDINGS, *FlowTable.BINDINGS)
        for key in (binding.key if isinstance(binding, Binding) else binding[0]).split(",")
    ]


async def test_the_help_names_every_key(clock: Clock) -> None:
    """No key can be bound that the help does not tell of; keys scroll it down to its last line."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        await desk.press("question_mark")
        assert "retransmitted segments" not in desk.text
        sections = list(desk.pilot.app.screen.query(Section))
        told = " ".join(entry.name for section in sections for entry in section.entries)
        await desk.press("end")
        await desk.until(lambda: "retransmitted segments" in desk.text)
    told += " Esc"  # named where it is said what it ends
    assert not {KEY_NAMES.get(key, key) for key in bound_keys()} - set(told.split())


@pytest.mark.parametrize(
    "keys", [("q",), ("ctrl+c",), ("slash", "x", "ctrl+c"), ("question_mark", "ctrl+c")]
)
async def test_the_ways_out(clock: Clock, keys: tuple[str, ...]) -> None:
    """`q` quits, and Ctrl-C does from the search box and the help too: without an error."""
    async with dashboard(server(), clock) as desk:
        await desk.press(*keys)
        await desk.until(lambda: desk.pilot.app.return_code is not None)
        assert desk.pilot.app.return_code == 0


def test_a_source_that_waits_does_not_hold_up_quitting(clock: Clock) -> None:
    """With reads that take 100 ms, at most one more begins after `q` than was under way."""
    source = server()

    async def session() -> int:
        async with dashboard(source, clock) as desk:
            source.block = 0.1
            before = source.reads
            await desk.until(lambda: source.reads > before)
            await desk.press("q")
            return source.reads

    quitting = asyncio.run(session())  # joins the reading thread too
    assert source.reads <= quitting + 1


@pytest.mark.parametrize("mouse", [True, False])
async def test_the_mouse_may_be_the_terminals(mouse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `mouse = false` none of its events are asked for: the terminal's selection works."""
    asked: list[bool] = []

    async def run_async(_: App[None], *, mouse: bool, **options: object) -> None:
        asked.append(mouse)

    monkeypatch.setattr(App, "run_async", run_async)
    preferences = Preferences(Settings(mouse=mouse))
    await DashboardApp(CurrentView(None), preferences=preferences).run_async()
    assert asked == [mouse]


@pytest.mark.parametrize(
    ("sequence", "key", "character"),
    [
        ("\x1b[57399;;48u", "0", "0"),
        ("\x1b[57408;129;57u", "9", "9"),
        ("\x1b[57400;129u", "1", "1"),  # no text comes with it
        ("\x1b[57413;;43u", "plus", "+"),
        ("\x1b[57413;129u", "plus", "+"),
        ("\x1b[57412;;45u", "minus", "-"),
        ("\x1b[57411;;42u", "asterisk", "*"),
        ("\x1b[57410;;47u", "slash", "/"),
        ("\x1b[57409;;46u", "full_stop", "."),
        ("\x1b[57409;;44u", "comma", ","),  # on a German one
        ("\x1b[57415;;61u", "equals_sign", "="),
        ("\x1b[57416;;44u", "comma", ","),
        ("\x1b[57413;5u", "ctrl+plus", None),
        ("\x1b[57414;129u", "enter", None),
        ("\x1b[57419u", "up", None),
        ("\x1b[57427u", None, None),  # 5 without Num Lock
        ("\x1b[97;129u", "a", "a"),
        ("\x1b[97;5u", "ctrl+a", None),
        ("\x1b[1;129P", "f1", None),
    ],
)
def test_keys_of_the_keypad_are_what_they_say(
    sequence: str, key: str | None, character: str | None
) -> None:
    """Under the kitty keyboard protocol the keypad has keys of its own, also with Num Lock."""
    (event,) = XTermParser().feed(sequence)
    assert isinstance(event, Key)
    plain = plain_key(event)
    assert (None if plain is None else (plain.key, plain.character)) == (
        None if key is None else (key, character)
    )


async def test_the_keypad_zooms_searches_and_types(clock: Clock) -> None:
    """A key of the keypad does what the same character does elsewhere."""
    async with dashboard(server(), clock) as desk:

        async def typed(sequences: str) -> None:
            for event in XTermParser().feed(sequences):
                desk.pilot.app.post_message(event)
                await desk.idle()

        await typed("\x1b[57413;129;43u")
        assert "last 10 s" in desk.caption
        await typed("\x1b[57410;;47u\x1b[57403;129u\x1b[57427u\x1b[57403;;52u")
        assert desk.box.value == "44"


@pytest.mark.parametrize(
    ("key", "dialog"), [("f1", Help), ("f6", Sorting), ("question_mark", Help), ("o", Sorting)]
)
async def test_htops_keys_open_dialogs_and_close_them(
    clock: Clock, key: str, dialog: type[Screen[object]]
) -> None:
    """F1 is help, F6 sorts, and either closes what it opened."""
    async with dashboard(server(), clock) as desk:
        await desk.press(key)
        assert isinstance(desk.pilot.app.screen, dialog)
        await desk.press(key)
        assert desk.pilot.app.screen is desk.screen


@pytest.mark.parametrize("key", ["slash", "f3", "f4", "backslash"])
async def test_htops_keys_search(clock: Clock, key: str) -> None:
    """They go to the search box; there, a backslash is one, as expressions need it."""
    async with dashboard(server(), clock) as desk:
        await desk.press(key)
        assert desk.screen.focused is desk.box
        desk.pilot.app.post_message(Key("backslash", "\\"))
        await desk.press("f3", "d")
        assert desk.box.value == "\\d"


async def test_f10_quits(clock: Clock) -> None:
    """It does what q does."""
    async with dashboard(server(), clock) as desk:
        await desk.press("f10")
        await desk.until(lambda: desk.pilot.app.return_code == 0)


@pytest.mark.parametrize(
    ("opened", "closes"),
    [
        *((key, key) for key in ("C", "o", "f", "G", "Y", "H", "A", "ctrl+p", "question_mark")),
        *(("f1", "question_mark"), ("f6", "o")),
    ],
)
async def test_the_key_of_a_dialog_closes_it(clock: Clock, opened: str, closes: str) -> None:
    """What opened a dialog closes it, by any key of its action; nothing is changed by that."""
    alarms = Alarms(Alerts([parse("rate>0")]))
    async with dashboard(server(), clock, alarms=alarms) as desk:
        await desk.press("down")
        before = desk.selected, desk.order, desk.columns
        await desk.press(opened)
        assert desk.pilot.app.screen is not desk.screen
        await desk.press(closes)
        assert desk.pilot.app.screen is desk.screen
        assert (desk.selected, desk.order, desk.columns) == before


async def test_what_is_typed_into_a_dialog_may_have_its_letter(clock: Clock) -> None:
    """Once there is something in the box the key is a letter again; others close it still."""
    async with dashboard(server(), clock) as desk:
        await desk.press("o", "c", "o")
        assert desk.pilot.app.screen.query_one(Input).value == "co"
        await desk.press("f6")
        assert desk.pilot.app.screen is desk.screen


async def test_a_changed_key_closes_its_dialog(clock: Clock) -> None:
    """The keys are those in force: one that the settings took away does not close any more."""
    preferences = Preferences(Settings(keys={"help": "x"}))
    async with dashboard(server(), clock, preferences=preferences) as desk:
        await desk.press("x", "question_mark")
        assert isinstance(desk.pilot.app.screen, Help)
        await desk.press("x")
        assert desk.pilot.app.screen is desk.screen
