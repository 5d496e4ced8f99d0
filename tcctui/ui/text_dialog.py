"""Dialog with a text to read, and to copy into a ticket."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from tcctui.ui.dialogs import Dialog
from tcctui.ui.table import clipboard


class TextDialog(Dialog[None]):
    """Shows a text, whose name is `what`; `y` copies it, and `Y` the `json` of it, if given."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close"),
        Binding("y", "copy(False)", "Copy", show=False),
        Binding("Y", "copy(True)", "Copy JSON", show=False),
    ]

    def __init__(
        self, title: str, text: str, *, what: str, opener: str, json: str | None = None
    ) -> None:
        super().__init__()
        self.opener = opener
        self._title, self._text, self._what, self._json = title, text, what, json

    def compose(self) -> ComposeResult:
        """Compose the text, which may be longer than the screen."""
        with VerticalScroll(classes="dialog host"):
            yield Static(self._text, markup=False)

    def on_mount(self) -> None:
        """Name it, and its keys."""
        super().on_mount()
        box = self.query_one(".dialog")
        as_json = "" if self._json is None else " · Y as JSON"
        box.border_title, box.border_subtitle = self._title, f"y copies{as_json} · Esc closes"

    def action_copy(self, json: bool) -> None:
        """Put it into the clipboard."""
        if self._json is None:
            if not json:
                clipboard.put(self, self._text, f"Copied: {self._what}")
            return
        text, form = (self._json, "JSON") if json else (self._text, "text")
        clipboard.put(self, text, f"Copied: {self._what}, {form}")
