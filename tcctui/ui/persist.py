"""Choices on the screen, kept for the next run."""

from __future__ import annotations

from typing import Any

from textual.widget import Widget

from tcctui.errors import TcctuiError
from tcctui.ui.notices import Notice, tell
from tcctui.ui.preferences import Preferences


def keep(widget: Widget, preferences: Preferences, **changes: Any) -> None:
    """Keep changed settings; show a notice if that fails."""
    now = preferences.settings
    if all(getattr(now, name) == value for name, value in changes.items()):
        return
    try:
        preferences.change(**changes)
    except TcctuiError as error:
        tell(widget, Notice("Kept until tcctui exits only", str(error), "warning"))
