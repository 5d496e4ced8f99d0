"""Error of a text that is not a valid query."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from tcctui.wire.tcp_states import fold


class QueryError(ValueError):
    """Invalid query: `reason`, a sentence for a person, about `text[start:end]`.

    `expected` lists valid alternatives in words; empty where the reason has them.
    """

    def __init__(self, start: int, end: int, reason: str, expected: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.start = start
        self.end = end
        self.reason = reason
        self.expected = expected


def render_error(text: str, error: QueryError, width: int = 76) -> str:
    """Write the text, a caret below the mistake, and the reason: three lines.

    A text of more than `width` characters is cut to the part around the mistake.
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
    """Most similar choice, the first of equals; case and separators don't count.

    Its similarity is `alike` at least, 1 being identity.
    """
    by_fold = {fold(choice): choice for choice in reversed([*choices])}
    found = difflib.get_close_matches(fold(word)[:100], by_fold, n=3, cutoff=alike)
    if not found:
        return None
    likeness = {one: difflib.SequenceMatcher(None, one, fold(word)).ratio() for one in found}
    like = [choice for name, choice in by_fold.items() if likeness.get(name) == likeness[found[0]]]
    return like[-1]
