"""The help: every key, every column, the language of searches, the signs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Input, Static

from tcctui.query.reference import FIELD_HELP, SYNTAX, UNITS, FieldHelp
from tcctui.ui.actions import actions, in_force, spoken
from tcctui.ui.dashboard.help_section import Entry, Section
from tcctui.ui.dialogs import Dialog
from tcctui.ui.style.signs import LIMITS, MARKS, ROWS, Sign
from tcctui.ui.table.columns import BY_NAME

_PLAYER, _TABLE, _SEARCH = (
    "tcctui.ui.time.player",
    "tcctui.ui.table.",
    "tcctui.ui.search.search_bar",
)
"""Modules whose keys have sections of their own."""


class Help(Dialog[None]):
    """Help for the screen that it is called `on`, with the keys in force."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close"),
        Binding("q,enter", "dismiss", "Close"),
        Binding("slash", "find", "Find"),
        *(Binding(str(number), f"section({number})", "Section") for number in range(1, 10)),
    ]

    opener = "help"

    def __init__(self, on: Screen[None]) -> None:
        super().__init__()
        self._on = on

    def compose(self) -> ComposeResult:
        """Make the list of sections, the box, and the sections."""
        sections = [Section(title, entries) for title, entries in self._sections() if entries]
        nothing = Static("Nothing has these words.", id="help-none")
        nothing.display = False
        with Vertical(id="help") as box:
            box.border_title, box.border_subtitle = "Help", "/ find · 1 to 7 sections · Esc closes"
            yield Static(_contents(sections), id="help-contents")
            yield Input(placeholder="/ finds words in the help", compact=True, id="help-find")
            yield VerticalScroll(*sections, nothing)

    def _sections(self) -> Iterator[tuple[str, list[Entry]]]:
        yield "Screen", self._keys(lambda name: not name.startswith((_PLAYER, _TABLE, _SEARCH)))
        yield "Flows", self._keys(lambda name: name.startswith(_TABLE))
        yield "Time", self._keys(lambda name: name == _PLAYER)
        typing = self._keys(lambda name: name == _SEARCH)
        yield "Searches", [*typing, *(Entry(*told) for told in (*SYNTAX, *UNITS))]
        yield "Fields", [_field(one) for one in FIELD_HELP]
        columns = BY_NAME.values()
        yield "Columns", [Entry(column.title, column.meaning, column.source) for column in columns]
        signs = (("limited by", LIMITS), ("mark", MARKS), ("flow", ROWS))
        yield "Signs", [entry for what, each in signs for entry in _signs(what, each.values())]

    def _keys(self, wanted: Callable[[str], bool]) -> list[Entry]:
        parts = [self.app, self._on, *self._on.walk_children()]
        classes = dict.fromkeys(base for part in parts for base in type(part).__mro__)
        chosen = getattr(self.app, "preferences").settings.keys  # noqa: B009
        others = getattr(self.app, "MEANINGS", {}) if self.app.screen_stack[0] is self._on else {}
        found = actions(one for one in classes if wanted(one.__module__))
        told = [(action, others.get(action.id, action.meaning)) for action in found]
        return [
            Entry(spoken(self.app, in_force(action, chosen)), meaning)
            for action, meaning in told
            if meaning
        ]

    def on_mount(self) -> None:
        """Focus the text, for the arrow keys to scroll."""
        self.query_one(VerticalScroll).focus()

    def action_section(self, number: int) -> None:
        """Go to a section, by its number."""
        sections = list(self.query(Section))
        if number <= len(sections):
            scroll = self.query_one(VerticalScroll)
            # Not before the layout: the key may come as soon as the help does.
            section = sections[number - 1]
            self.call_after_refresh(scroll.scroll_to_widget, section, top=True, animate=False)
            scroll.focus()

    def action_find(self) -> None:
        """Focus the box for words to search."""
        self.query_one(Input).focus()

    def action_leave(self) -> None:
        """Leave the box and show everything; or close the help."""
        box = self.query_one(Input)
        if not box.has_focus and not box.value:
            self.dismiss()
        box.value = ""
        self.query_one(VerticalScroll).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show the entries with these words."""
        found = sum(section.narrow(event.value) for section in self.query(Section))
        self.query_one("#help-none").display = not found
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def on_input_submitted(self) -> None:
        """Focus the result, for the arrow keys to scroll."""
        self.query_one(VerticalScroll).focus()


def _contents(sections: Iterable[Section]) -> str:
    """Sections with their keys; clicking works too."""
    return "  ".join(
        f"[@click=screen.section({number})][b]{number}[/b] {section.title}[/]"
        for number, section in enumerate(sections, 1)
    )


def _field(field: FieldHelp) -> Entry:
    unit = f"; a bare number is in {field.unit}" if field.unit else ""
    meaning = f"{field.meaning or field.kind}{unit}"
    return Entry(", ".join((field.name, *field.synonyms)), meaning, field.source)


def _signs(what: str, signs: Iterable[Sign]) -> list[Entry]:
    return [Entry(f"{sign.glyph}  {sign.word}", f"{what}: {sign.meaning}") for sign in signs]
