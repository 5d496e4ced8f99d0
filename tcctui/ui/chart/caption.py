"""The line above the charts."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tcctui.ui.style.kept_lines import KeptLines


class Caption(KeptLines, Widget):
    """Shows one line of text."""

    STYLES = "caption"
    DEFAULT_CSS = """
    Caption {
        height: 1;
        background: $panel;
        color: $foreground;
    }
    """

    def __init__(self) -> None:
        super().__init__(id="caption")
        self._text = ""

    def show(self, text: str) -> None:
        """Show this text."""
        if text != self._text:
            self._text = text
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is but one
        """Return the line."""
        return Strip([Segment(self._text, self.styles_of())])
