"""Dialogs: a list to pick from, and a line to type."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar, NamedTuple, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tcctui.ui.style.legible import plain


def go(options: OptionList, way: str) -> None:
    """Move by `cursor_up`, `cursor_down`, `page_up` or `page_down`.

    Textual 8.2.8 raises if a page is requested before the list has been laid out: such a key then
    has no effect.
    """
    with suppress(LookupError):
        getattr(options, f"action_{way}")()


def highlighted(options: OptionList) -> str | None:
    """Id of the highlighted option; None without one."""
    option = options.highlighted_option
    return None if option is None else option.id


class Palette(CommandPalette):
    """Command palette, whose keys may arrive before its list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "page('page_down')", "Next page", show=False),
        Binding("pageup", "page('page_up')", "Previous page", show=False),
    ]

    def action_page(self, way: str) -> None:
        """Page through the list, if it is ready."""
        for options in self.query(OptionList):
            go(options, way)


Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """Dialog that the keys of `opener` close, the action that opens it, too."""

    opener = ""
    """Id of the action; empty for none."""

    own_keys: frozenset[str] = frozenset()
    """Those keys, whichever are in force on the screen below."""

    def on_mount(self) -> None:
        """Bind them."""
        below = self.app.screen_stack[-2].active_bindings
        self.own_keys = frozenset(
            key for key, one in below.items() if one.binding.id and one.binding.id == self.opener
        )
        for key in self.own_keys:
            self._bindings.bind(key, "close_again", show=False, priority=True)

    def _screen_resized(self, size: Size) -> None:
        """Lay it out for another size.

        Textual does so at the opening, too, when that is done: the Resize comes behind it.
        """
        if size != self._compositor.size:
            super()._screen_resized(size)

    def action_close_again(self) -> None:
        """Close it without an answer."""
        self.dismiss(None)


class Box(Input):
    """Line of a dialog, to which its keys are characters once something is in it."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Leave the dialog's keys to it."""
        dialog = self.screen
        own = isinstance(dialog, Dialog) and key in dialog.own_keys and not self.value
        return not own and super().check_consume_key(key, character)


class Choice(NamedTuple):
    """Choice: its value, its name, and a short description."""

    value: str
    title: str
    meaning: str = ""


class Pick(Dialog[str | None]):
    """Lists choices; gives back the picked value, None without one."""

    HINT: ClassVar[str] = "Enter takes · Esc closes"
    """Description of its keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close"),
        Binding("down", "cursor('cursor_down')", "Down", show=False),
        Binding("up", "cursor('cursor_up')", "Up", show=False),
    ]

    def __init__(
        self, title: str, choices: Sequence[Choice], *, nothing: str = "Nothing", opener: str = ""
    ) -> None:
        super().__init__()
        self.opener = opener
        self._title = title
        self._choices = choices
        self._nothing = nothing

    def compose(self) -> ComposeResult:
        """Compose the box for narrowing, and the list."""
        with Vertical(classes="dialog"):
            yield Box(placeholder="type to narrow", compact=True, select_on_focus=False)
            yield OptionList(markup=False)

    def on_mount(self) -> None:
        """Show all choices."""
        box = self.query_one(".dialog")
        box.border_title, box.border_subtitle = self._title, self.HINT
        self.query_one(OptionList).can_focus = False
        self._narrow("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show the choices with these letters."""
        self._narrow(event.value)

    def show(self, title: str, choices: Sequence[Choice]) -> None:
        """Replace the choices; the highlighted one stays so if it is still there."""
        self._title, self._choices = title, choices
        if self.is_mounted:
            self.query_one(".dialog").border_title = title
            self.renew()

    def renew(self) -> None:
        """Rebuild the list."""
        options = self.query_one(OptionList)
        value = highlighted(options)
        self._narrow(self.query_one(Input).value)
        if value is not None and value in (option.id for option in options.options):
            options.highlighted = options.get_option_index(value)

    def _narrow(self, text: str) -> None:
        """Show what has all words, and highlight the first whose name begins so."""
        words = text.lower().split()
        shown = [
            choice
            for choice in self._choices
            if all(word in f"{choice.title} {choice.meaning}".lower() for word in words)
        ]
        width = max((len(choice.title) for choice in shown), default=0)
        options = self.query_one(OptionList)
        options.clear_options()
        for choice in shown:
            line = Text.assemble(
                (plain(choice.title).ljust(width), "bold"), "  ", plain(choice.meaning)
            )
            options.add_option(Option(line, id=choice.value))
        if not shown:
            options.add_option(Option(self._nothing, disabled=True))
        else:
            begins = (words or [""])[0]
            named = [choice.title.lower().startswith(begins) for choice in shown]
            options.highlighted = named.index(True) if True in named else 0

    def action_cursor(self, way: str) -> None:
        """Move to the next choice, or the previous one."""
        go(self.query_one(OptionList), way)

    def on_input_submitted(self) -> None:
        """Pick the highlighted choice."""
        self.query_one(OptionList).action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Give back the value."""
        self.dismiss(event.option.id)


class Ask(Dialog[str | None]):
    """Gives back the typed text, stripped; None if it is empty."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close")]

    opener = "save-filter"

    def __init__(self, title: str, about: str = "", *, answer: str = "") -> None:
        """Show `about` below the line; `answer` is its initial text."""
        super().__init__()
        self._title, self._about, self._answer = title, about, answer

    def compose(self) -> ComposeResult:
        """Compose the line."""
        with Vertical(classes="dialog"):
            yield Box(self._answer, compact=True, max_length=60)
            yield Static(plain(self._about), markup=False)

    def on_mount(self) -> None:
        """Show question and keys."""
        box = self.query_one(".dialog")
        box.border_title, box.border_subtitle = self._title, "Enter takes · Esc closes"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give back the text."""
        event.stop()
        self.dismiss(plain(event.value).strip() or None)
