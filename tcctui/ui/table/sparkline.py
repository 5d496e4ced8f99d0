"""A row's past in one line of block characters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BLOCKS = "▁▂▃▄▅▆▇█"


def sparklines(values: npt.NDArray[np.float64]) -> list[str]:
    """Draw each row of an array as block characters, between its own minimum and maximum.

    The range is at least half the maximum, so that a steady value is a line in the middle and not
    magnified noise. A value holds until the next one comes (NaN is: nothing happened); before the
    first it is blank.
    """
    columns = values.shape[1]
    known = ~np.isnan(values)
    newest = np.maximum.accumulate(np.where(known, np.arange(columns), -1), axis=1)
    held = np.take_along_axis(values, np.maximum(newest, 0), axis=1)
    top = np.fmax.reduce(values, axis=1, initial=0)[:, None]
    bottom = np.fmin(np.fmin.reduce(values, axis=1, initial=np.inf)[:, None], top)
    span = np.maximum(top - bottom, top / 2)
    bottom = (top + bottom - span) / 2
    height = np.zeros(values.shape)
    np.divide(held - bottom, span, out=height, where=(span > 0) & (newest >= 0))
    level = np.clip(np.ceil(height * len(BLOCKS)), 1, len(BLOCKS)).astype("i8")
    level[newest < 0] = 0
    return ["".join((" " + BLOCKS)[index] for index in row) for row in level.tolist()]
