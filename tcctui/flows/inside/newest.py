"""The newest that was read of each flow's socket, and of its algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tcctui.arrays import Array, Records
from tcctui.flows.columns import BBR_MODE, READ, FlowColumns, nothing_read
from tcctui.flows.index import KeyIndex, Rows, grown
from tcctui.flows.inside.recent import RecentInsides
from tcctui.flows.inside.values import BESIDE, NEWER, alone, newer
from tcctui.wire.inside import Insides
from tcctui.wire.records import pick

if TYPE_CHECKING:
    from tcctui.flows.intake.sample_intake import SampleIntake
    from tcctui.flows.rows import FlowRows


class NewestInsides:
    """Newest records of each row, all zero without one; there is room for those kinds that came.

    `recent` has those before them, too, of the flows that are held.
    """

    def __init__(self, columns: FlowColumns) -> None:
        self._columns = columns
        self._rows = 0
        self.recent = RecentInsides()
        self.kept: dict[str, Array] = {}
        """State of each row, by name: bytes of records."""

    @property
    def nbytes(self) -> int:
        """Bytes in use."""
        return sum(part.nbytes for part in self.kept.values()) + self.recent.nbytes

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        self._rows = rows
        for name, part in self.kept.items():
            self.kept[name] = grown(part, rows)

    def forget(self, rows: Rows) -> None:
        """Drop the rows' records."""
        for part in self.kept.values():
            part[rows] = np.zeros(1, part.dtype)

    def keep(self, name: str) -> Array:
        """Make room for a kind, unless there is."""
        if name not in self.kept:
            self.kept[name] = np.zeros(self._rows, np.dtype((np.void, READ[name].itemsize)))
        return self.kept[name]

    def ingest(self, insides: Insides, known: FlowRows, looks: SampleIntake) -> None:
        """Take in records, behind the events that they go with."""
        if len(insides.sockets):
            rows, sockets = self._put("socket", known.cookies, insides.sockets)
            looks.ca_states_read(rows, sockets["ca_state"], sockets["ts_ns"].astype("i8"))
        if len(insides.algorithms):
            self._put("algorithm", known.cookies, insides.algorithms)
        self.recent.add(insides, known.held)

    def _put(self, name: str, cookies: KeyIndex, records: Records) -> tuple[Rows, Records]:
        """Keep the newest record of each known flow; gives their rows and them."""
        order = np.lexsort((records["ts_ns"], records["sock_cookie"]))
        whose = records["sock_cookie"][order]
        last = np.append(whose[1:] != whose[:-1], True)
        records = pick(records, order[last])
        rows = cookies.lookup(records["sock_cookie"])
        kept = self.keep(name)
        taken = rows >= 0
        taken[taken] = records["ts_ns"][taken] >= self._read(name, rows[taken])["ts_ns"]
        rows, records = rows[taken], pick(records, taken)
        kept[rows] = records.view(kept.dtype)
        return rows, records

    def _read(self, name: str, rows: Rows) -> Records:
        if name not in self.kept:
            return np.zeros(len(rows), READ[name])
        return self.kept[name][rows].view(READ[name])

    def column(self, name: str, rows: Rows) -> Array:
        """One of `columns.INSIDE`, or of `READ`, or `BBR_MODE`."""
        if name in READ:
            return self._read(name, rows)
        if name == BBR_MODE:
            return self._bbr_mode(rows)
        return alone(name, self._read("socket", rows), self._columns_of(rows, BESIDE))

    def _bbr_mode(self, rows: Rows) -> Array:
        if "algorithm" not in self.kept:
            return nothing_read(BBR_MODE, len(rows))
        from tcctui.flows.algorithms.columns import bbr_phases  # noqa: PLC0415 - where it is read

        read = self._read("algorithm", rows)
        newest = read["ts_ns"].astype("i8") > self._columns["sampled_ns"][rows]
        return np.where(newest, bbr_phases(read), 0).astype("u1")

    def newer(self, sampled: Mapping[str, Array], rows: Rows) -> Mapping[str, Array]:
        """Columns of samples with what the rows' records have instead, where these are newer."""
        if "socket" not in self.kept or sampled.keys().isdisjoint(NEWER):
            return sampled
        columns = self._columns_of(rows, (*BESIDE, "sampled_ns"))
        return newer(sampled, self._read("socket", rows), columns)

    def _columns_of(self, rows: Rows, names: tuple[str, ...]) -> dict[str, Array]:
        return {name: self._columns[name][rows] for name in names}
