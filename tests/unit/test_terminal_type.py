"""Colours and characters by TERM, COLORTERM and the locale."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from tcctui.cli import terminal
from tcctui.errors import TcctuiError
from tcctui.terminal_type import Colours, colours, in_screen, only_ascii

ALL = {"COLORTERM": "truecolor"}
STY, TMUX = {"STY": "1.pts"}, {"TMUX": "/tmp/tmux-0/default,1,0"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        (STY, True),
        (STY | TMUX, False),  # tmux within screen
        ({"TERM": "screen-256color"} | TMUX, False),
    ],
)
def test_screen_is_told_by_what_it_sets(environment: dict[str, str], expected: bool) -> None:
    """TERM alone says nothing: tmux calls itself screen, too."""
    assert in_screen(environment) is expected


@pytest.mark.parametrize(
    ("term", "environment", "expected"),
    [
        ("xterm", {}, Colours.FEW),
        ("xterm-256color", {}, Colours.MANY),
        ("xterm-256color", ALL, Colours.ALL),
        ("xterm-256color", {"COLORTERM": "gnome-terminal"}, Colours.MANY),
        ("xterm-256color", ALL | {"NO_COLOR": "1"}, Colours.NONE),
        ("xterm-256color", ALL | {"NO_COLOR": ""}, Colours.ALL),
        ("xterm-mono", ALL, Colours.NONE),
        ("xterm-direct", {}, Colours.ALL),
        ("xterm-kitty", {}, Colours.MANY),
        ("foot", {}, Colours.MANY),
        ("alacritty", ALL, Colours.ALL),
        ("st-256color", {}, Colours.MANY),
        ("tmux-256color", ALL | TMUX, Colours.ALL),
        ("screen-256color", ALL | TMUX, Colours.ALL),
        ("screen", ALL | STY, Colours.MANY),
        ("screen", STY, Colours.FEW),
        ("screen-256color", ALL, Colours.MANY),  # sudo drops STY
        ("screen.xterm-256color", ALL, Colours.MANY),
        ("screen-256color-bce", {}, Colours.MANY),
        ("xterm-256color", ALL | STY, Colours.MANY),
        ("linux", ALL, Colours.FEW),
    ],
)
def test_colours_of_terminals_that_are_known(
    term: str, environment: dict[str, str], expected: Colours
) -> None:
    """GNU screen has 256 at the most, the console 16; otherwise COLORTERM's word is the last."""
    assert colours({"TERM": term, **environment}) is expected


def asked(**environment: str) -> str:
    """Answer of a process of its own: terminfo is read once in each."""
    code = (
        "import os; from tcctui.terminal_type import colours;"
        " from tcctui.errors import TcctuiError\n"
        "try: print(colours(os.environ).name)\n"
        "except TcctuiError as error: print(error)"
    )
    given = {name: os.environ[name] for name in ("PATH",) if name in os.environ} | environment
    found = subprocess.run(
        [sys.executable, "-c", code], env=given, capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "vt100"}, "NONE"),
        ({"TERM": "vt220"} | ALL, "NONE"),
        ({"TERM": "ansi"}, "FEW"),
        ({"TERM": "Eterm-256color"}, "MANY"),
    ],
)
def test_colours_of_other_terminals_are_terminfos(
    environment: dict[str, str], expected: str
) -> None:
    """A terminal without colours in terminfo has none, whatever COLORTERM was inherited."""
    assert asked(**environment) == expected


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ({}, "TERM is not set: "),
        ({"TERM": ""}, "TERM is not set: "),
        ({"TERM": "dumb"}, "TERM is dumb: "),
        ({"TERM": "vt52"}, "TERM is vt52: "),
        ({"TERM": "no-such"} | ALL, "TERM is no-such, which is unknown here: "),
    ],
)
def test_terminals_that_can_not_draw_are_refused(environment: dict[str, str], fault: str) -> None:
    """Without a cursor that moves as ours does nothing would be legible: it is said before."""
    told = asked(**environment)
    assert told.startswith(f"{fault}the dashboard can't draw.")
    assert "export TERM=" in told


def test_the_dashboard_requires_a_terminal_that_can_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal alone is not enough: it is asked for its type before there is a screen."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    terminal.require()
    monkeypatch.delenv("TERM")
    with pytest.raises(TcctuiError, match="TERM is not set"):
        terminal.require()


def test_known_terminals_cost_no_terminfo() -> None:
    """The usual terminals need neither curses nor its database."""
    code = (
        "import sys; from tcctui.terminal_type import colours;"
        "colours({'TERM': 'xterm-256color'}); print('curses' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("environment", "encoding", "expected"),
    [
        ({"LANG": "en_US.UTF-8"}, "utf-8", False),
        ({"LANG": "de_DE.utf8@euro"}, "utf-8", False),
        ({"LANG": "de_DE.ISO-8859-1"}, "utf-8", True),
        ({"LANG": "de_DE"}, "iso8859-1", True),
        ({"LANG": "de_DE"}, "utf-8", False),
        ({"LANG": "C"}, "utf-8", True),
        ({"LANG": "en_US.UTF-8", "LC_CTYPE": "POSIX"}, "utf-8", True),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, "utf-8", False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8", False),
        ({"LC_ALL": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8", True),
        ({}, "utf-8", False),
        ({}, None, False),
        (TMUX, "utf-8", True),
        (STY, "utf-8", True),
        ({"TERM": "tmux-256color"}, "utf-8", True),  # sudo drops TMUX
        (TMUX | {"LANG": "C.UTF-8"}, "utf-8", False),
        ({"LANG": "en_US.UTF-8"}, "ascii", True),
    ],
)
def test_characters_go_by_the_locale(
    environment: dict[str, str], encoding: str | None, expected: bool
) -> None:
    """Where it is not UTF-8 there is ASCII alone; without one, tmux and screen have no more."""
    assert only_ascii({"TERM": "xterm", **environment}, encoding) is expected


@pytest.mark.parametrize(("lang", "expected"), [("C", "True"), ("C.UTF-8", "False")])
def test_a_locale_that_python_replaced_counts(lang: str, expected: str) -> None:
    """Python puts C.UTF-8 in the place of C (PEP 538): that says nothing of the terminal."""
    code = (
        "import os; from tcctui.terminal_type import only_ascii;"
        "print(only_ascii(os.environ, 'utf-8'))"
    )
    given = {"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": lang}
    found = subprocess.run(
        [sys.executable, "-c", code], env=given, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == expected
