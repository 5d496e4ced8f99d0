"""Display of the mistake in a search."""

from __future__ import annotations

from rich.highlighter import Highlighter
from rich.text import Text

from tcctui.query import QueryError
from tcctui.ui.style.legible import plain

_EXPECTED = 5
"""Limit on alternatives listed as expected."""


class Underline(Highlighter):
    """Underlines the mistake in the typed text."""

    def __init__(self) -> None:
        self.mistake: QueryError | None = None

    def highlight(self, text: Text) -> None:
        """Mark the mistake."""
        if self.mistake is not None:
            # A mistake at the very end has no character of its own: the last one is marked.
            start = min(self.mistake.start, max(0, len(text) - 1))
            text.stylize("bold red underline", start, max(self.mistake.end, start + 1))


def pointed(mistake: QueryError, at: int, room: int) -> str:
    """The reason beside a caret in column `at`, or alone if there is no room for both.

    If there is room, it adds the expected alternatives, and that the last valid filter is in force.
    """
    reason, expected = plain(mistake.reason), _expected(mistake)
    holds = "the last good filter holds"
    for hint in (
        f"{reason}{expected}; {holds}",
        f"{reason}; {holds}",
        f"{reason}{expected}",
        reason,
    ):
        if 0 <= at <= room - len(hint) - 2:
            return f"{' ' * at}^ {hint}"
        if len(hint) < at < room:
            return f"{hint:>{at - 1}} ^"
    return reason


def _expected(mistake: QueryError) -> str:
    named = mistake.expected
    if not named:
        return ""
    more = " …" if len(named) > _EXPECTED else ""
    return plain(f" (expected: {', '.join(named[:_EXPECTED])}{more})")
