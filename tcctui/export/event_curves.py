"""Curves of one flow from every event, for pictures: finer than what a screen's history keeps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import Array
from tcctui.flows.history.buckets import SERIES
from tcctui.flows.snapshot import Extremes
from tcctui.wire.events import EventKind, Events


class EventCurves:
    """Extremes and last values of `SERIES` in each of `columns` of time, of one flow's events.

    They span `begin_ns` to `end_ns`. An event that stands for several ACKs has their extremes.
    """

    def __init__(self, begin_ns: int, end_ns: int, columns: int) -> None:
        self._begin_ns, self._columns = begin_ns, columns
        self._width_ns = max(1, -(-(end_ns - begin_ns + 1) // columns))
        self._low, self._high, self._last = (
            np.full((len(SERIES), columns), empty) for empty in (np.inf, -np.inf, np.nan)
        )

    def add(self, events: Events) -> None:
        """Take in more of the flow's events, oldest first."""
        events = events[events["kind"] == EventKind.PROBE]
        column = (events["ts_ns"].astype("i8") - self._begin_ns) // self._width_ns
        inside = (column >= 0) & (column < self._columns)
        events, column = events[inside], column[inside]
        in_flight = events["snd_nxt"] - events["snd_una"]
        values: tuple[tuple[Array, Array, Array], ...] = (
            (events["snd_cwnd_min"], events["snd_cwnd_max"], events["snd_cwnd"]),
            (events["ssthresh"],) * 3,
            (events["srtt_min"], events["srtt_max"], events["srtt"]),
            (events["in_flight_min"], events["in_flight_max"], in_flight),
        )
        for number, (low, high, last) in enumerate(values):
            np.minimum.at(self._low[number], column, low)
            np.maximum.at(self._high[number], column, high)
            self._last[number, column] = last

    def series(self, until_ns: int | None = None) -> Mapping[str, Extremes]:
        """Each of `SERIES`, NaN in columns without an event.

        A curve that ends at `until_ns` is off the chart behind it.
        """
        seen, last = ~np.isnan(self._last), self._last.copy()
        low, high = np.where(seen, self._low, np.nan), np.where(seen, self._high, np.nan)
        if until_ns is not None:
            behind = max((until_ns - self._begin_ns) // self._width_ns + 1, 0)
            last[:, behind:] = np.inf
        return {
            name: Extremes(low[number], high[number], last[number])
            for number, name in enumerate(SERIES)
        }
