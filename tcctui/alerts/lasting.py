"""Keys that have been present without a break for some time."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import Mask
from tcctui.flows.index import Keys


class Lasting:
    """Times since which keys are there, by checks one after the other."""

    def __init__(self, for_ns: int) -> None:
        self._for_ns = for_ns
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._keys: Keys = np.empty(0, "u8")
        self._since = np.empty(0, "i8")

    def long_enough(self, keys: Keys, now_ns: int) -> Mask:
        """Tell which of the present keys, each once, were there at all checks of the last time."""
        if not self._for_ns:
            return np.ones(len(keys), np.bool_)
        order = np.argsort(keys)
        present = keys[order]
        since = np.full(len(keys), now_ns)
        if len(self._keys):
            at = np.minimum(np.searchsorted(self._keys, present), len(self._keys) - 1)
            stay = self._keys[at] == present
            since[stay] = self._since[at[stay]]
        self._keys, self._since = present, since
        enough = np.empty(len(keys), np.bool_)
        enough[order] = now_ns - since >= self._for_ns
        return enough
