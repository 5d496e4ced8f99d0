"""A row's past in one line of block characters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BLOCKS = "▁▂▃▄▅▆▇█"


def sparklines(values: npt.NDArray[np.float64]) -> list[str]:
    """Draw each row of an array as block characters, from 0 to the row's own maximum.

    A value holds until the next one comes (NaN is: nothing happened); before the first it is blank.
    """
    columns = values.shape[1]
    known = ~np.isnan(values)
    newest = np.maximum.accumulate(np.where(known, np.arange(columns), -1), axis=1)
    held = np.take_along_axis(values, np.maximum(newest, 0), axis=1)
    top = np.fmax.reduce(values, axis=1, initial=0)[:, None]
    level = np.zeros(values.shape, "i8")
    np.divide(held * len(BLOCKS), top, out=held, where=(top > 0) & (newest >= 0))
    level[newest >= 0] = np.clip(np.ceil(held[newest >= 0]), 1, len(BLOCKS))
    return ["".join((" " + BLOCKS)[index] for index in row) for row in level.tolist()]
