"""The manual page, made of what the program says of itself, and rendered."""

from __future__ import annotations

import re
import subprocess

import pytest

from tcctui.cli import parser
from tcctui.manual import options, roff
from tcctui.manual.page import page
from tcctui.reference.topics import TOPICS


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
    read, complaints = rendered(page())
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
    words = " ".join(text.split())
    for option in options.names(whole) - {"-h", "--help"}:
        assert f"{option} " in words
    for name, _, command in options.commands(whole):
        assert f"tcctui {name}\n" in text
        for option in options.names(command) - {"-h", "--help"}:
            assert f"{option} " in words


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


def test_a_narrow_terminal_can_show_it() -> None:
    """At 72 characters nothing is wider than the line."""
    read, complaints = rendered(page(), 72)
    assert not complaints
    assert max(map(len, read.splitlines())) <= 80
