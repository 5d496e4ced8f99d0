"""Order and selection of the table's flows."""

from __future__ import annotations

import time

import numpy as np

from tcctui.flows.index import Keys
from tcctui.ui.table.grouped import headers, held, is_header

HOLD = 3.0
"""Seconds that the order holds still after the last navigation."""

RESORT = 1.0
"""Seconds between two times that rows take new places: what moves more often can't be read."""

SETTLE = 2.0
"""Seconds after which the first flow stays selected if nobody has selected another."""


class FlowOrder:
    """Flows in the order of the table's rows. What is selected is a flow, not a place.

    Where the selected flow is not shown, another one stands in for it: the first at that moment,
    which remains for as long as it is shown, so that no key acts on another row than was seen.
    """

    def __init__(self) -> None:
        self.cookies: Keys = np.empty(0, "u8")
        self.selected: int | None = None
        """Cookie of the flow that counts as selected."""
        self.selected_at: int | None = None
        """Its place."""
        self.wanted: int | None = None
        """Cookie of the flow that somebody selected, shown or not."""
        self.home: int | None = None
        """The line that stands in for that flow before the first one: its group's, if any."""
        self._stand_in: int | None = None
        self._hold_until = 0.0
        self._resorted = -RESORT
        self._settled = 0.0

    def __len__(self) -> int:
        return len(self.cookies)

    @property
    def held(self) -> bool:
        """True while the order stands still because the user navigates."""
        return time.monotonic() < self._hold_until

    @property
    def stands(self) -> bool:
        """True while rows keep their places because the sort columns have no values."""
        return self.held or time.monotonic() < self._resorted + RESORT

    @property
    def at_rest(self) -> bool:
        """True if time alone will move no row, nor the selection."""
        return not len(self.cookies) or (not self.stands and self.wanted is not None)

    def hold(self) -> None:
        """Let the order stand still for a while."""
        self._hold_until = time.monotonic() + HOLD

    def let_go(self) -> None:
        """Let the order follow the values again, at once."""
        self._hold_until, self._resorted = 0.0, -RESORT

    def settle(self) -> None:
        """Let the rows take their places without waiting, unless the order is held."""
        self._resorted = -RESORT

    def update(self, cookies: Keys, *, anew: bool = True, stands: bool | None = None) -> None:
        """Take over the flows that are shown now, in their new order.

        While the order is held, and else for `RESORT`, those that were there keep it, and new ones
        come behind them, each in its group.
        `anew` lets the flow that somebody selected take the selection back from its stand-in.
        `stands` is what that was when the new order was asked for, where that was before.
        """
        if self.stands if stands is None else stands:
            cookies = held(self.cookies, cookies)
        else:
            self._resorted = time.monotonic()
        self.cookies = cookies
        if anew:
            self._stand_in = None
        self._choose()

    def select(self, place: int) -> int | None:
        """Select the flow in a place, or the nearest to it; gives its place."""
        self.hold()
        if len(self.cookies):
            self.wanted = int(self.cookies[min(max(place, 0), len(self.cookies) - 1)])
        self._stand_in = None
        self._choose()
        return self.selected_at

    def start_over(self) -> None:
        """Select the first row, as at the beginning: other rows are shown than before."""
        self.wanted, self._stand_in, self._settled = None, None, 0.0
        self.let_go()

    def keep(self) -> None:
        """Have the flow that counts as selected be the one that somebody selected."""
        self.wanted, self._stand_in = self.selected, None

    def _choose(self) -> None:
        if self.wanted is None:
            place = self._first_at_first()
        else:
            place = self._place(self.wanted) if self._stand_in is None else None
            if place is None:
                place = self._stand()
        self.selected_at = place
        self.selected = None if place is None else int(self.cookies[place])

    def _first_at_first(self) -> int | None:
        """Nobody has chosen yet: the first one it is, for good once the rates have settled."""
        if not len(self.cookies):
            return None
        self._settled = self._settled or time.monotonic() + SETTLE
        if time.monotonic() >= self._settled:
            self.wanted = int(self.cookies[self._first_flow()])
        return self._first_flow()

    def _first_flow(self) -> int:
        """The place of the first flow; of the first line, where all groups are folded."""
        place = int(headers(self.cookies).argmin())
        return place if not is_header(int(self.cookies[place])) else 0

    def _stand(self) -> int | None:
        """The place of the flow that stands in."""
        place = None if self._stand_in is None else self._place(self._stand_in)
        if place is None and self.wanted is not None:
            place = self._place(self.wanted)  # it may have come back meanwhile
            self._stand_in = None
        if place is None and len(self.cookies):
            home = None if self.home is None else self._place(self.home)
            place = home
            if place is None:
                group = self.wanted is not None and is_header(self.wanted)
                place = 0 if group else self._first_flow()
            self._stand_in = int(self.cookies[place])
        return place

    def _place(self, cookie: int) -> int | None:
        found = np.flatnonzero(self.cookies == np.uint64(cookie))
        return int(found[0]) if len(found) else None
