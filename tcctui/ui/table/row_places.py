"""The places of all lines of the table: which flows have a row, in which order, in which group."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from tcctui.arrays import among
from tcctui.flows.frame import Arrangement, Ordered
from tcctui.flows.groups.groups import OF_LATE
from tcctui.flows.index import Keys
from tcctui.query import Query
from tcctui.ui.table import sorting
from tcctui.ui.table.columns import BY_NAME
from tcctui.ui.table.flow_order import FlowOrder
from tcctui.ui.table.grouped import Grouped, headers, is_header

MOST_PINS = 100
"""Flows that can be pinned at a time."""

Pins = tuple[int, ...]
"""Cookies, in the order in which they were pinned."""


def toggled(pins: Pins, cookie: int) -> Pins | None:
    """Pin a flow, or let go of it; None where there are too many."""
    if cookie in pins:
        return tuple(pin for pin in pins if pin != cookie)
    return (*pins, cookie) if len(pins) < MOST_PINS else None


def pinned_among(pins: Pins, cookies: Keys) -> Keys:
    """Those that are pinned and among `cookies`, in the order in which they were pinned."""
    pinned = np.array(pins, "u8")
    return pinned[among(pinned, cookies)]


def pinned_on_top(pins: Pins, cookies: Keys) -> Keys:
    """Put what is pinned before all others, which keep their order."""
    if not pins:
        return cookies
    first = pinned_among(pins, cookies)
    return np.concatenate([first, cookies[~among(cookies, first)]])


class RowPlaces:
    """The order of the lines, which one is selected, and the groups they are in.

    A flow that somebody selected keeps its row until another one is selected, also where its values
    no longer match what is searched for. Where another search hides it, the first row stands in for
    it. Pinned flows are on top, in the order they were pinned; no search hides them. A flow pinned
    by a key goes there when the order is no longer held, so that nothing jumps under the cursor.
    """

    def __init__(self) -> None:
        self.order = FlowOrder()
        self.groups = Grouped()
        self.health_shown = False
        """True while the health of flows has a column."""
        self.late_shown: frozenset[str] = frozenset()
        """Windows of counters that have a column."""
        self.wanted_known = False
        """True if the flow that the user selected is known, shown or not."""
        self.unmatched: frozenset[int] = frozenset()
        """Cookies of pinned flows that do not match the search."""
        self.known = 0
        """Flows there were when the order was made."""
        self._asked_anew = True

    @property
    def selected(self) -> int | None:
        """Cookie of the selected flow; None where a group is selected."""
        line = self.order.selected
        return None if line is None or is_header(line) else line

    @property
    def selected_group(self) -> int | None:
        """The header that is selected."""
        line = self.order.selected
        return line if line is not None and is_header(line) else None

    @property
    def flow_lines(self) -> Keys:
        """Cookies of all flows that have a line, in their order."""
        return self.order.cookies[~headers(self.order.cookies)]

    def ask_anew(self) -> None:
        """Have the flow that somebody selected take the selection back from its stand-in."""
        self._asked_anew = True

    def group_by(self, name: str) -> None:
        """Group by one of `GROUPINGS`, or by nothing: then `name` is empty."""
        self.groups.group_by(name)
        self.order.home = None

    def arrangement(self, query: Query, keys: sorting.Keys, pinned: Pins) -> Arrangement:
        """Ask for the places of all rows; while rows stand where they are, nothing is ranked."""
        self.groups.late = self.late_shown | (OF_LATE.keys() & BY_NAME[keys[0].column].sort)
        self.groups.with_health = self.health_shown or keys[0].column == "health"
        stands = len(self.order) > 0 and self.order.stands
        return Arrangement(
            query,
            partial(self._place, keys, pinned, stands=stands),
            None if stands else sorting.ByKeys(keys),
            self._kept(pinned),
            frozenset(self.groups.needs),
        )

    def _kept(self, pinned: Pins) -> Keys:
        """Flows that have a row whether they match or not: pinned ones, and the selected one."""
        kept = list(pinned)
        selected = self.order.selected
        if selected is not None and selected == self.order.wanted and not self._asked_anew:
            kept.append(selected)
        return np.array(kept, "u8")

    def _place(self, keys: sorting.Keys, pinned: Pins, ordered: Ordered, *, stands: bool) -> None:
        cookies = ordered.flows["cookie"]
        lines = self._lines(keys, pinned, ordered)
        self.order.update(lines, anew=self._anew(cookies), stands=stands)
        unmatched = pinned_among(pinned, cookies[~ordered.found]).tolist() if pinned else ()
        self.unmatched, self.known = frozenset(unmatched), len(cookies)

    def _lines(self, keys: sorting.Keys, pinned: Pins, ordered: Ordered) -> Keys:
        shown = ordered.flows["cookie"][ordered.places]
        if self.groups.by is None:
            return pinned_on_top(pinned, shown)
        on_top = self._on_top(pinned, shown)
        lines = self.groups.lines(ordered.flows, ordered.places, keys[0], on_top)
        self.order.home = self.groups.header_of(self.order.wanted)
        return np.concatenate([on_top, lines])

    def _on_top(self, pinned: Pins, shown: Keys) -> Keys:
        """Those above all groups: what is pinned, but what is still held in its group."""
        on_top = pinned_among(pinned, shown)
        if not self.order.held:
            return on_top
        before = self.order.cookies
        below = before[np.cumsum(headers(before)) > 0]
        return on_top[~among(on_top, below)]

    def _anew(self, cookies: npt.NDArray[np.uint64]) -> bool:
        """True if the flow that the user selected takes the selection back from its stand-in.

        This happens with another query, or when it is known again, as at another moment.
        """
        wanted = self.order.wanted
        known = wanted is not None and bool((cookies == np.uint64(wanted)).any())
        anew = self._asked_anew or (known and not self.wanted_known)
        self._asked_anew, self.wanted_known = False, known
        return anew
