"""Dialogs for the columns shown, and for those sorted by: a choice in an order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tcctui.config.settings import Settings
from tcctui.fields.algorithm_state import is_member
from tcctui.ui.dialogs import Box, Dialog, go, highlighted
from tcctui.ui.preferences import Preferences, keep
from tcctui.ui.table import layout
from tcctui.ui.table.columns import BY_NAME, GROUPS, OF_FLEET, state_group
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.table.layout import Placed
from tcctui.ui.table.sorting import MOST, SortKey


class Letters(Box):
    """The box that narrows what is offered; some keys that could be typed are not for it."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Let the dialog have its own keys."""
        return key not in ("space", "plus", "minus") and super().check_consume_key(key, character)


class Chosen(OptionList, inherit_bindings=False):
    """Chosen entries in order; letters are keys here, not a filter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("J", "screen.shift(1)", "Further back", show=False),
        Binding("K", "screen.shift(-1)", "Further forward", show=False),
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("r", "screen.usual", "The usual ones", show=False),
        Binding("delete,backspace", "screen.choose", "Take away", show=False),
        Binding("slash", "screen.other_list", "Search", show=False),
    ]


_Groups = Sequence[tuple[str, Sequence[str]]]


def _offered(groups: _Groups, table: FlowTable) -> _Groups:
    """Columns that a table's rows may have."""
    if table.is_of_fleet:
        return groups
    return [(title, names) for title, names in groups if not OF_FLEET.issuperset(names)]


class Choosing(Dialog[bool]):
    """Lets a person choose among the table's columns, some of `groups`, and shows what comes of it.

    What is chosen shows in the table behind at once. Gives back whether it is to be kept; where it
    is not, everything is as it was before.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # Priority: the box takes letters only, and the lists nothing at all.
        Binding("escape", "leave", "Leave", priority=True),
        Binding("enter", "keep", "Keep", priority=True),
        Binding("space", "choose", "Choose", priority=True),
        Binding("tab,shift+tab", "other_list", "The other list", priority=True),
        Binding("down", "cursor('cursor_down')", "Down", priority=True, show=False),
        Binding("up", "cursor('cursor_up')", "Up", priority=True, show=False),
        Binding("pagedown", "cursor('page_down')", "Down", priority=True, show=False),
        Binding("pageup", "cursor('page_up')", "Up", priority=True, show=False),
        Binding("shift+down", "shift(1)", "Further back", priority=True, show=False),
        Binding("shift+up", "shift(-1)", "Further forward", priority=True, show=False),
        Binding("right,plus", "turn(1)", "More", priority=True, show=False),
        Binding("left,minus", "turn(-1)", "Less", priority=True, show=False),
        Binding("ctrl+r", "usual", "The usual ones", priority=True, show=False),
    ]

    heading: ClassVar[str]
    chosen_heading: ClassVar[str]
    keys: ClassVar[str]
    """Description of its keys."""

    def __init__(self, groups: _Groups, chosen: Iterable[str]) -> None:
        super().__init__()
        self._groups = groups
        self.chosen = [*chosen]
        """Names of columns."""
        self._remark = ""

    # What a kind of choice is about

    @abstractmethod
    def told(self, name: str) -> str:
        """Say what is beside the title of a column that is chosen."""

    @abstractmethod
    def turn(self, name: str, by: int) -> None:
        """Change what can be changed of a column that is chosen."""

    @abstractmethod
    def choose_usual(self) -> None:
        """Choose what is chosen where nobody has chosen anything."""

    @abstractmethod
    def preview(self) -> str:
        """Have the table show what is chosen, and say what is wrong with it."""

    @abstractmethod
    def undo(self) -> None:
        """Have the table show what it did before."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, object]:
        """Fields of the settings that keep what is chosen."""

    def changed(self) -> None:
        """Take note that something else is chosen, or in another order."""

    def add(self, name: str) -> None:
        """Choose one more column, behind the others."""
        self.chosen.append(name)

    # Painting

    def compose(self) -> ComposeResult:
        """Make the box to search with, both lists, and the lines below."""
        with Vertical(classes="choosing"):
            with Horizontal():
                with Vertical(id="offer"):
                    yield Letters(placeholder="type to search", compact=True, select_on_focus=False)
                    yield OptionList(id="offered", markup=False, compact=True)
                with Vertical(id="choice"):
                    yield Static(self.chosen_heading, markup=False)
                    yield Chosen(id="chosen", markup=False, compact=True)
            yield Static(id="about", markup=False)
            yield Static(id="remark", markup=False)

    def on_mount(self) -> None:
        """Show all."""
        box = self.query_one(".choosing")
        box.border_title, box.border_subtitle = self.heading, self.keys
        self.query_one("#offered").can_focus = False
        self.query_one(Input).focus()
        self._offer()
        self._show(self._offered_name)

    def _offer(self) -> None:
        """List what has the words that were typed."""
        typed = self.query_one(Input).value.lower()
        words = typed.split()
        offered = self.query_one("#offered", OptionList)
        offered.clear_options()
        for title, names in self._groups:
            found = [name for name in names if _has(words, title, name)]
            if found:
                offered.add_option(Option(Text(title, "bold underline"), disabled=True))
                offered.add_options(Option(self._line(name), id=name) for name in found)
        if not offered.option_count and is_member(typed):
            offered.add_option(Option(self._line(typed), id=typed))
        if not offered.option_count:
            offered.add_option(Option("Nothing has these letters", disabled=True))
        self._highlight_first(offered, typed)

    @staticmethod
    def _highlight_first(offered: OptionList, typed: str) -> None:
        """Highlight the first column whose title begins so, or else the first one."""
        names = [option.id for option in offered.options]
        found = [place for place, name in enumerate(names) if name is not None]
        named = (
            place for place in found if BY_NAME[names[place] or ""].title.lower().startswith(typed)
        )
        offered.highlighted = next(named, found[0] if found else None)

    def _line(self, name: str) -> Text:
        column = BY_NAME[name]
        mark = "✓" if name in self.chosen else " "
        return Text.assemble(f"{mark} ", (f"{column.title:<10}", "bold"), column.meaning)

    def _show(self, at: str | None) -> None:
        """Show what is chosen, with `at` highlighted, and what comes of it."""
        self._remark = self.preview()
        chosen = self.query_one(Chosen)
        before = chosen.highlighted
        chosen.clear_options()
        for name in self.chosen:
            line = Text.assemble((f"{BY_NAME[name].title:<10}", "bold"), self.told(name))
            chosen.add_option(Option(line, id=name))
        if at in self.chosen:
            chosen.highlighted = self.chosen.index(at)
        elif self.chosen:
            chosen.highlighted = min(before or 0, len(self.chosen) - 1)
        offered = self.query_one("#offered", OptionList)
        for place in range(offered.option_count):
            option = offered.get_option_at_index(place)
            if option.id is not None:
                offered.replace_option_prompt_at_index(place, self._line(option.id))
        self._tell()

    def _tell(self) -> None:
        """Say what the highlighted column means, and what is wrong."""
        name = self._current
        about = Text()
        if name is not None:
            column = BY_NAME[name]
            about = Text.assemble(
                (column.title, "bold"), f"  {column.meaning}\n", (f"from {column.source}", "dim")
            )
        self.query_one("#about", Static).update(about)
        self.query_one("#remark", Static).update(self._remark)

    @property
    def _offered_name(self) -> str | None:
        return highlighted(self.query_one("#offered", OptionList))

    @property
    def _current(self) -> str | None:
        """Name of the column that keys are about."""
        chosen = self.query_one(Chosen)
        return highlighted(chosen) if self.focused is chosen else self._offered_name

    @on(events.DescendantFocus)
    def _tell_of_list(self) -> None:
        self._tell()

    def on_input_changed(self) -> None:
        """Show what has these letters."""
        self._offer()
        self._tell()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say what it means; on the left, show where it is on the right."""
        name = event.option.id
        chosen = self.query_one(Chosen)
        if event.option_list is not chosen and self.focused is not chosen and name in self.chosen:
            chosen.highlighted = self.chosen.index(name)
        self._tell()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose what was clicked on the left, or take it away."""
        if event.option_list.id == "offered" and event.option.id is not None:
            self._toggle(event.option.id)

    # Acting

    def action_cursor(self, way: str) -> None:
        """Go up or down in the list that keys are about."""
        chosen = self.query_one(Chosen)
        keyed = chosen if self.focused is chosen else self.query_one("#offered", OptionList)
        go(keyed, way)

    def action_other_list(self) -> None:
        """Have keys be about the other list."""
        chosen = self.query_one(Chosen)
        self.set_focus(self.query_one(Input) if self.focused is chosen else chosen)

    def action_choose(self) -> None:
        """Choose a column, or take it away."""
        if self._current is not None:
            self._toggle(self._current)

    def _toggle(self, name: str) -> None:
        if name not in self.chosen:
            self.add(name)
        elif len(self.chosen) > 1:
            self.chosen.remove(name)
        else:
            self._remark = "One of them stays."
            self._tell()
            return
        self.changed()
        self._show(name)

    def action_shift(self, by: int) -> None:
        """Move a chosen column by one place."""
        name = self._current
        if name is None or name not in self.chosen:
            return
        place = self.chosen.index(name)
        to = place + by
        if 0 <= to < len(self.chosen):
            self.chosen[place], self.chosen[to] = self.chosen[to], name
            self.changed()
            self._show(name)

    def action_turn(self, by: int) -> None:
        """Change a chosen column."""
        name = self._current
        if name is not None and name in self.chosen:
            self.turn(name, by)
            self._show(name)

    def action_usual(self) -> None:
        """Choose what nobody needs to choose."""
        self.choose_usual()
        self._show(self._current)

    def action_keep(self) -> None:
        """Keep it so."""
        self.dismiss(True)

    def action_leave(self) -> None:
        """Leave it as it was."""
        self.undo()
        self.dismiss(False)

    def action_close_again(self) -> None:
        """Leave it as it was."""
        self.action_leave()

    def on_resize(self) -> None:
        """Say anew what has room, when the table knows."""
        self.call_after_refresh(lambda: self._show(self._current))


def _has(words: Iterable[str], group: str, name: str) -> bool:
    column = BY_NAME[name]
    text = f"{group} {name} {column.title} {column.meaning} {column.source}".lower()
    return all(word in text for word in words)


class Columns(Choosing):
    """Chooses columns: `names` from left to right, () for the usual ones, and their `widths`."""

    opener = "columns"
    heading = "Columns"
    chosen_heading = "shown, in this order"
    keys = "space choose · ⇧↑↓ move · ←→ size · ^R usual · Tab · Enter keep · Esc"

    def __init__(self, table: FlowTable, preferences: Preferences) -> None:
        self._table = table
        self._before = preferences.settings.columns, dict(preferences.settings.widths)
        self._usual = not layout.named(self._before[0])
        self.widths = dict(self._before[1])
        super().__init__(
            _offered((*GROUPS, state_group()), table),
            (column.name for column in layout.named(self._before[0])),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Chosen columns; () for the usual ones, as many as fit."""
        return () if self._usual else tuple(self.chosen)

    @property
    def _placed(self) -> dict[str, Placed]:
        """The columns that fit, by name."""
        room = self._table.room
        return {place.column.name: place for place in layout.layout(room, self.names, self.widths)}

    def told(self, name: str) -> str:
        """Width of a column, with a note if the user has set it or it does not fit."""
        place = self._placed.get(name)
        if place is None:
            return f"{layout.narrowest(BY_NAME[name], self.widths):>3}  no room"
        return f"{place.width:>3}{'  sized' if name in self.widths else ''}"

    def turn(self, name: str, by: int) -> None:
        """Make it wider, or narrower."""
        column = BY_NAME[name]
        place = self._placed.get(name)
        width = layout.narrowest(column, self.widths) if place is None else place.width
        self.widths[name] = max(column.least, min(width + by, column.greatest))

    def choose_usual(self) -> None:
        """Choose the usual ones, as wide as usual."""
        self._usual = True
        self.widths.clear()

    def changed(self) -> None:
        """Show these from now on, and not as many as fit."""
        self._usual = False

    def add(self, name: str) -> None:
        """Choose one more column: the last one, or the last that has room, so that it is seen."""
        before = [*self.chosen]
        self.changed()
        for place in range(len(before), -1, -1):
            self.chosen = [*before[:place], name, *before[place:]]
            if name in self._placed:
                return
        self.chosen = [*before, name]

    def preview(self) -> str:
        """Have the table show these, and say which have no room."""
        self._table.show_columns(self.names, self.widths)
        placed = self._placed
        if self._usual:
            self.chosen = [*placed]
            return "The usual columns, as many as fit."
        out = [BY_NAME[name].title for name in self.chosen if name not in placed]
        room = self._table.room
        return f"No room in {room} characters for {', '.join(out)}." if out else ""

    def undo(self) -> None:
        """Show those of before."""
        self._table.show_columns(*self._before)

    @property
    def settings(self) -> dict[str, object]:
        """Columns and widths."""
        return {"columns": self.names, "widths": dict(self.widths)}


_SORTABLE = tuple(
    (title, found)
    for title, names in GROUPS
    if (found := tuple(name for name in names if BY_NAME[name].sort))
)


class Sorting(Choosing):
    """Chooses what to sort by."""

    opener = "order"
    heading = "Order"
    chosen_heading = "sorted by"
    keys = "space choose · ⇧↑↓ move · ←→ turn · ^R by rate · Tab · Enter keep · Esc"

    def __init__(self, table: FlowTable) -> None:
        self._table = table
        self._before = table.order_by
        self._descending = {key.column: key.descending for key in self._before}
        super().__init__(_offered(_SORTABLE, table), (key.column for key in self._before))

    @property
    def order(self) -> tuple[SortKey, ...]:
        """Chosen order."""
        return tuple(SortKey(name, self._turned(name)) for name in self.chosen[:MOST])

    def _turned(self, name: str) -> bool:
        return self._descending.get(name, BY_NAME[name].descending)

    def told(self, name: str) -> str:
        """Direction and rank of a column."""
        place = self.chosen.index(name) + 1
        if place > MOST:
            return "not used"
        ends = ("first", "last") if BY_NAME[name].left else ("least", "greatest")
        arrow, end = ("▼", ends[1]) if self._turned(name) else ("▲", ends[0])
        return f"{arrow}{place} {end} on top"

    def turn(self, name: str, by: int) -> None:  # noqa: ARG002 - either way is the other way
        """Turn its order around."""
        self._descending[name] = not self._turned(name)

    def choose_usual(self) -> None:
        """Sort as where nobody has chosen anything."""
        usual = SortKey.read(Settings().sort)
        self.chosen = [key.column for key in usual]
        self._descending = {key.column: key.descending for key in usual}

    def preview(self) -> str:
        """Have the table be in this order."""
        self._table.order_by = self.order
        if len(self.chosen) > MOST:
            return f"The first {MOST} are sorted by."
        return "Where flows are equal in the first, the second decides, and so on."

    def undo(self) -> None:
        """Sort as before."""
        self._table.order_by = self._before

    @property
    def settings(self) -> dict[str, object]:
        """Sort keys."""
        return {"sort": tuple(map(str, self.order))}


def choose(screen: Screen[None], dialog: Choosing, preferences: Preferences) -> None:
    """Have a person choose, and keep it where that is wanted."""

    def answered(kept: bool | None) -> None:
        if kept:
            keep(screen, preferences, **dialog.settings)

    screen.app.push_screen(dialog, answered)
