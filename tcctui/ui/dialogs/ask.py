"""Dialog with a question and a line for the answer."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tcctui.ui.style.legible import plain


class Ask(ModalScreen[str | None]):
    """Gives back the typed text, stripped; None if it is empty."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close"),
    ]

    def __init__(self, title: str, about: str = "", *, answer: str = "") -> None:
        """Show `about` below the line; `answer` is its initial text."""
        super().__init__()
        self._title, self._about, self._answer = title, about, answer

    def compose(self) -> ComposeResult:
        """Compose the line."""
        with Vertical(classes="dialog"):
            yield Input(self._answer, compact=True, max_length=60)
            yield Static(plain(self._about), markup=False)

    def on_mount(self) -> None:
        """Show question and keys."""
        box = self.query_one(".dialog")
        box.border_title, box.border_subtitle = self._title, "Enter takes · Esc closes"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give back the text."""
        event.stop()
        self.dismiss(plain(event.value).strip() or None)
