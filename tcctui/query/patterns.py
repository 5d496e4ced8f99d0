"""Regular expressions over all rows, which can neither freeze a key nor cost a call per row."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tcctui.query.errors import QueryError
from tcctui.query.evaluation import Evaluation, Mask
from tcctui.query.machine import IrregularError, Machine
from tcctui.query.terms import Piece

if TYPE_CHECKING:
    import regex

MAX_SECONDS = 1.0
"""How long a pattern may search all rows once, in time of the processor, and each piece of them."""

MAX_LENGTH = 200
"""Characters of a pattern."""

_PIECE = 8192
"""Rows that are searched at a time."""

_FOUND = "\1"
"""What is put in place of what was found, and of all that is behind it in its line."""

_FEED = 10


class Pattern:
    """A regular expression, found in either case.

    Most are made into a `Machine`. With the others, lines are searched all at once, as one text, so
    that there is no call per line, and what was found is kept until the next look: between two of
    them, few lines change.
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
        # Lines are lower-case already: there, to tell cases apart is the same, and quicker.
        capitals = re.search(r"[A-Z]", re.sub(r"\\.", "", piece.text))
        case = regex.IGNORECASE if capitals else 0
        try:
            self._one = regex.compile(piece.text, regex.IGNORECASE)
            within = within_lines(piece.text)
            self._lines = within and regex.compile(f"(?:{within}).*", case | regex.MULTILINE)
        except (regex.error, ValueError, OverflowError, RecursionError) as error:
            at = getattr(error, "pos", None)
            start = piece.start + min(at or 0, max(0, len(piece.text) - 1))
            reason = f"not a regular expression: {getattr(error, 'msg', error)}"
            raise QueryError(start, piece.end, reason) from None
        self._machine: Machine | None = None
        with suppress(IrregularError):
            self._machine = Machine(piece.text)
        self._before: tuple[npt.NDArray[Any], npt.NDArray[Any], Mask] | None = None

    def among_rows(self, look: Evaluation) -> Mask:
        """Say in which lines of `text` it is found.

        Raises:
            QueryError: it takes too long.

        """
        cookies, lines = look["cookie"], look["text"]
        if self._machine is not None:
            return self._machine.among(lines)
        mask, new = self._known(cookies, lines)
        if len(new):
            mask[new] = self._among(lines[new])
        # One tuple, so that what another thread reads belongs together.
        self._before = cookies, lines, mask
        return mask.copy()

    def among_names(self, names: npt.NDArray[Any]) -> Mask:
        """Say in which names, a few of them, it is found."""
        end = time.thread_time() + MAX_SECONDS
        texts = [name.decode(errors="replace") for name in names.tolist()]
        return np.array([bool(text) and self._in(text, end) for text in texts], np.bool_)

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
        end = time.thread_time() + MAX_SECONDS
        pieces = [lines[at : at + _PIECE] for at in range(0, len(lines), _PIECE)]
        if isinstance(self._lines, str) or self._lines is None:
            found = [
                np.array([self._in(line.decode("ascii"), end) for line in piece.tolist()], np.bool_)
                for piece in pieces
            ]
        else:
            found = [self._at_once(self._lines, piece, end) for piece in pieces]
        return np.concatenate(found)

    def _in(self, text: str, end: float) -> bool:
        try:
            if time.thread_time() > end:
                raise TimeoutError
            return self._one.search(text, timeout=MAX_SECONDS) is not None
        except TimeoutError:
            raise self._too_slow() from None

    def _at_once(self, pattern: regex.Pattern[str], lines: npt.NDArray[Any], end: float) -> Mask:
        joined = _joined(lines)
        try:
            if time.thread_time() > end:
                raise TimeoutError
            marked = pattern.sub(_FOUND, joined, timeout=MAX_SECONDS)
        except TimeoutError:
            raise self._too_slow() from None
        letters = np.frombuffer(marked.encode("ascii"), np.uint8)
        line_ends = np.flatnonzero(letters == _FEED)
        mask = np.zeros(len(lines), np.bool_)
        rows = np.searchsorted(line_ends, np.flatnonzero(letters == ord(_FOUND)))
        mask[rows[rows < len(lines)]] = True  # behind the last line, nothing is found as well
        return mask

    def _too_slow(self) -> QueryError:
        reason = "this pattern takes too long; say it with fewer * and +"
        return QueryError(self._piece.start, self._piece.end, reason)


def _joined(lines: npt.NDArray[Any]) -> str:
    """Lines of ASCII as one text, with a line feed behind each."""
    width = lines.itemsize
    letters = np.full((len(lines), width + 1), _FEED, "u1")
    letters[:, :width] = np.ascontiguousarray(lines).view("u1").reshape(len(lines), width)
    return letters.tobytes().replace(b"\0", b"").decode("ascii", errors="replace")


_ATOMS = re.compile(
    r"""(?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<escape>\\.)|(?P<flags>\(\?[a-zA-Z-]+[:)])|(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_NEVER_A_FEED = {r"\D": r"[^\d\n]", r"\W": r"[^\w\n]", r"\s": r"[ \t]", r"\A": "^", r"\Z": "$"}
_PLAIN_ESCAPE = re.compile(r"\\(?:[dwSbB1-9]|[^a-zA-Z0-9\n])")


def within_lines(pattern: str) -> str | None:
    r"""Rewrite a pattern so that no part of it can match a line feed; None if that is not sure.

    Then it finds the same in lines that are joined, in MULTILINE mode, as in each of them:
    `[^:]+` becomes `[^\n:]+`.
    """
    parts = []
    for atom in _ATOMS.finditer(pattern):
        text = atom[0]
        if atom["class"]:
            inner = text[2:-1] if text.startswith("[^") else text[1:-1]
            if re.search(r"\\[^\W_dwS]|\[|\n", inner) or inner.startswith("]"):
                return None
            if _span_has_feed(inner):
                return None
            text = rf"[^\n{inner}]" if text.startswith("[^") else text
        elif atom["escape"]:
            if text not in _NEVER_A_FEED and not _PLAIN_ESCAPE.fullmatch(text):
                return None
            text = _NEVER_A_FEED.get(text, text)
        elif (atom["flags"] and text not in ("(?i)", "(?:")) or text == "\n":
            return None
        parts.append(text)
    # `(?:`, `(?=`, `(?!`, `(?<` and `(?>` hold what is checked already; names, calls and
    # conditions are too rare to be looked into.
    return None if re.search(r"\(\?[^:=!<>i]|\(\?<[^=!]", pattern) else "".join(parts)


def _span_has_feed(inner: str) -> bool:
    r"""Whether a range in a class, such as `\t-a`, can reach over a line feed."""
    return any(first < "\n" for first in re.findall(r"(.)-.", inner, re.DOTALL))
