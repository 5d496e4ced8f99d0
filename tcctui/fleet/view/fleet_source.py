"""Source of a fleet's dashboard: nothing is read from it; it says where rows come from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tcctui.arrays import Records
from tcctui.errors import TcctuiError
from tcctui.fleet.view import clock
from tcctui.fleet.view.fleet_view import FleetView
from tcctui.query import Query
from tcctui.wire.events import EVENT, Events
from tcctui.wire.inside import NO_INSIDES, Asked, Insides
from tcctui.wire.samples import SAMPLE, Samples


class FleetSource:
    """Description of an engine for the status line; a `source.Source` that delivers nothing."""

    def __init__(self, view: FleetView, description: str) -> None:
        self._view = view
        self.description = description
        self.kernel_filter = ""
        self.kernel_exact = True
        self.can_narrow = False
        self.interval_ns = 0
        self.shortfall: TcctuiError | None = None
        self.attaching = False

    @property
    def trouble(self) -> str:
        """Reason why what is shown may be old; empty without any."""
        return self._view.trouble

    @property
    def nothing(self) -> str:
        """Reason why there are no rows: trouble, no answer yet, or no agents."""
        if self._view.trouble or not self._view.answered:
            return self._view.trouble or "Asking the engine …"
        return "No host has sent rows in the last hour. Run on each: sudo tcctui agent --to URL"

    def now_ns(self) -> int:
        """The present on the view's clock."""
        return clock.moment_ns(self._view.now_s)

    def narrow(self, query: Query | None) -> None:
        """Nothing: each search is the engine's."""

    def focus(self, cookies: Iterable[int]) -> None:
        """Nothing: hosts send what they send."""

    def look_for(self, query: Query, *, half_open: bool = False) -> None:
        """Nothing, as above."""

    def look_inside(self, asked: Asked) -> bool:  # noqa: ARG002
        """Nothing, as above."""
        return False

    def inside(self) -> Insides:
        """Nothing was read of sockets."""
        return NO_INSIDES

    def own_queue(self, netns: int, ends: object, bound: int = 0) -> None:
        """None is known here."""

    def sample_all(self) -> None:
        """Nothing, as above."""

    @property
    def all_sampled_ns(self) -> int:
        """The present: no samples come for being asked for."""
        return self.now_ns()

    def watch(self, sockets: Records) -> None:
        """Nothing, as above."""

    def read(self, timeout: float) -> Events:  # noqa: ARG002 - there are none to wait for
        """No events."""
        return np.empty(0, EVENT)

    def sampled(self) -> Samples:
        """No samples."""
        return np.empty(0, SAMPLE)

    def lost(self) -> int:
        """None: hosts report their losses."""
        return 0

    def skipped(self) -> int:
        """None, as above."""
        return 0

    def close(self) -> None:
        """End the questions."""
        self._view.close()
