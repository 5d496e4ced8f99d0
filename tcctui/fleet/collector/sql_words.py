"""Words of a statement, as ClickHouse's lexer has them (src/Parsers/Lexer.cpp).

What can't be told apart is refused: no word hides in what only looks like a string or a comment.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tcctui.fleet.collector.engine_error import SYNTAX, EngineError

_WORDS = re.compile(
    r"""(?P<space>\s+|--[^\n]*|\#[!\ ][^\n]*)
    |(?P<comment>/\*)
    |(?P<heredoc>\$(?P<tag>[A-Za-z0-9_]*)\$)
    |(?P<string>'(?:[^'\\]|\\.|'')*')
    |(?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    |(?P<number>[0-9][A-Za-z0-9_]*(?:\.[0-9][A-Za-z0-9_]*)?(?:(?<=[eEpP])[+-][0-9_]+)?)
    |(?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    |(?P<sign>[-+*/%=<>!(){}\[\],.;:?|@^&~])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_COMMENT_ENDS = re.compile(r"/\*|\*/")

_LONGEST = 1 << 20
"""Most characters of a statement: 256 KiB is ClickHouse's own limit (max_query_size)."""


class Word(NamedTuple):
    """A word, number, string or sign; `kind` is the group of `_WORDS`. Spaces are none.

    Of a `quoted` identifier the text is without its quotes.
    """

    kind: str
    text: str

    def says(self, *keywords: str) -> bool:
        """Check for one of these keywords, given in capitals."""
        return self.kind == "word" and self.text.upper() in keywords

    @property
    def name(self) -> str:
        """Identifier in lower case; empty for what is none."""
        return self.text.lower() if self.kind in {"word", "quoted"} else ""


def words_of(statement: str) -> list[Word]:
    """Words of a statement.

    Raises:
        EngineError: it is too long, or something in it is no word.

    """
    if len(statement) > _LONGEST:
        raise EngineError(SYNTAX, f"Max query size exceeded: {len(statement)} characters")
    words = []
    at = 0
    while at < len(statement):
        found = _WORDS.match(statement, at)
        if found is None:
            raise _unrecognized(statement, at)
        kind = found.lastgroup or ""
        at = found.end()
        if found["comment"]:
            at = _comment_end(statement, at)
        elif found["heredoc"]:
            end = statement.find(found["heredoc"], at)
            if end < 0:
                raise _unrecognized(statement, found.start())
            words.append(Word("string", statement[at:end]))
            at = end + len(found["heredoc"])
        elif kind == "quoted":
            words.append(Word(kind, _unquoted(found[0])))
        elif kind != "space":
            words.append(Word(kind, found[0]))
    return words


def _comment_end(statement: str, at: int) -> int:
    """End of a comment that has begun; comments may be nested."""
    depth = 1
    for found in _COMMENT_ENDS.finditer(statement, at):
        depth += 1 if found[0] == "/*" else -1
        if depth == 0:
            return found.end()
    raise _unrecognized(statement, at - 2)


def _unquoted(text: str) -> str:
    quote = text[0]
    return re.sub(r"\\(.)|" + quote * 2, lambda one: one[1] or quote, text[1:-1], flags=re.DOTALL)


def _unrecognized(statement: str, at: int) -> EngineError:
    return EngineError(
        SYNTAX, f"Syntax error: failed at position {at + 1}: {statement[at : at + 40]}"
    )
