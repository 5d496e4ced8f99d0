"""Dialog for the table's columns: choice, order and widths."""

from __future__ import annotations

from textual.binding import Binding
from textual.screen import Screen

from tcctui.ui.persist import keep
from tcctui.ui.preferences import Preferences
from tcctui.ui.table import layout
from tcctui.ui.table.choosing import Choosing
from tcctui.ui.table.columns import BY_NAME, GROUPS
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.table.layout import Placed

COLUMNS_KEY = Binding(
    "C",
    "columns",
    "Columns",
    show=False,
    id="columns",
    tooltip="Choose the table's columns, their order and their width",
)
"""Opens the dialog."""


class Columns(Choosing):
    """Chooses columns: `names` from left to right, () for the usual ones, and their `widths`."""

    heading = "Columns"
    chosen_heading = "shown, in this order"
    keys = "space choose · ⇧↑↓ move · ←→ size · ^R usual · Tab · Enter keep · Esc"

    def __init__(self, table: FlowTable, preferences: Preferences) -> None:
        self._table = table
        self._before = preferences.settings.columns, dict(preferences.settings.widths)
        self._usual = not layout.named(self._before[0])
        self.widths = dict(self._before[1])
        super().__init__(GROUPS, (column.name for column in layout.named(self._before[0])))

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


def choose_columns(screen: Screen[None], table: FlowTable, preferences: Preferences) -> None:
    """Have a person choose the table's columns, and keep them where that is wanted."""
    dialog = Columns(table, preferences)

    def answered(kept: bool | None) -> None:
        if kept:
            keep(screen, preferences, columns=dialog.names, widths=dict(dialog.widths))

    screen.app.push_screen(dialog, answered)
