"""Newest sample of every flow, as one structured array."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import Array, Records
from tcctui.flows.index import Rows, grown
from tcctui.flows.intake.names import NAMES, Names
from tcctui.wire.samples import (
    SAMPLE,
    TEXT_FIELDS,
    Samples,
    has_info,
    never_told,
    read_by_value,
    value,
)

_PIECE = np.dtype((np.void, SAMPLE.itemsize))

_TOLD_LAST = ("ts_ns", "end", "state", "rqueue", "wqueue")


def at_the_end(before: Samples, last: Samples) -> Samples:
    """Complete the final samples of sockets from those `before` (or zeros).

    For a destroyed socket the kernel reports TCP_INFO, but neither algorithm nor buffers nor owner;
    and if the socket was disconnected first, not even TCP_INFO.
    """
    known = before["sock_cookie"] != 0
    pieces = before.view(_PIECE).copy()
    pieces[~known] = last.view(_PIECE)[~known]
    whole = pieces.view(SAMPLE)
    for name in _TOLD_LAST:
        whole[name] = last[name]
    told = has_info(last)
    for name in ("tcp_info", "info_len", "also_known"):
        whole[name][told] = last[name][told]
    return whole


def sampled(samples: Samples, name: str) -> Array:
    """One of `columns.SAMPLED` from many flows' newest samples, of which some may be all zero.

    Floats with NaN where missing, or bytes, empty where missing.
    """
    values = value(samples, name)
    if name not in TEXT_FIELDS:
        values[never_told(samples, name)] = np.nan
    return values


class Latest:
    """The newest sample of each row; all zero without one."""

    def __init__(self) -> None:
        self._samples = np.empty(0, _PIECE)
        self._names = Names()

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        self._samples = grown(self._samples, rows)
        self._names.grow(rows)

    def forget(self, rows: Rows) -> None:
        """Drop the rows' samples."""
        self._samples[rows] = np.zeros(1, _PIECE)
        self._names.forget(rows)

    @property
    def kept(self) -> Mapping[str, Array]:
        """State of each row, by name."""
        return {"samples": self._samples}

    def of(self, rows: Rows) -> Samples:
        """Copy the rows' samples."""
        return self._samples[rows].view(SAMPLE)

    def column(self, rows: Rows, name: str) -> Array:
        """One of `columns.SAMPLED` of the rows: see `sampled`."""
        if name in TEXT_FIELDS:
            every = self._samples.view(SAMPLE)
            return self._names.of(every, rows, name) if name in NAMES else every[name][rows]
        fields = read_by_value(name) | {"sock_cookie"}
        few = np.empty(len(rows), [(field, SAMPLE[field]) for field in sorted(fields)])
        samples = self._samples.view(SAMPLE)
        for field in fields:
            few[field] = samples[field][rows]
        return sampled(few, name)

    def own(self, rows: Rows, owners: Records) -> None:
        """Write owners, of dtype `owners.OWNER`, into rows of which no sample knows one."""
        unknown = self._samples.view(SAMPLE)["pid"][rows] == 0
        rows, owners = rows[unknown & (owners["pid"] > 0)], owners[unknown & (owners["pid"] > 0)]
        if len(rows):
            samples = self.of(rows)
            for name in owners.dtype.names or ():
                samples[name] = owners[name]
            self.put(rows, samples)

    def put(self, rows: Rows, samples: Samples) -> None:
        """Store these samples, one for each row."""
        self._samples[rows] = samples.view(_PIECE)
        self._names.put(rows, samples)
