"""Putting text into the clipboard of the terminal, through whatever is in between (OSC 52)."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

from textual.widget import Widget

from tcctui.terminal_type import in_screen
from tcctui.ui.notices import Notice, tell

MOST_BYTES = 74_994
"""Largest text: xterm and others drop a sequence of more than 100,000 characters in base64."""

_SCREEN_PIECE = 240  # screen drops strings longer than 256 characters, in its older versions


def put(widget: Widget, text: str, title: str) -> None:
    """Copy, and say so: how much, and what may be in the way; a text too long is cut."""
    cut = text.encode()[:MOST_BYTES].decode(errors="ignore")
    size = f"{len(cut.encode()):,} bytes"
    if in_screen(os.environ):
        _through_screen(widget, cut)
    else:
        widget.app.copy_to_clipboard(cut)
    about = "" if cut == text else f" of {len(text.encode()):,}: terminals take no more"
    tell(widget, Notice(title, f"{size}{about}.{_doubt(os.environ)}", seconds=8))


def screen_pieces(text: str) -> str:
    """The sequence that sets the clipboard, in strings that screen hands on (DCS … ST)."""
    encoded = base64.b64encode(text.encode()).decode()
    whole = f"\x1b]52;c;{encoded}\a"
    pieces = [whole[at : at + _SCREEN_PIECE] for at in range(0, len(whole), _SCREEN_PIECE)]
    return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)


def _through_screen(widget: Widget, text: str) -> None:
    # Textual has no other way to write something in turn with the picture.
    driver = widget.app._driver
    if driver is not None:
        driver.write(screen_pieces(text))


def _doubt(environment: Mapping[str, str]) -> str:
    """Reason to doubt that the text reaches the clipboard."""
    if "TMUX" in environment:
        return " In tmux this needs: set -s set-clipboard on"
    if in_screen(environment):
        return " The terminal that screen runs in must allow OSC 52."
    if environment.get("TERM_PROGRAM") == "Apple_Terminal":
        return " Apple's Terminal takes no text from programs; iTerm2 and others do."
    return " If nothing arrived, the terminal does not allow OSC 52."
