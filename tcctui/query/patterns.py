"""Regular expressions over all rows, none of which can freeze a key."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from tcctui.arrays import Array, Mask
from tcctui.query.conditions import Piece
from tcctui.query.errors import QueryError
from tcctui.query.evaluation import Evaluation

if TYPE_CHECKING:
    import re2

    from tcctui.query.sql import Statement

MAX_SECONDS = 1.0
"""CPU time allowed to a pattern that RE2 can't search, over all rows."""

MAX_LENGTH = 200
"""Largest length of a pattern."""

_OTHERWISE = re.compile(r"\{(?!\d+(?:,\d*)?\})|\\[1-9]")
"""Constructs that RE2 accepts with another meaning than `regex`: `a{,3}`, `(?:a){e<=1}`, `\12`."""


class Pattern:
    """Regular expression, in either case, with the syntax and the meaning of `regex`.

    Lines of rows are ASCII. RE2 searches them, in time linear in their length; a pattern with look-
    around or back-references is searched by `regex`, with a time limit. Either way a line is
    searched once: between two evaluations, few of them change.
    """

    def __init__(self, piece: Piece) -> None:
        """Compile the pattern.

        Raises:
            QueryError: it is invalid.

        """
        import regex  # noqa: PLC0415 - 20 ms, and few queries have one

        if len(piece.text) > MAX_LENGTH:
            reason = f"a pattern has at most {MAX_LENGTH} characters"
            raise QueryError(piece.start, piece.end, reason)
        self._piece = piece
        try:
            self._any = regex.compile(piece.text, regex.IGNORECASE)
        except (regex.error, ValueError, OverflowError, RecursionError) as error:
            at = getattr(error, "pos", None)
            start = piece.start + min(at or 0, max(0, len(piece.text) - 1))
            reason = f"not a regular expression: {getattr(error, 'msg', error)}"
            raise QueryError(start, piece.end, reason) from None
        self._linear = _linear(piece.text)
        self._before: tuple[Array, Array, Mask] | None = None

    def among_rows(self, look: Evaluation) -> Mask:
        """Mask of the rows whose `text` matches.

        Raises:
            QueryError: it takes too long.

        """
        cookies, lines = look["cookie"], look["text"]
        before = self._before
        if before is not None and before[1] is lines and not lines.flags.writeable:
            return before[2].copy()
        mask, new = self._known(cookies, lines)
        if len(new):
            mask[new] = self._among(lines[new])
        # One tuple, so that what another thread reads belongs together.
        self._before = cookies, lines, mask
        return mask.copy()

    def among_names(self, names: Array) -> Mask:
        """Mask of the names, a few of them, that match."""
        texts = [name.decode(errors="replace") for name in names.tolist()]
        return self._search(texts) & (names != b"")

    def in_sql(self, statement: Statement, column: str) -> str:
        r"""The same of a column in SQL; beyond ASCII, `\w` and the like are RE2's.

        Raises:
            NotInSqlError: RE2, which ClickHouse has too, can't search it.

        """
        if self._linear is None:
            return statement.refuse(
                f"{self._piece} has look-around, references or counts that a database does not know"
            )
        return statement.fits(column, self._piece.text)

    def _known(self, cookies: Array, lines: Array) -> tuple[Mask, Any]:
        """Earlier results for the same flows and lines, and the lines still to be searched."""
        mask = np.zeros(len(lines), np.bool_)
        if self._before is None or not len(self._before[0]):
            return mask, np.arange(len(lines))
        old_cookies, old_lines, old_mask = self._before
        if np.array_equal(cookies, old_cookies):
            same = lines == old_lines
            return old_mask & same, np.flatnonzero(~same)
        if not (old_cookies[1:] > old_cookies[:-1]).all():
            return mask, np.arange(len(lines))
        place = np.searchsorted(old_cookies, cookies)
        place[place == len(old_cookies)] = 0
        same = (old_cookies[place] == cookies) & (old_lines[place] == lines)
        return old_mask[place] & same, np.flatnonzero(~same)

    def _among(self, lines: Array) -> Mask:
        if self._linear is None:
            return self._search([line.decode("ascii") for line in lines.tolist()])
        found = map(self._linear.Match, lines.tolist())
        return np.array([hit is not None for hit in found], np.bool_)

    def _search(self, texts: list[str]) -> Mask:
        end = time.thread_time() + MAX_SECONDS
        return np.array([self._in(text, end) for text in texts], np.bool_)

    def _in(self, text: str, end: float) -> bool:
        try:
            if time.thread_time() > end:
                raise TimeoutError
            return self._any.search(text, timeout=MAX_SECONDS) is not None
        except TimeoutError:
            reason = "this pattern takes too long; say it with fewer * and +"
            raise QueryError(self._piece.start, self._piece.end, reason) from None


def _linear(pattern: str) -> re2.Set | None:
    """Compiled form that searches lines of ASCII in linear time; None if RE2 can't, or might err.

    It is a set of this one pattern, which reports a match without its place, at half the cost.
    """
    if _OTHERWISE.search(pattern):
        return None
    import re2  # noqa: PLC0415 - 20 ms

    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    linear = re2.Set.SearchSet(options)
    try:
        linear.Add(pattern)
        linear.Compile()
    except re2.error:
        return None
    return linear
