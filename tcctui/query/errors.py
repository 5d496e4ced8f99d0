"""What is told of a text that is no query."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from tcctui.wire.tcp_states import fold


class QueryError(ValueError):
    """Text that isn't a query: `reason`, a sentence for a person, about `text[start:end]`.

    `expected` is what could stand there, in words; empty where the reason says it.
    """

    def __init__(self, start: int, end: int, reason: str, expected: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.start = start
        self.end = end
        self.reason = reason
        self.expected = expected


def render_error(text: str, error: QueryError, width: int = 76) -> str:
    """Write the text, a caret below the mistake, and the reason: three lines.

    Of a text of more than `width` characters it is the part around the mistake.
    """
    line = "".join(char if char.isprintable() else " " for char in text)
    start = min(error.start, max(0, len(line) - 1))
    length = max(1, min(error.end, len(line)) - start)
    if len(line) > width:
        first = max(0, min(start - width // 3, len(line) - width))
        before, behind = "…" if first else "", "…" if first + width < len(line) else ""
        line = f"{before}{line[first : first + width]}{behind}"
        start += len(before) - first
        length = min(length, max(1, width - start))
    return f"{line}\n{' ' * start}{'^' * length}\n{error.reason}"


def nearest(word: str, choices: Iterable[str], alike: float = 0.6) -> str | None:
    """Find the choice that a word is most like, or the first; case and separators don't count.

    It is `alike` at least, 1 being the same.
    """
    by_fold = {fold(choice): choice for choice in reversed([*choices])}
    found = difflib.get_close_matches(fold(word)[:100], by_fold, n=3, cutoff=alike)
    if not found:
        return None
    likeness = {one: difflib.SequenceMatcher(None, one, fold(word)).ratio() for one in found}
    like = [choice for name, choice in by_fold.items() if likeness.get(name) == likeness[found[0]]]
    return like[-1]
