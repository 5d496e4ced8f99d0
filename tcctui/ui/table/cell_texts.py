"""Texts of the cells in sight, which are made anew only where their values have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tcctui.arrays import Array, Mask, among
from tcctui.flows.frame import Sparkline
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.ui.table.cells import sparklines
from tcctui.ui.table.layout import Placed, fit

Histories = npt.NDArray[np.float64]
"""A history of each of n flows, shape (n, columns)."""


class _Made(NamedTuple):
    """A column's texts, and the values that they were made of."""

    values: list[Array]
    texts: list[str]


class CellTexts:
    """Makes the texts of flows' cells, each as wide as its column, and keeps those made last."""

    def __init__(self) -> None:
        self._placed: Sequence[Placed] = ()
        self.cookies: Keys = np.empty(0, "u8")
        """The flows that the texts are of."""
        self._made: dict[str, _Made] = {}

    def of(
        self,
        flows: Flows,
        histories: Mapping[Sparkline, Histories],
        placed: Sequence[Placed],
    ) -> list[list[str]]:
        """Give a list of each column's texts; `histories` are of the same flows."""
        before, cookies = self.cookies, flows["cookie"]
        same = np.array_equal(cookies, before)
        if placed is not self._placed or not (same or among(cookies, before).any()):
            self._made = {}
        elif not same:
            self._move({cookie: row for row, cookie in enumerate(before.tolist())}, cookies)
        self._placed, self.cookies = placed, cookies
        for place in placed:
            self._made[place.column.name] = self._renewed(place, flows, histories)
        return [self._made[place.column.name].texts for place in placed]

    def _move(self, rows: Mapping[int, int], cookies: Keys) -> None:
        """Put what is kept into the order of other flows; a new one has no text yet."""
        old = np.array([rows.get(cookie, -1) for cookie in cookies.tolist()])
        self._made = {
            name: _Made(
                [values[old] for values in made.values],
                [made.texts[row] if row >= 0 else "" for row in old.tolist()],
            )
            for name, made in self._made.items()
        }

    def _renewed(
        self, place: Placed, flows: Flows, histories: Mapping[Sparkline, Histories]
    ) -> _Made:
        column, made = place.column, self._made.get(place.column.name)
        if column.sparkline is not None:
            values: list[Array] = [histories[column.sparkline]]
        else:
            values = [flows[name] for name in column.needs]
            if column.by_clock:
                values.append(np.full(len(flows["cookie"]), flows.now_ns))
        if made is None:
            return _Made(values, self._texts(place, flows, values))
        (changed,) = np.nonzero(_differ(values, made))
        if 2 * len(changed) > len(made.texts):
            return _Made(values, self._texts(place, flows, values))
        if len(changed):
            few = {name: flows[name][changed] for name in (*column.needs, "cookie")}
            anew = self._texts(place, Flows(flows.now_ns, few), [one[changed] for one in values])
            for row, text in zip(changed.tolist(), anew, strict=True):
                made.texts[row] = text
        return _Made(values, made.texts)

    @staticmethod
    def _texts(place: Placed, flows: Flows, values: list[Array]) -> list[str]:
        column = place.column
        if column.sparkline is None:
            texts = column.cells(flows)
        else:  # 0 is an unknown cwnd or srtt
            texts = sparklines(np.where(values[0] == 0, np.nan, values[0]))
        return [fit(text, place.width, column.left) for text in texts]


def _differ(values: list[Array], made: _Made) -> Mask:
    """Rows of which a value is another one, or have no text yet."""
    differ = np.array([not text for text in made.texts], bool)
    for now, before in zip(values, made.values, strict=True):
        other = now != before
        if now.dtype.kind == "f":
            other &= ~(np.isnan(now) & np.isnan(before))
        differ |= other if other.ndim == 1 else other.any(axis=1)
    return differ
