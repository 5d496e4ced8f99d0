"""Columns of flows made of their algorithms' own state, each flow by its algorithm's layout."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcctui.arrays import U8, Array, Indexes, Records, distinct
from tcctui.fields.algorithm_state import BY_NAME, PREFIX, UNKNOWN_CODE
from tcctui.fields.field import Unit
from tcctui.flows.algorithms.bbr import phases
from tcctui.flows.algorithms.members import Known
from tcctui.wire.private_layout import kept


def column(name: str, records: Records, mss: Array) -> Array:
    """Values of one member in its unit, NaN where a flow's algorithm has none, or nothing is known.

    Of a member with words, it is the number of the word.
    """
    known = np.where(mss > 0, mss, np.nan)
    found = np.full(len(records), np.nan)
    member = name.removeprefix(PREFIX)
    for rows, state in _by_layout(records, known):
        found[rows] = state.value(member)
    state_ = BY_NAME.get(member.lower())
    if state_ is None or state_.unit is not Unit.CODE:
        return found
    codes = np.where(found < len(state_.words), found, UNKNOWN_CODE)
    return codes.astype("u1")


def bbr_phases(records: Records) -> U8:
    """Mode of each flow's BBR (`diagnosis.bbr.BbrPhase`); 0 of another algorithm, or none."""
    found = np.zeros(len(records), "u1")
    for rows, state in _by_layout(records, np.full(len(records), np.nan)):
        if (of_rows := phases(state)) is not None:
            found[rows] = of_rows
    return found


def _by_layout(records: Records, mss: Array) -> Iterator[tuple[Indexes, Known]]:
    """Rows with a record, and their state, for each layout."""
    keys = records["key"]
    for key in distinct(keys).tolist():
        layout = kept(key)
        if layout is not None:
            rows = np.flatnonzero((keys == key) & (records["sock_cookie"] > 0))
            yield rows, Known(layout, records[rows], mss[rows])


def first(records: Records, mss: Array) -> Known | None:
    """State of the first flow; None where nothing is known of it."""
    of_first = slice(1)
    known = np.where(mss > 0, mss, np.nan)[of_first]
    return next((state for _, state in _by_layout(records[of_first], known)), None)
