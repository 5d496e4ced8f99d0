"""The two ends of every flow: addresses and their text."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import Mask
from tcctui.fields.connection import ENDS
from tcctui.flows.columns import FlowColumns
from tcctui.flows.index import SPREAD, Keys, Rows, grown
from tcctui.flows.labels import Lines, both_endpoints, with_states
from tcctui.wire.addresses import zones
from tcctui.wire.events import EVENT, Events
from tcctui.wire.samples import Samples

_ONE = np.int16(1)

_ADDRESSES = (
    ("saddr_hi", "saddr", 0),
    ("saddr_lo", "saddr", 1),
    ("daddr_hi", "daddr", 0),
    ("daddr_lo", "daddr", 1),
)


_HALVES = [EVENT.fields[name][1] // 8 + half for name in ("saddr", "daddr") for half in (0, 1)]  # type: ignore[index]
_PORTS = EVENT.fields["sport"][1] // 4  # type: ignore[index]  # and behind it, in one word, dport
_FACTORS = np.multiply.accumulate(np.full(len(_HALVES), SPREAD))


def ends_keys(events: Events) -> Keys:
    """Key of each event's addresses and ports: two that differ have different keys, nearly always.

    Not that of `sockets.tuple_keys`, which takes five times as long.
    """
    halves = events.view("u8").reshape(len(events), -1)[:, _HALVES]
    halves ^= halves >> np.uint64(31)
    halves *= _FACTORS
    ports = events.view("u4").reshape(len(events), -1)[:, _PORTS]
    return (halves.sum(axis=1, dtype="u8") ^ ports) * SPREAD


class Endpoints:
    """Both ends of every row's flow; their text is made on demand and cached."""

    def __init__(self, columns: FlowColumns) -> None:
        self._columns = columns
        self._lines: Lines = np.empty(0, "S1")  # no search yet
        self._given: tuple[Rows, Lines] | None = None  # the last lines given
        self._zones: dict[int, str] = {}  # names of interfaces in the lines
        self._made = np.zeros(0, "i2")  # the state in each row's line, plus one; 0 without a line
        self._keys = np.zeros(0, "u8")  # of both ends, as events had them last; 0 if unknown

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        self._made = grown(self._made, rows)
        self._keys = grown(self._keys, rows)

    def forget(self, rows: Rows) -> None:
        """Drop the rows' text: their addresses change."""
        self._made[rows] = 0
        self._keys[rows] = 0

    def differ(self, rows: Rows, events: Events | Samples) -> Mask:
        """Mask of events, one for each row, whose addresses or ports differ from the row's."""
        columns = self._columns
        differ = columns["sport"][rows] != events["sport"]
        differ |= columns["dport"][rows] != events["dport"]
        for column, field, half in _ADDRESSES:
            differ |= columns[column][rows] != events[field][:, half]
        return differ

    def moved(self, rows: Rows, events: Events, keys: Keys) -> Mask:
        """The same as `differ`, quickly; `keys` are the events' `ends_keys`."""
        moved: Mask = self._keys[rows] != keys
        if np.count_nonzero(moved):
            moved = self.differ(rows, events)
            self._keys[rows[~moved]] = keys[~moved]
        return moved

    def set(self, rows: Rows, events: Events | Samples) -> None:
        """Copy the rows' addresses from events, one for each; ports are the caller's."""
        for column, field, half in _ADDRESSES:
            self._columns[column][rows] = events[field][:, half]
        self.forget(rows)

    def searchable(self, rows: Rows) -> Lines:
        """One lower-case line per row, not to be written to: `local remote state`.

        As long as none of them changes, the array is the same one.
        """
        if self._zones != (known := zones()):
            self._zones = known
            self._made[:] = 0
        missing = rows[self._made[rows] != self._columns["state"][rows] + _ONE]
        if len(missing):
            self._make(missing)
            self._given = None
        if self._given is None or self._given[0] is not rows:
            self._given = rows, self._lines[rows]
            self._given[1].flags.writeable = False
        return self._given[1]

    def _make(self, rows: Rows) -> None:
        states = self._columns["state"][rows]
        ends = both_endpoints({name: self._columns[name][rows] for name in ENDS})
        lines = with_states(ends, states)
        if len(self._lines) < len(self._made):
            self._lines = grown(self._lines, len(self._made))
        if lines.itemsize > self._lines.itemsize:
            self._lines = self._lines.astype(lines.dtype)
        self._lines[rows] = lines
        self._made[rows] = states + _ONE
