"""Dialog for the sort order: columns, the most significant first, each in either direction."""

from __future__ import annotations

from textual.binding import Binding
from textual.screen import Screen

from tcctui.config.settings import Settings
from tcctui.ui.persist import keep
from tcctui.ui.preferences import Preferences
from tcctui.ui.table.choosing import Choosing
from tcctui.ui.table.columns import BY_NAME, GROUPS
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.table.sort_key import SortKey
from tcctui.ui.table.sorting import MOST

_SORTABLE = tuple(
    (title, found)
    for title, names in GROUPS
    if (found := tuple(name for name in names if BY_NAME[name].sort))
)

ORDER_KEY = Binding(
    "o",
    "order",
    "Order",
    show=False,
    id="order",
    tooltip="Choose the sort order: several columns, each in either direction",
)
"""Opens the dialog."""


class Sorting(Choosing):
    """Chooses what to sort by."""

    heading = "Order"
    chosen_heading = "sorted by"
    keys = "space choose · ⇧↑↓ move · ←→ turn · ^R by rate · Tab · Enter keep · Esc"

    def __init__(self, table: FlowTable) -> None:
        self._table = table
        self._before = table.order_by
        self._descending = {key.column: key.descending for key in self._before}
        super().__init__(_SORTABLE, (key.column for key in self._before))

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


def choose_order(screen: Screen[None], table: FlowTable, preferences: Preferences) -> None:
    """Have a person choose what the table is sorted by, and keep it where that is wanted."""
    dialog = Sorting(table)

    def answered(kept: bool | None) -> None:
        if kept:
            keep(screen, preferences, sort=tuple(map(str, dialog.order)))

    screen.app.push_screen(dialog, answered)
