"""Names of the reasons for which segments are dropped."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.wire.events import DROPPED, EventKind, Events

_DROP = int(EventKind.DROP)


class DropReasons:
    """Writes names into DROP events; used by one thread."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names

    def write(self, events: Events) -> None:
        """Name the reasons in DROP events."""
        kinds = events["kind"]
        if not np.count_nonzero(kinds):  # PROBE, all of them: the rule
            return
        drops = np.flatnonzero(kinds == _DROP)
        if not len(drops):
            return
        dropped = events.view(DROPPED)
        reasons, which = np.unique(dropped["reason"][drops], return_inverse=True)
        names = [self._names.get(reason, str(reason)) for reason in reasons.tolist()]
        dropped["reason_name"][drops] = np.array(names, DROPPED["reason_name"])[which]
