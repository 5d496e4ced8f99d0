"""The dashboard's other keys: windows, axes, pictures, help, and the ways out."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from textual.binding import Binding

from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.dashboard.help import Help, Section
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time.player import Player
from tests.ui.fake_source import server
from tests.ui.screen import Clock, Desk, dashboard, lines, notices, screen


def chart(desk: Desk, name: str) -> list[str]:
    """The lines of one of the charts."""
    return lines(desk.screen.query_one(f"#{name}-chart"))


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
            await desk.press("w")
            await desk.looked()


async def test_y_lets_both_axes_begin_at_zero_or_at_the_curves(clock: Clock) -> None:
    """`y` turns a y axis from 0 into one that fits, and back."""

    def lowest(desk: Desk, name: str) -> float:
        labels = [re.match(r"\s*([\d.]+).*┤", line) for line in chart(desk, name)]
        return min(float(label[1]) for label in labels if label)

    async with dashboard(server(), clock) as desk:
        before = chart(desk, "cwnd"), chart(desk, "srtt")
        assert [lowest(desk, "cwnd"), lowest(desk, "srtt")] == [0, 0]
        await desk.press("y")
        await desk.looked()
        assert 20 < lowest(desk, "cwnd") < 84
        assert 20 < lowest(desk, "srtt") < 57
        await desk.press("y")
        await desk.looked()
        assert (chart(desk, "cwnd"), chart(desk, "srtt")) == before


async def test_s_saves_what_is_on_the_screen(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`s` writes a picture of the screen into the working directory and says where it is."""
    monkeypatch.chdir(tmp_path)
    async with dashboard(server(), clock) as desk:
        await desk.press("s")
        await desk.until(lambda: any(notices(desk)))
        (picture,) = tmp_path.iterdir()
        assert picture.name.startswith("tcctui-")
        assert picture.suffix == ".svg"
        assert picture.name in notices(desk)[0].replace(" ", "")
        text = "".join(ET.parse(picture).getroot().itertext())
        assert "203.0.113.9:51514" in text
        assert "tcctui" in text


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


async def test_s_never_overwrites_a_file(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that has the picture's name already is left as it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tcctui.ui.saving.time.strftime", lambda form: "tcctui-now.svg")
    (tmp_path / "tcctui-now.svg").write_text("precious")
    async with dashboard(server(), clock) as desk:
        await desk.press("s")
        await desk.until(lambda: any(notices(desk)))
        assert (tmp_path / "tcctui-now.svg").read_text() == "precious"


async def test_s_in_a_directory_that_takes_no_files_says_so_once(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no file can be made there is one notice with the place and the reason, and no crash."""
    monkeypatch.chdir("/sys")  # not even root can make a file there
    async with dashboard(server(), clock) as desk:
        await desk.press("s")
        await desk.until(lambda: any(notices(desk)))
        (notice,) = notices(desk)
        assert "was not saved" in notice
        assert "/sys" in notice
        assert "denied" in notice or "not permitted" in notice or "Read-only" in notice
        await desk.press("down")
        assert desk.selected == 2


async def test_s_in_a_directory_that_is_gone_says_so(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A working directory that somebody removed is a reason like any other, not a crash."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    os.rmdir(tmp_path / "gone")
    try:
        async with dashboard(server(), clock) as desk:
            await desk.press("s")
            await desk.until(lambda: any(notices(desk)))
            assert "was not saved" in notices(desk)[0]
    finally:
        os.chdir(tmp_path)


async def test_the_help_opens_and_closes(clock: Clock) -> None:
    """`?` lays the help over the dashboard; each of its keys takes it away and does no more."""
    async with dashboard(server(), clock) as desk:
        for key in ("escape", "question_mark", "q", "enter"):
            await desk.press("question_mark")
            assert isinstance(desk.pilot.app.screen, Help)
            assert "Save the screen as" in "\n".join(screen(desk.pilot))
            await desk.press(key)
            assert desk.pilot.app.screen is desk.screen
            assert desk.pilot.app.return_code is None
        await desk.press("down")
        assert desk.selected == 2


KEY_NAMES = {
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
    """No key can be bound that the help does not tell of."""
    async with dashboard(server(), clock) as desk:
        await desk.press("question_mark")
        sections = list(desk.pilot.app.screen.query(Section))
        told = " ".join(entry.name for section in sections for entry in section.entries)
    told += " Esc"  # named where it is said what it ends
    assert not {KEY_NAMES.get(key, key) for key in bound_keys()} - set(told.split())


async def test_the_help_names_every_column_and_ends_with_the_last(clock: Clock) -> None:
    """The help can be scrolled by keys, down to its last line."""
    async with dashboard(server(), clock, (80, 24)) as desk:
        await desk.press("question_mark")
        seen = screen(desk.pilot)
        assert not any("retransmitted segments" in line for line in seen)
        await desk.press("end")
        await desk.until(
            lambda: any("retransmitted segments" in line for line in screen(desk.pilot))
        )


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
