"""The table of algorithms: a row for each ACK at which an algorithm's own state was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from tcctui.arrays import Array, Indexes, Mask, Records, distinct
from tcctui.export.arrow_tables import (
    Column,
    Table,
    floats,
    named,
    table,
    texts,
    times,
    whole,
    without,
)
from tcctui.export.event_tables import by_time
from tcctui.fields.algorithm_state import BY_NAME, PREFIX, Scale, State, field
from tcctui.fields.field import Unit
from tcctui.flows.algorithms.members import Known, member_of, number
from tcctui.flows.index import KeyIndex, grown
from tcctui.wire.private_layout import PrivateLayout, kept
from tcctui.wire.samples import Samples, value

_NO_WORD = -1


class AlgorithmTable:
    """Makes the rows; `keys` are those of all records that may come (`inside.ALGORITHM`).

    Each member of one of their structs is a column, `ca.` and its name as the kernel has it, in the
    unit that the screen shows; it is missing in rows of algorithms that have none of that name.
    """

    def __init__(self, keys: Iterable[int]) -> None:
        layouts = {key: kept(key) for key in keys}
        self._layouts = {key: one for key, one in layouts.items() if one is not None}
        self._members = _members(self._layouts.values())
        self._flows = KeyIndex()
        self._mss = np.zeros(0)

    def learn(self, sockets: Records, samples: Samples) -> None:
        """Take segment sizes of flows, which bandwidths are counted in, from records of a chunk."""
        for cookies, sizes in (
            (samples["sock_cookie"], value(samples, "snd_mss")),
            (sockets["sock_cookie"], sockets["mss_cache"].astype("f8")),
        ):
            told = sizes > 0
            rows = self._flows.rows_of(cookies[told])
            self._mss = grown(self._mss, len(self._flows))
            self._mss[rows] = sizes[told]

    def rows(self, records: Records, wall_offset_ns: int) -> Table:
        """Make a row of each record."""
        records = by_time(records)
        when = records["ts_ns"].astype("i8")
        groups = list(self._groups(records))
        algorithm, struct = np.zeros((2, len(records)), "S64")
        for rows, state in groups:
            algorithm[rows] = state.layout.algorithm.encode()
            struct[rows] = state.layout.struct.encode()
        columns: dict[str, Column] = {
            "time": times(when + wall_offset_ns),
            "ts_ns": whole(when),
            "sock_cookie": whole(records["sock_cookie"]),
            "cc": texts(algorithm),
            "struct": texts(struct),
        }
        for name, member in self._members.items():
            columns[field(PREFIX + name).export] = _column(name, member, groups, len(records))
        return table(columns)

    def _groups(self, records: Records) -> Iterator[tuple[Indexes, Known]]:
        places = self._flows.lookup(records["sock_cookie"])
        mss = np.append(self._mss, np.nan)[places]
        mss[mss == 0] = np.nan
        keys = records["key"]
        for key in distinct(keys).tolist():
            if (layout := self._layouts.get(key)) is not None:
                rows = np.flatnonzero(keys == key)
                yield rows, Known(layout, records[rows], mss[rows])


def _members(layouts: Iterable[PrivateLayout]) -> Mapping[str, State]:
    """Members of all layouts, those of a struct in its order; each name once, whatever its case."""
    found: dict[str, State] = {}
    for layout in layouts:
        for member in layout.members:
            low = member.name.lower()
            found.setdefault(low, BY_NAME.get(low) or State(member.name, Unit.COUNT, ""))
    return {state.name: state for state in found.values()}


def _column(name: str, state: State, groups: list[tuple[Indexes, Known]], count: int) -> Column:
    """One member of all records, missing where it is unknown, or there is none."""
    if state.unit is not Unit.CODE and not _is_whole(state):
        values = np.full(count, np.nan)
        for rows, known in groups:
            values[rows] = known.value(name)
        return floats(values)
    raw, missing = np.zeros(count, "i8"), np.ones(count, bool)
    for rows, known in groups:
        member = member_of(known.layout, name)
        if member is not None:
            found = number(known.records["private"], member)
            missing[rows] = _is_unknown(found, state)
            raw[rows] = found.astype("i8")
    if state.unit is not Unit.CODE:
        return whole(raw, missing)
    words = {_NO_WORD: "", **dict(enumerate(state.words))}
    return without(named(np.where(missing, _NO_WORD, raw), words), missing)


def _is_whole(state: State) -> bool:
    return state.scale is Scale.PLAIN and state.factor == 1


def _is_unknown(raw: Array, state: State) -> Mask:
    if state.unknown is None:
        return np.asarray(raw.astype("u8") >> np.uint64(63) > 0) & (raw.dtype.kind == "u")
    return np.asarray(raw == state.unknown)
