"""Which flows the table shows, in which order, and which of them is selected."""

from __future__ import annotations

import time

import numpy as np

from tcctui.flows.index import Keys

HOLD = 3.0
"""Seconds that the order holds still after the last navigation."""

SETTLE = 2.0
"""Seconds after which the first flow stays selected if nobody has selected another."""


class FlowOrder:
    """Flows in the order of the table's rows. What is selected is a flow, not a place.

    Where the selected flow is not shown, the first one stands in for it.
    """

    def __init__(self) -> None:
        self.cookies: Keys = np.empty(0, "u8")
        self.selected: int | None = None
        """Cookie of the flow that counts as selected."""
        self.selected_at: int | None = None
        """Its place."""
        self._wanted: int | None = None
        self._hold_until = 0.0
        self._settled = 0.0

    def __len__(self) -> int:
        return len(self.cookies)

    @property
    def held(self) -> bool:
        """Whether the order stands still because somebody navigates."""
        return time.monotonic() < self._hold_until

    def hold(self) -> None:
        """Let the order stand still for a while."""
        self._hold_until = time.monotonic() + HOLD

    def let_go(self) -> None:
        """Let the order follow the values again."""
        self._hold_until = 0.0

    def update(self, cookies: Keys) -> None:
        """Take over the flows that are shown now, in their new order.

        While the order is held, those that were there keep it, and new ones come behind them.
        """
        if self.held:
            stays = self.cookies[np.isin(self.cookies, cookies)]
            cookies = np.concatenate([stays, cookies[~np.isin(cookies, stays)]])
        self.cookies = cookies
        self._choose()

    def select(self, place: int) -> int | None:
        """Select the flow in a place, or the nearest to it; gives its place."""
        self.hold()
        if len(self.cookies):
            self._wanted = int(self.cookies[min(max(place, 0), len(self.cookies) - 1)])
        self._choose()
        return self.selected_at

    def _choose(self) -> None:
        place = None if self._wanted is None else self._place(self._wanted)
        if place is None and len(self.cookies):
            place = 0
            if self._wanted is None:
                # Nobody has chosen yet: the first one it is, for good once the rates have settled.
                self._settled = self._settled or time.monotonic() + SETTLE
                if time.monotonic() >= self._settled:
                    self._wanted = int(self.cookies[0])
        self.selected_at = place
        self.selected = None if place is None else int(self.cookies[place])

    def _place(self, cookie: int) -> int | None:
        found = np.flatnonzero(self.cookies == np.uint64(cookie))
        return int(found[0]) if len(found) else None
