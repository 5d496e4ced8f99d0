"""Names of the reasons for which segments are dropped."""

from __future__ import annotations

import numpy as np

from tcctui.sources.kernel.type_information import Kind, of_this_kernel
from tcctui.wire.events import DROPPED, EventKind, Events

_DROP = int(EventKind.DROP)
_PREFIX = "SKB_DROP_REASON_"


class DropReasons:
    """Writes names into DROP events; used by one thread. They are read with the first drop."""

    def __init__(self) -> None:
        self._names: dict[int, str] | None = None

    def write(self, events: Events) -> None:
        """Name the reasons in DROP events."""
        kinds = events["kind"]
        if not np.count_nonzero(kinds):  # PROBE, all of them: the rule
            return
        drops = np.flatnonzero(kinds == _DROP)
        if not len(drops):
            return
        if self._names is None:
            self._names = _names()
        dropped = events.view(DROPPED)
        reasons, which = np.unique(dropped["reason"][drops], return_inverse=True)
        names = [self._names.get(reason, str(reason)) for reason in reasons.tolist()]
        dropped["reason_name"][drops] = np.array(names, DROPPED["reason_name"])[which]


def _names() -> dict[int, str]:
    types = of_this_kernel()
    number = None if types is None else types.find(Kind.ENUM, "skb_drop_reason")
    if types is None or number is None:
        return {}
    return {at: name.removeprefix(_PREFIX) for at, name in types.constants(number).items()}
