"""Section of the help: wrapped once per width, and painted only where it is visible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

_NAMES = (18, 26)
"""Least and greatest width of the column of names, in cells."""

_GAP = 2


class Entry(NamedTuple):
    """Subject of an explanation, its meaning, and its source."""

    name: str
    meaning: str
    source: str = ""


class _Line(NamedTuple):
    """One line of an entry: a part of each text."""

    name: str
    meaning: str
    source: str = ""


class Section(Widget):
    """Title and entries of a section, filtered by the words searched for.

    A `Static` with a Rich table renders every entry twice for its height alone: 150 ms for all.
    """

    def __init__(self, title: str, entries: Sequence[Entry]) -> None:
        super().__init__(classes="entries")
        self.title = title
        self.entries = entries
        self._shown = entries
        self._wrapped: tuple[int, list[_Line]] = (0, [])
        self._names = min(_NAMES[1], max(_NAMES[0], *(len(entry.name) for entry in entries)))

    def narrow(self, text: str) -> int:
        """Show the entries with all words of a text; gives their number."""
        words = text.lower().split()
        self._shown = [
            entry
            for entry in self.entries
            if all(word in " ".join((self.title, *entry)).lower() for word in words)
        ]
        self._wrapped = (0, [])
        self.display = bool(self._shown)
        self.refresh(layout=True)
        return len(self._shown)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        """Count the lines at a width, with the title's."""
        return 1 + len(self._lines(width))

    def render_line(self, y: int) -> Strip:
        """Paint a line."""
        width, style = self.size.width, self.rich_style
        if y == 0:
            segments = [Segment(self.title, style + Style(bold=True, underline=True))]
        else:
            lines = self._lines(width)
            line = lines[y - 1] if y <= len(lines) else _Line("", "")  # before the next layout
            name = line.name.ljust(self._names + _GAP)
            segments = [
                Segment(name, style + Style(bold=True)),
                Segment(line.meaning, style),
                Segment(line.source, style + Style(italic=True)),
            ]
        return Strip(segments).adjust_cell_length(width, style)

    def _lines(self, width: int) -> list[_Line]:
        if self._wrapped[0] != width:
            self._wrapped = width, [line for one in self._shown for line in self._of(one, width)]
        return self._wrapped[1]

    def _of(self, entry: Entry, width: int) -> Iterator[_Line]:
        names = wrap(entry.name, self._names) or [""]
        source = f" [{entry.source}]" if entry.source else ""
        text = f"{entry.meaning}{source}"
        end = 0
        meanings = wrap(text, max(width - self._names - _GAP, 1))
        for number in range(max(len(names), len(meanings))):
            name = names[number] if number < len(names) else ""
            part = meanings[number] if number < len(meanings) else ""
            begin = text.index(part, end)
            end = begin + len(part)
            own = max(len(entry.meaning) - begin, 0)
            yield _Line(name, part[:own], part[own:])
