"""Regular expressions over all rows, none of which can freeze a key."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tcctui.query.errors import QueryError
from tcctui.query.evaluation import Evaluation, Mask
from tcctui.query.terms import Piece

if TYPE_CHECKING:
    import re2

MAX_SECONDS = 1.0
"""How long a pattern that RE2 can't search may take over all rows, in time of the processor."""

MAX_LENGTH = 200
"""Characters of a pattern."""

_OTHERWISE = re.compile(r"\{(?!\d+(?:,\d*)?\})|\\[1-9]")
"""Read without a complaint by RE2, but otherwise than by `regex`: `a{,3}`, `(?:a){e<=1}`, `\12`."""


class Pattern:
    """A regular expression, found in either case, with the syntax and the meaning of `regex`.

    Lines of rows are ASCII. RE2 searches them, in time that is linear in their length; a pattern
    that looks around itself or refers back is searched by `regex`, with a limit of time. Either way
    a line is searched once: between two looks, few of them change.
    """

    def __init__(self, piece: Piece) -> None:
        """Read it.

        Raises:
            QueryError: it is no regular expression.

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
        self._before: tuple[npt.NDArray[Any], npt.NDArray[Any], Mask] | None = None

    def among_rows(self, look: Evaluation) -> Mask:
        """Say in which lines of `text` it is found.

        Raises:
            QueryError: it takes too long.

        """
        cookies, lines = look["cookie"], look["text"]
        mask, new = self._known(cookies, lines)
        if len(new):
            mask[new] = self._among(lines[new])
        # One tuple, so that what another thread reads belongs together.
        self._before = cookies, lines, mask
        return mask.copy()

    def among_names(self, names: npt.NDArray[Any]) -> Mask:
        """Say in which names, a few of them, it is found."""
        texts = [name.decode(errors="replace") for name in names.tolist()]
        return self._search(texts) & (names != b"")

    def _known(self, cookies: npt.NDArray[Any], lines: npt.NDArray[Any]) -> tuple[Mask, Any]:
        """What was found in the same flows when they had the same lines, and where to look now."""
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

    def _among(self, lines: npt.NDArray[Any]) -> Mask:
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
    """Give what finds a pattern in lines of ASCII in linear time; None if RE2 can't, or might err.

    It is a set of this one: that tells whether it is there, and not where, at half the cost.
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
