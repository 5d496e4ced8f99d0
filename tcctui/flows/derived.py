"""What is worked out of the columns when it is asked for (`columns.DERIVED`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.flows.columns import FlowColumns
from tcctui.flows.endpoints import Endpoints
from tcctui.flows.index import Rows


def derive(
    name: str, columns: FlowColumns, endpoints: Endpoints, rows: Rows, now_ns: int
) -> npt.NDArray[np.generic]:
    """Work out one of `DERIVED` for some rows, as it is at `now_ns`."""
    if name == "slow_start":
        slow: npt.NDArray[np.bool_] = columns["snd_cwnd"][rows] < columns["ssthresh"][rows]
        return slow
    if name == "age_ns":
        opened, closed = columns["opened_ns"][rows], columns["closed_ns"][rows]
        since = np.where(opened > 0, opened, columns["first_ns"][rows])
        return np.maximum(np.where(closed > 0, closed, now_ns) - since, 0)
    return endpoints.searchable(rows)
