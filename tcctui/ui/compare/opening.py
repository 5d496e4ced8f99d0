"""Opening, updating and closing the comparison."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding
from textual.screen import Screen

from tcctui.ui.compare.compare import MOST, Compare
from tcctui.ui.notices import Notice, tell
from tcctui.ui.table.flow_table import FlowTable

KEYS = (
    Binding(
        *("V", "compare", "Compare", False),
        id="compare",
        tooltip="Compare the pinned flows, two to four, on shared axes; again: no more",
    ),
    Binding(
        *("a", "align", "Align", False),
        id="align",
        tooltip="Compared flows: all up to now, or each from its beginning",
    ),
)

_FEWEST = 2


def toggle(screen: Screen[None]) -> None:
    """Compare the pinned flows in place of the charts, or close the comparison."""
    compare = screen.query_one(Compare)
    if compare.cookies:
        leave(screen)
        return
    pinned = screen.query_one(FlowTable).pinned
    if len(pinned) < _FEWEST:
        text = f"Pin {_FEWEST} to {MOST} flows with * first: {len(pinned)} pinned."
        tell(compare, Notice("Nothing to compare", text, "warning"))
        return
    screen.query_one("#lower").display = False
    _compare(compare, pinned)
    screen.refresh_bindings()


def follow_pins(screen: Screen[None]) -> None:
    """Update the comparison to the pinned flows; close it if there are too few."""
    compare = screen.query_one(Compare)

    def changed(pinned: Sequence[int]) -> None:
        if compare.cookies and len(pinned) < _FEWEST:
            leave(screen)
        elif compare.cookies:
            _compare(compare, pinned)

    screen.watch(screen.query_one(FlowTable), "pinned", changed, init=False)


def _compare(compare: Compare, pinned: Sequence[int]) -> None:
    if len(pinned) > MOST:
        text = f"{len(pinned)} flows are pinned: these are the {MOST} that were pinned first."
        tell(compare, Notice(f"{MOST} flows compared", text))
    compare.cookies = tuple(pinned[:MOST])


def leave(screen: Screen[None]) -> bool:
    """Show the charts of one flow again; True if a comparison was open."""
    compare = screen.query_one(Compare)
    compared, compare.cookies = bool(compare.cookies), ()
    screen.query_one("#lower").display = True
    screen.refresh_bindings()
    return compared
