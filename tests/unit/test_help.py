"""`tcctui help` and the manual page, made of what the program says of itself."""

from __future__ import annotations

import ast
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tcctui.alerts.alert import Alert
from tcctui.alerts.payload import variables
from tcctui.cli import main, parser
from tcctui.manual import options, roff
from tcctui.manual import page as manual
from tcctui.query.reference import FIELD_HELP, SYNTAX
from tcctui.reference.alerts import VARIABLES
from tcctui.reference.export import QUESTIONS
from tcctui.reference.topics import TOPICS
from tcctui.ui.style.signs import LIMITS, MARKS, ROWS
from tcctui.ui.table.columns import BY_NAME

CHECKOUT = Path(__file__).parents[2]

Captured = pytest.CaptureFixture[str]


def page(capsys: Captured, *topic: str) -> str:
    """Output of `tcctui help`."""
    assert main(["help", *topic]) == 0
    return capsys.readouterr().out


def words(text: str) -> str:
    """Text with each run of blanks and line breaks as one blank."""
    return " ".join(text.split())


def test_topics_are_listed(capsys: Captured) -> None:
    """Without a topic, each has a line with its summary; other commands show their options."""
    assert "--loop" in page(capsys, "replay")
    lines = page(capsys).splitlines()
    for name, topic in TOPICS.items():
        assert f"  {name} {topic.summary}" in [f"  {words(line)}" for line in lines]


@pytest.mark.parametrize("topic", TOPICS)
def test_pages_fit_the_terminal(
    topic: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each topic has a page, whose prose is wrapped to the terminal's width."""
    monkeypatch.setenv("COLUMNS", "72")
    lines = page(capsys, topic).splitlines()
    assert lines[0] == TOPICS[topic].title
    assert len(lines) > 3
    prose = [line for line in lines if line.startswith("  ") and not line.startswith("    ")]
    assert [line for line in prose if len(line) > 72] == []


def test_pages_have_what_the_registries_have(capsys: Captured) -> None:
    """No column, field, construct, sign or variable of the hook lacks its line."""
    columns, query = page(capsys, "columns"), words(page(capsys, "query"))
    for column in BY_NAME.values():
        assert f"  {column.title} ({column.name})" in columns
        assert words(column.meaning) in words(columns)
    for field in FIELD_HELP:
        assert ", ".join((field.name, *field.synonyms)) in query
    for example, meaning in SYNTAX:
        assert f"{words(example)} {words(meaning)}" in query
    for topic, signs in (("verdicts", LIMITS), ("signs", MARKS), ("signs", ROWS)):
        shown = page(capsys, topic)
        assert [one for one in signs.values() if f"  {one.glyph} {one.word}" not in shown] == []
    assert set(VARIABLES) == set(variables(Alert("retrans>5", 1, "local", "remote", 0)))


def test_queries_can_be_copied(capsys: Captured) -> None:
    """The page on exports has the SQL line by line, however narrow the terminal is."""
    text = page(capsys, "export")
    for question, query in QUESTIONS:
        assert question in text
        assert "".join(f"    {line}\n" for line in query.splitlines()) in text


@pytest.mark.parametrize(
    ("typed", "near"), [("colums", "Did you mean columns?"), ("xyzzy", "'xyzzy'.")]
)
def test_an_unknown_topic(typed: str, near: str, capsys: Captured) -> None:
    """A mistaken topic is a usage error of one sentence, with the nearest name if there is one."""
    assert main(["help", typed]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith(near)
    assert second.split() == ["List", "all", "topics:", "tcctui", "help"]


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """Run a command with a terminal as standard output, and give what that got."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tcctui", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    got = bytearray()
    try:
        while part := os.read(ours, 65536):
            got += part
    except OSError:  # Linux's end of a terminal
        pass
    finally:
        os.close(ours)
        assert process.wait(60) == 0
    return got.decode()


def test_a_terminal_is_paged(tmp_path: Path) -> None:
    """On a terminal the page goes through $PAGER, with its arguments; it may be quit early."""
    assert on_a_terminal("help", "recording", PAGER="true") == ""
    pager = tmp_path / "pager"
    pager.write_text('#!/bin/sh\necho "$1 $LESS"; wc -l\n')
    pager.chmod(0o755)
    shown = on_a_terminal("help", "status", PAGER=f"{pager} given").split("\r\n")
    assert shown[0] == "given FRX"
    assert int(shown[1]) > 3
    assert len(shown) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_under_sudo_the_pager_is_the_calling_user_s(public_path: Path) -> None:
    """Pagers run any command: not as root for a user who may call tcctui alone."""
    pager = public_path / "pager"
    pager.write_text("#!/bin/sh\nid -u; id -G; cat > /dev/null\n")
    pager.chmod(0o755)
    shown = on_a_terminal(
        "help", "status", PAGER=str(pager), SUDO_UID="65432", SUDO_GID="65431", SUDO_USER="user"
    )
    assert shown.split() == ["65432", "65431"]


@pytest.mark.parametrize("pager", ["", "/nowhere/pager", "un'closed"])
def test_without_a_pager_it_is_printed(pager: str) -> None:
    """No pager, a missing one or an invalid one: the page is printed all the same."""
    assert "Exit status" in on_a_terminal("help", "status", PAGER=pager)


# The manual page


def rendered(text: str, width: int = 100) -> tuple[str, str]:
    """What a person reads of a page, and what groff complains of."""
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", f"-rLL={width}n", "-P-cbou"],
        input=text.encode("ascii"),
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def text() -> str:
    """The page as it is read."""
    read, complaints = rendered(manual.page())
    assert not complaints
    return read


def test_every_section_is_there_in_its_order(text: str) -> None:
    """The page has the sections that manual pages have, and one for each topic of the help."""
    assert re.findall(r"^[A-Z][A-Z ]+$", text, re.MULTILINE) == [
        *("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXAMPLES"),
        *(topic.title.upper() for topic in TOPICS.values()),
        "SEE ALSO",
    ]


def test_no_command_and_no_option_is_missing(text: str) -> None:
    """Each option of each command stands in the page, with what it does."""
    whole = parser()
    flowing = words(text)
    for option in options.names(whole) - {"-h", "--help"}:
        assert f"{option} " in flowing
    for name, _, command in options.commands(whole):
        assert f"tcctui {name}\n" in text
        for option in options.names(command) - {"-h", "--help"}:
            assert f"{option} " in flowing


def test_options_that_texts_name_are_there() -> None:
    """Each option of a command that a message, help or the README names, that command has."""
    whole = parser()
    commands = {name: options.names(command) for name, _, command in options.commands(whole)}
    modules = [ast.parse(path.read_text()) for path in (CHECKOUT / "tcctui").rglob("*.py")]
    texts = [
        node.value
        for module in modules
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    named = [
        (command, option)
        for text in (*texts, (CHECKOUT / "README.md").read_text())
        for command, rest in re.findall(r"\btcctui ([a-z]+)\b([^|;`\n]*)", text)
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest.partition(". ")[0])
        if command in commands
    ]
    assert ("agent", "--host") in named
    wrong = [one for one in named if one[1] not in commands[one[0]] | options.names(whole)]
    assert wrong == []


def test_nothing_is_said_twice(text: str) -> None:
    """What a column shows is explained with the column, and its field leads there."""
    said = re.findall(r"^ {7}(?! )(.*)\n {14}(.*)$", text, re.MULTILINE)
    told = {name.split(",")[0]: meaning for name, meaning in said}
    assert told["srtt"] == "Column SRTT. A bare number is in ms."
    assert "local or remote port" in text  # which is no column
    assert text.count("TCP_INFO tcpi_rto.") == 1


def test_keys_of_the_search_box_are_apart(text: str) -> None:
    """Tab and the arrows do something else while a search is typed: that is said where they are."""
    keys = text.partition("\nKEYS\n")[2].partition("\nCOLUMNS\n")[0]
    beside, typing = keys.split("   While searching\n")
    assert "(complete)" in typing
    assert "(complete)" not in beside
    assert "(cell-right)" in beside


def test_what_looks_like_troff_is_text() -> None:
    """Dots and quotes at the beginning of a line, backslashes and signs are printed as they are."""
    odd = [".txt is an ending", "'quoted' at once", r"a \fB backslash \n", '~ ^ ` " - -- ∞ µs']
    section = roff.section("ODD", *map(roff.paragraph, odd))
    read, complaints = rendered(f".TH ODD 1\n{section}")
    assert not complaints
    assert [line for line in odd if line not in read] == []
    read, complaints = rendered(manual.page(), 72)
    assert not complaints
    assert max(map(len, read.splitlines())) <= 80, "a narrow terminal can show it"
