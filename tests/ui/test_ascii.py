"""Terminals that have nothing but ASCII: all is drawn with it, and stays where it was."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.command import CommandPalette

from tcctui import terminal_type
from tcctui.cli import parser
from tcctui.cli.config import preferences
from tcctui.config.settings import Settings
from tcctui.errors import TcctuiError
from tcctui.ui.app.ascii import __file__ as ascii_file
from tcctui.ui.app.ascii import ascii_of
from tcctui.ui.notices import Notice, tell
from tcctui.ui.preferences import Preferences
from tcctui.ui.sequence.signs import SIGNS
from tcctui.ui.style.signs import LIMITS, MARKS
from tcctui.ui.table.cells import BLOCKS
from tests.ui.fake_source import server
from tests.ui.sampled import sampled_server
from tests.ui.screen import Clock, dashboard, screen

PLACES: dict[str, Sequence[str]] = {
    "dashboard": (),
    "rates": ("c",),
    "in flight": ("c", "c"),
    "paused": ("space", "left", "comma", "comma"),
    "search": ("slash", *"po:"),
    "help": ("question_mark",),
    "signs": ("question_mark", "7"),
    "palette": ("ctrl+p",),
    "themes": ("ctrl+p", *"pick one"),
    "columns": ("C",),
    "order": ("o",),
    "filters": ("f",),
    "alerts": ("A",),
    "copying": ("Y",),
    "compared": ("asterisk", "down", "asterisk", "V"),
    "groups": ("G", "down", "enter"),
    "cells": ("tab", "tab"),
    "histogram": ("H",),
    "narrowed": ("K",),
}


def preferred() -> Preferences:
    """Give what asks for ASCII."""
    return Preferences(Settings(ascii=True))


@pytest.mark.parametrize("keys", PLACES.values(), ids=PLACES)
async def test_nothing_else_is_drawn(clock: Clock, keys: Sequence[str]) -> None:
    """Wherever one is, no character beyond ASCII is on the screen: lines, bars, dots, arrows."""
    async with dashboard(sampled_server(), clock, (160, 50), preferences=preferred()) as desk:
        await desk.press("down", *keys)
        tell(desk.screen, Notice("Größe", "… → ∞ 漢字"))
        await desk.idle()
        if "ctrl+p" in keys:
            assert isinstance(desk.pilot.app.screen, CommandPalette)
        for size in ((160, 50), (80, 24)):
            await desk.resize(*size)
            assert [line for line in desk.text.splitlines() if not line.isascii()] == []


@pytest.mark.parametrize("keys", [(), ("space",)], ids=["live", "paused"])
async def test_the_last_line_has_room_for_words(clock: Clock, keys: Sequence[str]) -> None:
    """Arrows are words there: what gives way is what matters least, and no word is cut."""
    async with dashboard(sampled_server(), clock, (80, 24), preferences=preferred()) as desk:
        await desk.press(*keys)
        assert screen(desk.pilot)[-1].rstrip().endswith("q Quit")


async def test_all_stays_where_it_was(clock: Clock) -> None:
    """Words and numbers are in the same places as with all characters."""
    async with dashboard(server(), clock, (160, 50)) as desk:
        usual = screen(desk.pilot)
    async with dashboard(server(), clock, (160, 50), preferences=preferred()) as desk:
        plain = screen(desk.pilot)
    for line, other in list(zip(usual, plain, strict=True))[:-1]:  # arrows are words in the last
        assert [one for one in line if one.isalnum() and one.isascii()] == [
            one
            for one, was in zip(other.ljust(len(line)), line, strict=False)
            if was.isalnum() and was.isascii()
        ]


def test_what_differs_differs_still() -> None:
    """Heights of a row's past, causes, marks: no two are drawn alike."""
    assert len(set(ascii_of(BLOCKS))) == len(BLOCKS)
    assert len({ascii_of(sign.glyph) for sign in LIMITS.values()}) == len(LIMITS)
    assert len({ascii_of(sign.glyph) for sign in MARKS.values()}) == len(MARKS)


@pytest.mark.parametrize("drawn", [str, ascii_of], ids=["all", "ascii"])
def test_signs_over_curves_differ_from_each_other_and_from_curves(
    drawn: Callable[[str], str],
) -> None:
    """In the time–sequence diagram; nor is one taken for its axis, or the crosshair."""
    glyphs = {drawn(sign.glyph) for sign in SIGNS.values()}
    assert len(glyphs) == len(SIGNS)
    assert not glyphs & {drawn(chr(0x2800 + bits)) for bits in range(256)}
    assert drawn("│") not in glyphs


def test_any_text_keeps_its_width() -> None:
    """Characters of two cells are two, those of none are none, and nothing is left as it was."""
    for text in ("a", "─┬┤", "漢字", "e\u0301", "⠉⣿⠒", "🔎 x", "\ufffd", "\u200b"):
        assert cell_len(ascii_of(text)) == cell_len(text)
        assert ascii_of(text).isascii()


def test_curves_go_up_and_down() -> None:
    """Dots become lines of their slope: level, rising, falling, upright; none is blank."""
    assert ascii_of("⠉⠒⣀⠀") == '"-_ '
    assert ascii_of("⡠⢄⡇⢸⣿") == "/\\||#"
    assert all(ascii_of(chr(0x2800 + bits)).strip() for bits in range(1, 256))


@pytest.mark.parametrize(
    ("term", "encoding", "plain"),
    [
        ("xterm-256color", "utf-8", False),
        ("tmux-256color", "utf-8", False),
        ("screen", "UTF8", False),
        ("xterm", "iso8859-1", True),
        ("xterm", "ascii", True),
        ("linux", "utf-8", True),
        ("vt220", "utf-8", True),
    ],
)
def test_terminals_without_more_are_known(
    monkeypatch: pytest.MonkeyPatch, term: str, encoding: str, plain: bool
) -> None:
    """ASCII comes by itself where glyphs can't be encoded or have no font; an option decides."""
    # A process can read terminfo once, for one terminal (_curses.setupterm): not for several tests.
    monkeypatch.setattr(terminal_type, "_of_terminfo", lambda _: terminal_type.Colours.NONE)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr("sys.__stderr__", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    args = argparse.Namespace(no_config=True)
    assert preferences(args).settings.ascii is plain
    for given, wanted in (("--ascii", True), ("--no-ascii", False)):
        parsed = parser().parse_args([given, "--no-config"])
        assert preferences(parsed).settings.ascii is wanted


def test_the_files_word_is_the_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Who has all glyphs in a font of the console says so in the file."""
    file = tmp_path_factory.mktemp("config") / "config.toml"
    file.write_text("ascii = false")
    monkeypatch.setenv("TERM", "linux")
    made = preferences(argparse.Namespace(config=str(file)))
    assert made.settings.ascii is False
    made.change(theme="nord")
    assert "nord" in file.read_text()
    with pytest.raises(TcctuiError):
        preferences(argparse.Namespace(config=str(file) + "x"))


def test_every_glyph_of_ours_has_one() -> None:
    """No character that the screen's own code draws is a question mark."""
    code = "".join(path.read_text() for path in (Path(ascii_file).parent).rglob("*.py"))
    assert not [one for one in sorted(set(code)) if "?" in ascii_of(one) and one not in "?\ufffd"]
