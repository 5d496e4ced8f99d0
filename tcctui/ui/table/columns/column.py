"""Column of the flow table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tcctui.flows.frame import Sparkline
from tcctui.flows.snapshot import Flows

Ask = Callable[[Flows, int], "str | None"]
"""Makes the search text that finds what a cell shows, of a place among flows; None for none."""


@dataclass(frozen=True)
class TableColumn:
    """One column of the table.

    `needs` are the flow columns that `cells` and `query` make their text from: one text per flow,
    and one for a cell. `sort` are the flow columns it sorts by, the most significant first; empty
    for a column that can't be sorted. `style` is the component class its cells are drawn in,
    `styles` are those of some of its words. `rank` says which of the usual columns stay on a narrow
    screen: the lowest ranks. `width` is the least number of characters that its usual cells need,
    `most` what it can use where there is room. `meaning` is a sentence for a person, with the unit,
    `source` says where the values are from, in the kernel's words. Where there is a `sparkline`,
    the cells are drawn from that history instead.
    """

    name: str
    title: str
    width: int
    rank: int
    meaning: str
    needs: tuple[str, ...] = ()
    cells: Callable[[Flows], list[str]] = lambda _: []
    sort: tuple[str, ...] = ()
    style: str = ""
    styles: Mapping[str, str] = field(default_factory=dict)
    left: bool = False
    most: int = 0
    descending: bool = True
    source: str = ""
    query: Ask | None = None
    sparkline: Sparkline | None = None

    @property
    def least(self) -> int:
        """The narrowest that it can be made: numbers are never cut, for they would be others."""
        if not self.left or not self.most:
            return self.width
        return min(self.width, len(self.title) + bool(self.sort))

    @property
    def greatest(self) -> int:
        """The widest that it can be made."""
        return max(self.most, 2 * self.width)
