"""Short messages, each on one line over the screen for a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from tcctui.errors import TcctuiError
from tcctui.printable import plain

if TYPE_CHECKING:
    from textual.widget import Widget

LONG = 3600.0
"""Display time of a notice about a change of the whole screen, in seconds."""

BRIEF = 4.0
"""Display time of a confirmation, in seconds."""


class Notice(NamedTuple):
    """Title and text, made printable; shown for some seconds. A text's lines are joined."""

    title: str
    text: str
    severity: Literal["information", "warning", "error"] = "information"
    seconds: float = 10


def unread(error: Exception) -> str:
    """Sentence on why a timeline was not read; a defect has its type's name."""
    if isinstance(error, MemoryError):
        return "This takes more memory than it may: see --reading-memory."
    return str(error) if isinstance(error, TcctuiError) else f"{type(error).__name__}: {error}"


_SIGNS: Mapping[str, str] = {"warning": "! ", "error": "✕ "}


def tell(widget: Widget, notice: Notice) -> None:
    """Show it on one line, whose end is cut where the terminal is too narrow.

    One that is shown is not shown again beside itself.
    """
    title, text, severity, seconds = notice
    line = plain(f"{_SIGNS.get(severity, '')}{title}  {' · '.join(text.splitlines())}".rstrip())
    if all(shown.message != line for shown in widget.app._notifications):
        widget.notify(line, severity=severity, timeout=seconds, markup=False)
