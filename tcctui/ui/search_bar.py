"""The search box: text in, a filter out; a mistake is underlined and explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from tcctui.flows.query import Query, QueryError, is_unfinished, parse
from tcctui.ui.plain import plain

PATIENCE = 0.5
"""Seconds after which a word is searched for that might have become a field's name."""


class _Underline(Highlighter):
    """Underlines the mistake in what was typed."""

    def __init__(self) -> None:
        self.mistake: QueryError | None = None

    def highlight(self, text: Text) -> None:
        """Mark the mistake's place."""
        if self.mistake is not None:
            # A mistake at the very end has no character of its own: the last one is marked.
            start = min(self.mistake.start, max(0, len(text) - 1))
            text.stylize("bold red underline", start, max(self.mistake.end, start + 1))


class _Box(Input):
    """A box in which only what can be shown is ever kept, also of what is pasted."""

    def validate_value(self, value: str) -> str:
        """Replace what is not printable, each character by one."""
        return plain(value)


class SearchBar(Vertical):
    """A box to type a filter into. While there is a mistake in it, the last good filter holds.

    So it does for a moment while the last word may yet become a field: on the way to `port:443`
    nobody wants to see the rows that have `port` in their text, which are none.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "Clear"),
    ]

    @dataclass
    class Changed(Message):
        """A filter was typed that can be used."""

        query: Query

    class Left(Message):
        """Whoever typed is done."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._underline = _Underline()
        self._waiting: Query | None = None
        self._patience: Timer | None = None

    def compose(self) -> ComposeResult:
        """Make the box and the line for the reason."""
        yield _Box(
            placeholder="Search: /  then words, port:443, ip:10.0.0.0/8, srtt>50ms, -state:estab",
            highlighter=self._underline,
            compact=True,
            select_on_focus=False,
        )
        yield Static(id="mistake", markup=False)

    def on_mount(self) -> None:
        """Hide the line for the reason."""
        self._explain(None)

    @property
    def text(self) -> str:
        """What is in the box."""
        return self.box.value

    def on_input_changed(self, event: Input.Changed) -> None:
        """Read what was typed."""
        event.stop()
        self._waiting = None
        if self._patience is not None:
            self._patience.stop()
        try:
            query = parse(event.value)
        except QueryError as mistake:
            self._explain(mistake)
            return
        self._explain(None)
        self._waiting = query
        if is_unfinished(event.value):
            self._patience = self.set_timer(PATIENCE, self._apply)
        else:
            self._apply()

    def _apply(self) -> None:
        if self._waiting is not None:
            self.post_message(self.Changed(self._waiting))
            self._waiting = None

    def _explain(self, mistake: QueryError | None) -> None:
        self._underline.mistake = mistake
        line = self.query_one("#mistake", Static)
        line.display = mistake is not None
        if mistake is not None:
            line.update(self._pointed(mistake))
        self.box.refresh()

    def _pointed(self, mistake: QueryError) -> str:
        """The reason beside a caret below the mistake, or alone where there is no room for both."""
        box = self.box
        at = mistake.start - int(box.scroll_offset.x)
        room = self.size.width - 2
        for hint in (f"{mistake.reason}; the last good filter holds", mistake.reason):
            if 0 <= at <= room - len(hint) - 2:
                return f"{' ' * at}^ {hint}"
            if len(hint) < at < room:
                return f"{hint:>{at - 1}} ^"
        return mistake.reason

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go back to the table."""
        event.stop()
        self._apply()
        self.post_message(self.Left())

    def action_clear(self) -> None:
        """Empty the box, and go back to the table."""
        self.box.value = ""
        self.post_message(self.Left())

    @property
    def box(self) -> Input:
        """The box itself, for the keyboard to type into."""
        return self.query_one(Input)
