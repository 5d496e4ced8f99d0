"""Short messages laid over the screen for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from tcctui.printable import plain_lines

if TYPE_CHECKING:
    from textual.widget import Widget

LONG = 3600.0
"""Display time of a notice about a change of the whole screen, in seconds."""

BRIEF = 4.0
"""Display time of a confirmation, in seconds."""


class Notice(NamedTuple):
    """Title and text, made printable; shown for some seconds."""

    title: str
    text: str
    severity: Literal["information", "warning", "error"] = "information"
    seconds: float = 10


def tell(widget: Widget, notice: Notice) -> None:
    """Show it."""
    title, text, severity, seconds = notice
    widget.notify(plain_lines(text), title=title, severity=severity, timeout=seconds, markup=False)
