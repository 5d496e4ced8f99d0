"""Statements: their kind, their format, and what they call."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from tcctui.fleet.collector.engine_error import ACCESS_DENIED, SYNTAX, EngineError
from tcctui.fleet.collector.sql_words import Word, words_of
from tcctui.fleet.schema.ddl import quoted

_READING = ("SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN")

GREETINGS = frozenset(
    {
        "select 1",
        "select 1 as check",
        "select version ( )",
        "select version ( ) , timezone ( )",
        "select name , value , readonly from system . settings limit 10000",
    }
)
"""Statements of clients that connect: agents, who read nothing else, may run them, too."""

_IDENTIFIER = rb"(?:[A-Za-z_][A-Za-z0-9_]*|`[A-Za-z_][A-Za-z0-9_ ]*`|\"[A-Za-z_][A-Za-z0-9_ ]*\")"
_INSERT = re.compile(
    rb"\s*INSERT\s+INTO\s+(?:TABLE\s+)?"
    rb"(?P<table>" + _IDENTIFIER + rb"(?:\." + _IDENTIFIER + rb")?)\s*"
    rb"(?:\((?P<columns>\s*" + _IDENTIFIER + rb"(?:\s*,\s*" + _IDENTIFIER + rb")*\s*)\)\s*)?"
    rb"(?:FORMAT\s+(?P<format>[A-Za-z0-9]+)[ \t\f]*;?[ \t\f]*(?:\r?\n|\Z)|(?P<values>VALUES))",
    re.IGNORECASE,
)
_LONGEST_HEAD = 1 << 16

_BEGINS_INSERT = re.compile(rb"\s*INSERT\b", re.IGNORECASE)
_FROM_ELSEWHERE = ("OUTFILE", "INFILE")


class Insert(NamedTuple):
    """`INSERT INTO table (columns) FORMAT format`, whose rows begin at `data` of the text.

    `table` and `columns` are as they were written: identifiers and commas alone.
    """

    table: str
    columns: str
    format: str
    data: int

    @property
    def name(self) -> str:
        """Name of the table without its database."""
        return self.table.rpartition(".")[2].strip('`"')

    def within(self, database: str) -> str:
        """Table with its database, which is the given one where it names none."""
        if not database or "." in self.table:
            return self.table
        return f"{quoted(database)}.{self.table}"


def insert_of(text: bytes) -> Insert | None:
    """Head of an INSERT whose rows follow it; None for any other statement."""
    found = _INSERT.match(text[:_LONGEST_HEAD])
    if found is None:
        return None
    form = (found["format"] or b"Values").decode()
    columns = (found["columns"] or b"").decode()
    return Insert(found["table"].decode(), columns, form, found.end())


def begins_insert(text: bytes) -> bool:
    """Check for an INSERT of any form."""
    return _BEGINS_INSERT.match(text[:_LONGEST_HEAD]) is not None


class Statement(NamedTuple):
    """Statement without rows behind it.

    `format` is that of its FORMAT clause, empty without one; `settings` the names in its SETTINGS
    clauses.
    """

    text: str
    words: Sequence[Word]
    format: str
    settings: Collection[str]

    @property
    def reads(self) -> bool:
        """Check that it begins as one that only reads: it has a result."""
        for word in self.words:
            if word.text != "(":
                return word.says(*_READING)
        return False

    def plain(self) -> str:
        """Text with single spaces, in lower case, without its FORMAT: for comparing."""
        words = [word.text.lower() for word in self.words]
        ending = ["format", self.format.lower()]
        return " ".join(words[:-2] if words[-2:] == ending else words)

    def calls(self) -> Iterator[str]:
        """Names of everything that is called, in lower case."""
        for word, behind in zip(self.words, self.words[1:], strict=False):
            if behind.text == "(" and behind.kind == "sign" and word.name:
                yield word.name

    def require_within(self, sources: Collection[str]) -> None:
        """Refuse what reaches files, processes or other machines.

        `sources` are functions that do.

        Raises:
            EngineError: ACCESS_DENIED.

        """
        for name in self.calls():
            if name in sources:
                raise EngineError(
                    ACCESS_DENIED,
                    f"Not enough privileges: the collector has no {name}(): no files, no programs"
                    " and no other machines",
                )
        if any(word.says(*_FROM_ELSEWHERE) for word in self.words):
            raise EngineError(
                ACCESS_DENIED, "Not enough privileges: the collector has no INFILE and no OUTFILE"
            )


def statement_of(text: str) -> Statement:
    """Take a statement apart.

    Raises:
        EngineError: it is empty, several, or no statement at all.

    """
    words = words_of(text)
    while words and words[-1].text == ";":
        words.pop()
    if not words:
        raise EngineError(SYNTAX, "Syntax error: empty query")
    if any(word.kind == "sign" and word.text == ";" for word in words):
        raise EngineError(SYNTAX, "Syntax error (Multi-statements are not allowed)")
    return Statement(text, words, _format(words), frozenset(_settings(words)))


def _format(words: Sequence[Word]) -> str:
    """Name in the FORMAT clause, at the end or before SETTINGS; empty without one."""
    for at in range(len(words) - 2, 0, -1):
        behind = words[at + 2 : at + 3]
        if words[at].says("FORMAT") and words[at + 1].kind == "word":
            return words[at + 1].text if not behind or behind[0].says("SETTINGS") else ""
    return ""


def _settings(words: Sequence[Word]) -> Iterator[str]:
    """Names in all SETTINGS clauses: `SETTINGS a = 1, b = 'x'`."""
    for at, word in enumerate(words):
        if not word.says("SETTINGS"):
            continue
        rest = words[at + 1 :]
        while len(rest) > 2 and rest[0].name and rest[1].text == "=":
            yield rest[0].name
            following = 3
            if len(rest) > following + 1 and rest[2].text in {"-", "+"}:
                following += 1
            if len(rest) <= following or rest[following].text != ",":
                break
            rest = rest[following + 1 :]
