"""Worst seconds of each flow: growth of its counters over 10 s, at its most."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import Floats
from tcctui.export.arrow_tables import Table, floats
from tcctui.fields.every_field import BY_NAME
from tcctui.flows.index import KeyIndex, grown
from tcctui.flows.intake.recent_counters import WINDOWS
from tcctui.flows.store import Store

_SECONDS = 10

_NAMES = tuple(name for name, window in WINDOWS.items() if window.seconds == _SECONDS)


class WorstOfLate:
    """Highest values of each flow's windows of 10 s, looked at each second."""

    def __init__(self) -> None:
        self._index = KeyIndex()
        self._worst: dict[str, Floats] = {name: np.zeros(0) for name in _NAMES}

    def look(self, store: Store) -> None:
        """Take what is known now."""
        flows = store.flows(_NAMES)
        before = len(self._index)
        rows = self._index.rows_of(flows["cookie"])
        for name, worst in self._worst.items():
            self._worst[name] = grown(worst, len(self._index))
            self._worst[name][before:] = np.nan
            self._worst[name][rows] = np.fmax(self._worst[name][rows], flows[name])

    def added(self, table: Table) -> Table:
        """Give the table of flows with a column for each: `retrans_percent_10s_max` …."""
        cookies = table["sock_cookie"].fill_null(0).to_numpy()  # 0: unknown, no flow's
        rows = self._index.lookup(cookies)
        for name, worst in self._worst.items():
            known = np.append(worst, np.nan)[rows]  # -1 is no row
            table = table.append_column(f"{BY_NAME[name].export}_max", floats(known))
        return table
