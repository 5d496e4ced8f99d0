"""Statements that reach the collector: words, inserts, settings, and what they call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.fleet.collector.engine_error import EngineError
from tcctui.fleet.collector.sql_words import words_of
from tcctui.fleet.collector.statement import begins_insert, insert_of, statement_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT 'a''b\\'c', `d``e`", ["SELECT", "'a''b\\'c'", ",", "d`e"]),
        ("SELECT 1 -- SETTINGS a = 1\n, 2", ["SELECT", "1", ",", "2"]),
        ("SELECT /* a /* b */ c */ 1.5e-3", ["SELECT", "1.5e-3"]),
        ("SELECT $x$ ' file( $x$", ["SELECT", " ' file( "]),
        ('"file"(1)', ["file", "(", "1", ")"]),
        ("a#! b\nc", ["a", "c"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    """Strings, comments and quoted names end where ClickHouse's lexer ends them."""
    assert [word.text for word in words_of(text)] == words


@pytest.mark.parametrize("text", ["'a", "`a", "/* a", "/* a /* b */", "$x$ a", "a \0 b", "‘a’"])
def test_what_is_no_word_is_refused(text: str) -> None:
    """Nothing can hide in what one lexer takes for a string, and another one does not."""
    with pytest.raises(EngineError) as refused:
        words_of(text)
    assert refused.value.code == 62


@given(st.text(alphabet="'`\"\\/*-#$ab(\n ;", max_size=30))
def test_any_text_has_words_or_is_refused(text: str) -> None:
    """Whatever it is, nothing else comes out of it; and words are in it, in order."""
    try:
        words = words_of(text)
    except EngineError:
        return
    at = 0
    for word in words:
        if word.kind in {"word", "number", "sign"}:
            at = text.index(word.text, at) + len(word.text)


def test_inserts() -> None:
    """Head and rows of an INSERT are told apart as ClickHouse does: after one line feed at most."""
    found = insert_of(b"INSERT INTO a.`b c` (`x`, y) FORMAT Native\n\n\x00")
    assert found is not None
    assert (found.table, found.name, found.columns) == ("a.`b c`", "b c", "`x`, y")
    assert (found.format, found.data) == ("Native", 43)
    values = insert_of(b"insert into t values (1)")
    assert values is not None
    assert (values.format, values.data) == ("Values", 20)


@pytest.mark.parametrize(
    "text",
    [
        b"INSERT INTO t SELECT 1",
        b"INSERT INTO FUNCTION file('a') VALUES (1)",
        b"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV",
        b"INSERT INTO t (a, (SELECT 1)) VALUES",
        b"INSERT INTO t SETTINGS a = 1 FORMAT CSV\n",
        b"INSERT INTO `t` FROM INFILE 'a' FORMAT CSV` FORMAT CSV\n",
        b"INSERT INTO t (a) FORMAT CSV SETTINGS a = 1\n",
    ],
)
def test_other_inserts_are_told_apart(text: bytes) -> None:
    """Only rows that follow are taken for rows; all else is a statement, and known as an INSERT."""
    assert insert_of(text) is None
    assert begins_insert(text)


def test_settings_and_formats() -> None:
    """Names in SETTINGS clauses are found in all of a statement, a FORMAT at its end."""
    text = (
        "SELECT * FROM (SELECT 1 SETTINGS a = 1, `b` = -2, c = 'x, d = 1') AS settings"
        " SETTINGS e = 1.5 FORMAT JSON;"
    )
    statement = statement_of(text)
    assert statement.settings == {"a", "b", "c", "e"}
    assert statement.format == "JSON"
    assert statement_of("SELECT format FROM json").format == ""


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("SELECT 1", True),
        ("((SELECT 1))", True),
        ("with a as (select 1) select 2", True),
        ("DESCRIBE TABLE t", True),
        ("SET a = 1", False),
        ("DROP TABLE t", False),
        ("`SELECT` 1", False),
    ],
)
def test_reading(text: str, reads: bool) -> None:
    """A statement reads that begins so."""
    assert statement_of(text).reads is reads
