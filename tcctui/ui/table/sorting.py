"""Sort order of the table, and its changes by keys and clicks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tcctui.flows.columns import missing
from tcctui.flows.snapshot import Flows
from tcctui.ui.table.columns import BY_NAME
from tcctui.ui.table.row_order import Ranking, order_by
from tcctui.ui.table.sort_key import SortKey

USUAL = (SortKey("rate", descending=True),)
"""Default order."""

MOST = 9
"""Columns that can be sorted by at a time: their numbers in the titles have one digit."""

Keys = tuple[SortKey, ...]


def usable(keys: Iterable[SortKey]) -> Keys:
    """Those of the keys that can be sorted by, each column once."""
    known: dict[str, SortKey] = {}
    for key in keys:
        if key.column in BY_NAME and BY_NAME[key.column].sort:
            known.setdefault(key.column, key)
    return tuple(known.values())[:MOST] or USUAL


def usually(name: str) -> SortKey:
    """A column, the way round that most want it."""
    return SortKey(name, BY_NAME[name].descending)


def beside(keys: Keys, names: Sequence[str], by: int) -> Keys:
    """Have the first key be of a column further right (1) or left (-1) among `names`."""
    first = keys[0].column
    at = names.index(first) if first in names else 0
    return usable([usually(names[(at + by) % len(names)]), *keys[1:]])


def turned(keys: Keys) -> Keys:
    """Turn the first key around."""
    return (_turned(keys[0]), *keys[1:])


def clicked(keys: Keys, name: str, *, further: bool) -> Keys:
    """Sort keys after a click on a title.

    A click on the first key reverses it; any other column becomes the only key. With `further` it
    becomes one more key, or is reversed if it is one already.
    """
    if name == keys[0].column:
        return turned(keys)
    if not further:
        return (usually(name),)
    if any(key.column == name for key in keys):
        return tuple(_turned(key) if key.column == name else key for key in keys)
    return usable([*keys, usually(name)])


def _turned(key: SortKey) -> SortKey:
    return key._replace(descending=not key.descending)


class ByKeys(NamedTuple):
    """The order of flows by keys, as a frame asks for it."""

    keys: Keys

    @property
    def needs(self) -> frozenset[str]:
        """Columns of flows that sorting needs."""
        return frozenset(name for key in self.keys for name in BY_NAME[key.column].sort)

    def in_order(self, flows: Flows, places: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Put places of flows into the order of the keys; equal ones stay as they are."""
        return in_order(flows, places, self.keys)


def in_order(flows: Flows, places: npt.NDArray[np.intp], keys: Keys) -> npt.NDArray[np.intp]:
    """Put places of flows into the order of the keys; equal ones stay as they are."""
    rankings = []
    for key in keys:
        names = BY_NAME[key.column].sort
        parts = [flows[name][places] for name in names]
        rankings.append(Ranking(parts, key.descending, missing(names[0], parts[0])))
    return places[order_by(rankings)]
