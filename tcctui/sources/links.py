"""Links that link-local addresses are of, where not every source tells them."""

from __future__ import annotations

import numpy as np

from tcctui.wire.addresses import ZONE, are_link_local
from tcctui.wire.events import EventKind, Events
from tcctui.wire.samples import Samples

_PROBE = int(EventKind.PROBE)


class Links:
    """Keeps links in addresses only if events and samples agree on them.

    Events have no link where the kernel has no `skaddr` or no type information; samples, which have
    it always, are of the same flows.
    """

    def __init__(self) -> None:
        self._untold = False

    def see(self, events: Events) -> None:
        """Find out if events tell links: of a link-local address each does, or none."""
        if self._untold or not len(events):
            return
        high = events["daddr"][:, 0]
        here = are_link_local(high)
        if np.count_nonzero(here):
            here &= (events["kind"] == _PROBE) & (high & np.uint64(ZONE) == 0)
            self._untold = bool(np.count_nonzero(here))

    def agreed(self, samples: Samples) -> Samples:
        """Samples as events have their addresses."""
        if self._untold and len(samples):
            for name in ("saddr", "daddr"):
                high = samples[name][:, 0].astype("u8")
                high[are_link_local(high)] &= ~np.uint64(ZONE)
                samples[name][:, 0] = high
        return samples
