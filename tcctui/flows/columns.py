"""Columns of flows: one numpy array per field, one row per socket cookie."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tcctui.arrays import I64, Array, Mask
from tcctui.fields.every_field import every
from tcctui.fields.field import Where
from tcctui.flows.index import Rows, grown
from tcctui.wire.inside import ALGORITHM
from tcctui.wire.inside import INSIDE as SOCKET

Column = npt.NDArray[np.generic]

FIELDS: Mapping[str, np.dtype[np.generic]] = {
    field.name: np.dtype(field.dtype) for field in every() if field.where is Where.FLOW
}
"""The fields kept for each flow, with their types.

Of what events and samples both tell (`state`, `ca_state`, `snd_cwnd`, `ssthresh`, `srtt_us`,
`snd_wnd`, `rcv_wnd`, `in_flight`), it is the newer one.
"""

SAMPLED = frozenset(field.name for field in every() if field.where is Where.SAMPLE)
"""Fields that samples alone tell: of each flow, as it was last sampled.

Numbers are floats, NaN where missing, texts are bytes, empty where missing: see `samples.value`.
"""

INSIDE = frozenset(field.name for field in every() if field.where is Where.INSIDE)
"""Fields that are read of sockets where that is asked for: floats, NaN where nothing is known.

`inside_ns` is a moment, 0 where nothing was read.
"""

READ: Mapping[str, np.dtype[np.void]] = {"socket": SOCKET, "algorithm": ALGORITHM}
"""Columns of the newest records that were read of sockets and algorithms, all zero without one."""

BBR_MODE = "bbr_mode"
"""BBR's mode as the kernel has it (`diagnosis.bbr.BbrPhase`), 0 where a sample is newer."""

DERIVED = frozenset({field.name for field in every() if field.where is Where.DERIVED}) | {
    *("text", "sample", "limit_evidence", *READ, BBR_MODE),
}
"""Columns that a snapshot works out on demand: fields, and six that are not for people.

`text`: local and remote endpoint and state as one lower-case line of ASCII bytes, where bare
words are searched.
`sample`: the newest sample (`samples.SAMPLE`), all zero where there is none; `derived.complete`
makes the columns of `SAMPLED` from it.
`socket`, `algorithm`: see `READ`; `bbr_mode`: `BBR_MODE`.
`limit_evidence`: the figures that sentences about a limit rest on (`verdicts.EVIDENCE`).
`limit_shares` has the shape (n, len(CAUSES)), for `diagnosis.CAUSES`; NaN where nothing is known.
"""

UNKNOWN: Mapping[str, int] = {
    field.name: field.unknown
    for field in every()
    if field.where in (Where.FLOW, Where.INSIDE, Where.DERIVED) and field.unknown is not None
}
"""Numbers that stand for no value, of columns whose type has no NaN for that."""


_NOT_ZERO = tuple(
    (name, unknown) for name, unknown in UNKNOWN.items() if unknown and name in FIELDS
)


def missing(name: str, values: Array) -> Mask:
    """Tell which flows' values of the column `name` are unknown."""
    if values.dtype.kind == "S":
        return np.asarray(values == b"")
    if values.dtype.kind == "f":
        return np.isnan(values)
    if name in UNKNOWN:
        return np.asarray(values == values.dtype.type(UNKNOWN[name]))
    return np.zeros(len(values), bool)


def nothing_read(name: str, count: int) -> Array:
    """Column of `INSIDE`, `READ` or `BBR_MODE` of flows of which nothing was read."""
    if name == BBR_MODE:
        return np.zeros(count, "u1")
    if name in READ:
        return np.zeros(count, READ[name])
    return np.zeros(count, "i8") if name in UNKNOWN else np.full(count, np.nan)


class FlowColumns:
    """Growing table of flows, with an array for each of `FIELDS`.

    A flow keeps its row until it is forgotten; then the row is reused.
    """

    def __init__(self) -> None:
        self._columns = {name: np.zeros(0, kind) for name, kind in FIELDS.items()}
        self._free: I64 = np.empty(0, "i8")
        self.live: Mask = np.zeros(0, bool)
        """Mask of the rows in use."""

    def __getitem__(self, name: str) -> Array:
        return self._columns[name]

    @property
    def kept(self) -> Mapping[str, Array]:
        """State of each row, by name."""
        return self._columns

    @property
    def capacity(self) -> int:
        """Number of rows allocated."""
        return len(self.live)

    def take(self, count: int) -> Rows:
        """Allocate `count` rows of unknown values and mark them live, growing if needed."""
        if len(self._free) < count:
            self._grow(max(1024, self.capacity * 3 // 2, self.capacity + count))
        rows, self._free = self._free[:count], self._free[count:]
        self.live[rows] = True
        for name, unknown in _NOT_ZERO:
            self._columns[name][rows] = unknown
        return rows

    def give_back(self, rows: Rows) -> None:
        """Free the rows."""
        self.live[rows] = False
        for column in self._columns.values():
            column[rows] = np.zeros(1, column.dtype)
        self._free = np.concatenate([rows, self._free])

    def _grow(self, capacity: int) -> None:
        old = self.capacity
        for name, column in self._columns.items():
            self._columns[name] = grown(column, capacity)
        self.live = grown(self.live, capacity)
        self._free = np.concatenate([self._free, np.arange(old, capacity)])
