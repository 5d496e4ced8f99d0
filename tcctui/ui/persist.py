"""Keeps what was chosen on the screen for the next time."""

from __future__ import annotations

from typing import Any

from textual.widget import Widget

from tcctui.errors import TcctuiError
from tcctui.ui.notices import Notice, tell
from tcctui.ui.preferences import Preferences


def keep(widget: Widget, preferences: Preferences, **changes: Any) -> None:
    """Keep settings that differ from what they were; say so where they can't be kept."""
    now = preferences.settings
    if all(getattr(now, name) == value for name, value in changes.items()):
        return
    try:
        preferences.change(**changes)
    except TcctuiError as error:
        tell(widget, Notice("This holds until tcctui ends", str(error), "warning"))
