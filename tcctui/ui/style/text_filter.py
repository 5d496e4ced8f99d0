"""Filters of lines that change their text."""

from __future__ import annotations

from textual.filter import LineFilter


class TextFilter(LineFilter):
    """Changes texts, and no style: Textual's filters are the other way round.

    Those are applied once to each style (`ComponentStyles`), this one to each line that is drawn.
    """
