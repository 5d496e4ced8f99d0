"""The file of settings: where it is, what is read, what is wrong in it, what is kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tcctui.config import location
from tcctui.config.choices import Choices
from tcctui.config.lines import lines_of
from tcctui.config.reading import LARGEST, Problem, read
from tcctui.config.settings import Settings, Units
from tcctui.config.writing import keep
from tcctui.errors import TcctuiError
from tests.unit.command_line import Main
from tests.unit.test_package import loaded

KNOWN = Choices(
    themes=("nord", "dracula"),
    columns=("cwnd", "srtt", "process"),
    groups=("process", "net"),
    keys={"pause": ("p", "space"), "chart": ("c",), "window": ("w",)},
    key=lambda text: "" if text == "nokey" else text,
    fault=lambda text: "It is odd." if "odd" in text else "",
    elsewhere={"escape": "closing"},
)

ALL = """
theme = "nord"
ascii = true
mouse = false
columns = ["cwnd", "srtt"]
sort = ["-cwnd", "srtt"]
group = "net"
refresh = 2
keys.pause = ["x", "space"]
[widths]
process = 30
[filters]
slow = "srtt>80ms"
[units]
rate = "byte"
size = "decimal"
"""

Read = Callable[[str], tuple[Settings, list[Problem]]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the settings are."""
    return tmp_path / "config.toml"


@pytest.fixture
def told(file: Path) -> Read:
    """Reads settings of a text."""

    def told(text: str) -> tuple[Settings, list[Problem]]:
        file.write_text(text)
        return read(file, KNOWN)

    return told


def test_everything_that_can_be_set_is_read(told: Read) -> None:
    """Each setting of the file is one of the screen's."""
    settings, problems = told(ALL)
    assert not problems
    assert settings == Settings(
        theme="nord",
        ascii=True,
        mouse=False,
        refresh=2.0,
        columns=("cwnd", "srtt"),
        widths={"process": 30},
        sort=("-cwnd", "srtt"),
        group="net",
        keys={"pause": "x,space"},
        filters={"slow": "srtt>80ms"},
        units=Units("byte", "decimal"),
    )


def test_no_file_is_no_problem_and_loads_nothing(file: Path) -> None:
    """Where there is no file, the defaults hold, and tomlkit is not loaded."""
    assert read(file, KNOWN) == (Settings(), [])
    code = (
        "from tcctui.config.reading import read; from pathlib import Path;"
        f" read(Path({str(file)!r}))"
    )
    assert "tomlkit" not in loaded(code)


FAULTS = [
    ("\ntheem = 'nord'", 2),
    ("theme = 'nrod'", 1),
    ("theme = 3", 1),
    ("ascii = 'yes'", 1),
    ("mouse = 'auto'", 1),
    ("refresh = 0", 1),
    ("refresh = 11", 1),
    ("refresh = true", 1),
    ("refresh = '1'", 1),
    ("refresh = nan", 1),
    ("columns = [\n 'cwnd', # ]\n 'srt',\n]", 3),
    ("columns = [\n 'cwnd',\n 3,\n]", 3),
    ("columns = ['cwnd',\n'cwnd']", 2),
    ("columns = 'cwnd'", 1),
    ("sort = [\n'cwnd', '-cwdn']", 2),
    ("group = 'nett'", 1),
    ("group = ['net']", 1),
    ('theme = """\n"""\n\n[widths]\n# [no]\nprocess = -1', 6),
    ("[widths]\nprocess = true", 2),
    ("[widths]\n\nproces = 4", 3),
    ("widths = 4", 1),
    ("[keys]\npause = 'x'\nchart = 'x'", 3),
    ("[keys]\npause = 'w'", 2),
    ("[keys]\npause = 'escape'", 2),
    ("[keys]\npause = 'nokey'", 2),
    ("[keys]\npause = []", 2),
    ("[keys]\npaus = 'x'", 2),
    ("keys = { pause = 'w' }", 1),
    ("[filters]\na = '''\n=\n'''\nb = 'odd'", 5),
    ("[filters]\na = 3", 2),
    ("[units]\nrate = 'byte'\nsize = 1024", 3),
    ("[units]\nrte = 'byte'", 2),
    ("[[units]]\nrate = 'byte'", 1),
    ("[a.b]\nc = 1", 1),
    ("a = [1\n\n\nb = 2", 4),
    ("a = 1\na = 2", 0),
    ("\ntheme = 'nord\n", 2),
    ('theme = "nord\n', 1),
    ("a = " + "[" * 5000, 0),
]


@pytest.mark.parametrize(("text", "line"), FAULTS)
def test_what_is_wrong_is_told_with_its_line(told: Read, text: str, line: int) -> None:
    """Each mistake has its line, and its default holds; test_messages.py has the sentences."""
    settings, (problem,) = told(text)
    assert problem.line == line or not line
    assert settings.units.size == "binary"


def test_a_setting_that_is_there_twice_is_told_in_one_sentence(told: Read) -> None:
    """The reader's own full stop is not followed by another."""
    ((_, sentence),) = told('theme = "nord"\ntheme = "nord"\n')[1]
    assert sentence == 'This is not TOML: Key "theme" already exists. The defaults are used.'


def test_an_actions_further_keys_give_way(told: Read) -> None:
    """A key may be taken from an action that keeps its first one, as F3 from the search."""
    settings, problems = told("[keys]\nchart = 'space'")
    assert not problems
    assert settings.keys == {"chart": "space", "pause": "p"}
    settings, problems = told("[keys]\nchart = 'p'")
    assert [problem.line for problem in problems] == [2]
    assert settings.keys == {}


def test_one_mistake_leaves_the_rest(told: Read) -> None:
    """What is right in a file holds, whatever else is wrong in there."""
    settings, problems = told(ALL.replace('"nord"', '"nrod"').replace('"srtt"]', '"srt"]'))
    assert [problem.line for problem in problems] == [2, 5, 6]
    assert settings.columns == ("cwnd",)
    assert settings.keys == {"pause": "x,space"}


def test_two_actions_can_change_their_keys(told: Read) -> None:
    """A key that an action has given up is free for another one.

    An action that does not get its new key has its usual one, which nobody else gets.
    """
    settings, problems = told("[keys]\nwindow = 'c'\nchart = 'w'")
    assert not problems
    assert settings.keys == {"window": "c", "chart": "w"}
    settings, problems = told("[keys]\nwindow = 'p'\nchart = 'w'")
    assert [problem.line for problem in problems] == [2, 3]
    assert not settings.keys


@pytest.mark.parametrize("kind", ["fifo", "directory", "device", "huge", "latin", "zeros"])
def test_what_is_no_file_of_settings_is_told(kind: str, tmp_path: Path) -> None:
    """Nothing is waited for, nothing is read without end: one sentence, and the defaults."""
    path = tmp_path / "config.toml"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "huge":
        path.write_bytes(b"#" * (LARGEST + 1))
    elif kind == "latin":
        path.write_bytes(b"theme = 'nord'\n# \xe4\n")
    else:
        path.write_bytes(b"\0" * 99)
    settings, (problem,) = read(path, KNOWN)
    assert settings == Settings()
    assert problem.sentence.endswith("The defaults are used.")
    if kind == "latin":
        assert "line 2" in problem.sentence


Lines = dict[tuple[str | int, ...], int]
LINES: list[tuple[str, Lines]] = [
    (
        'a = "[\\"#"  # ]\n"b=c".d = 1\n[t."]"]\nx = [[1,\n2], # ,\n3]\n',
        {
            **{("a",): 1, ("b=c",): 2, ("b=c", "d"): 2, ("t",): 3, ("t", "]"): 3},
            **{("t", "]", "x"): 4, ("t", "]", "x", 0): 4, ("t", "]", "x", 1): 6},
        },
    ),
    (
        'a.b = """\n\n"""\n[k]\nx = { y = 1 }\n[m]\nn = true\n[k.z]\n# c\nw = 1 # d\n',
        {**{("a", "b"): 1, ("k", "x", "y"): 5, ("m", "n"): 7, ("k", "z"): 8}, ("k", "z", "w"): 10},
    ),
]


@pytest.mark.parametrize(("text", "found"), LINES)
def test_lines_of_what_is_set(text: str, found: Lines) -> None:
    """Brackets and signs in strings and comments are none; tables may be in several places."""
    assert lines_of(text, found) == list(found.values())


# Keeping


def test_what_is_kept_is_read_again_and_comments_stay(file: Path) -> None:
    """A change is written where it belongs, and all else in the file stays as it was."""
    file.write_text("# mine\n[widths]\nprocess = 3 # so\n\n[units] # too\nsize = 'decimal'\n")
    keep(file, {"theme": "nord", "columns": ("cwnd",), "units": Units("byte", "decimal")})
    text = file.read_text()
    assert all(comment in text for comment in ("# mine", "# so", "# too"))
    settings, problems = read(file, KNOWN)
    assert not problems
    assert settings == Settings(
        theme="nord", columns=("cwnd",), widths={"process": 3}, units=Units("byte", "decimal")
    )
    file.write_text("[filters]\na = 'x'\nb = 'y' # why\n")
    keep(file, {"filters": {"b": "y", 'ü "': "z"}})  # what is taken out is gone
    assert "# why" in file.read_text()
    assert read(file, KNOWN)[0].filters == {"b": "y", 'ü "': "z"}


def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """Directories on the way are made; nobody else can read what is searched for."""
    path = tmp_path / "new" / "tcctui" / "config.toml"
    keep(path, {"theme": "nord"})
    assert read(path, KNOWN)[0].theme == "nord"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["config.toml"]
    path.chmod(0o644)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    keep(link, {"theme": "dracula"})  # whoever keeps settings elsewhere has the link still
    assert link.is_symlink()
    assert read(path, KNOWN)[0].theme == "dracula"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_broken_file_is_left_as_it_is(file: Path) -> None:
    """What can't be read is not overwritten."""
    file.write_text("a = [")
    with pytest.raises(TcctuiError, match="line 1"):
        keep(file, {"theme": "nord"})
    assert file.read_text() == "a = ["
    with pytest.raises(TcctuiError, match="can't be written"):
        keep(Path("/proc/1/tcctui/config.toml"), {"theme": "nord"})


def test_a_relative_xdg_config_home_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """XDG_CONFIG_HOME counts where it is absolute, as its specification says."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert location.path() == tmp_path / ".config" / "tcctui" / "config.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert location.path() == tmp_path / "xdg" / "tcctui" / "config.toml"


# The command


def test_the_default_file_changes_nothing_and_neither_does_what_it_explains(
    main: Main, file: Path
) -> None:
    """--print-default is a file without problems that sets what holds anyway, all of it."""
    status, text, _ = main("config", "--print-default")
    assert status == 0
    file.write_text(text)
    assert main("config", "--check", "--config", str(file)) == (0, "", "")
    assert read(file) == (Settings(), [])
    examples = [
        line[2:] if line.startswith("# ") and " = " in line else line for line in text.splitlines()
    ]
    file.write_text("\n".join(examples))
    assert main("config", "--check", "--config", str(file)) == (0, "", "")
    settings, _ = read(file)
    assert "pause" in settings.keys
    assert settings.keys["help"] == "?,f1"  # as people write it
    assert max(map(len, text.splitlines())) <= 120
    assert settings.filters


def test_config_says_where_what_and_what_is_wrong(main: Main, file: Path) -> None:
    """The command shows what holds, tells problems on stderr, and --check fails with them."""
    file.write_text("theme = 'nord'\ncolums = []\n")
    status, out, err = main("config", "--config", str(file))
    assert status == 0
    assert 'theme = "nord"' in out
    assert err.startswith(f"{file}:2: ")
    assert "columns" in err
    status, out, err = main("config", "--check", "--config", str(file))
    assert (status, out) == (1, "")
    status, _, err = main("config", "--config", str(file) + "x")
    assert status == 2
    assert "There is no file" in err
