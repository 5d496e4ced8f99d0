"""The order of the table's rows, by numbers or texts, without a Python call per flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def order(
    keys: Sequence[npt.NDArray[Any]],
    descending: bool,
    missing: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.intp]:
    """Places of flows in the order of `keys`, the most significant first; equals stay as they are.

    Each of the keys has one value for each flow: a number that is not negative, or bytes. Flows
    that `missing` names come last, either way round.
    """
    if missing is not None and missing.any():
        known = np.flatnonzero(~missing)
        ordered = known[order([key[known] for key in keys], descending)]
        return np.concatenate([ordered, np.flatnonzero(missing)])
    if not descending:
        return np.lexsort([digit for key in reversed(keys) for digit in _digits(key)])
    # Turned round, sorted, and read backwards: equals are turned round twice.
    turned = order([key[::-1] for key in keys], descending=False)[::-1]
    return len(turned) - 1 - turned


def _digits(key: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Digits of 16 bits, the least first: numpy sorts by them in a quarter of the time.

    Floats that are not negative are in the order of their bits (IEEE 754); NaN is above all.
    """
    if key.itemsize == 1:
        return [key.view("u1")]
    if key.dtype.kind == "S":
        even = np.ascontiguousarray(key, f"S{key.itemsize + key.itemsize % 2}")
        digits = even.view(">u2").reshape(len(key), even.itemsize // 2).T[::-1].astype("u2")
        # Most texts are shorter than there is room for, and few begin differently.
        return [digit for digit in digits if (digit != digit[:1]).any()] or [digits[0]]
    little = np.ascontiguousarray(key, key.dtype.newbyteorder("<"))
    return list(little.view("<u2").reshape(len(key), key.itemsize // 2).T.copy())
