"""The table of flows: a row for each, with what its recording says of all of its life."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcctui.arrays import I64, Array
from tcctui.export.arrow_tables import (
    Column,
    Table,
    addresses,
    floats,
    named,
    table,
    texts,
    times,
    whole,
)
from tcctui.export.attribution import Attribution
from tcctui.export.flow_totals import Gathered
from tcctui.export.query_matches import known_before
from tcctui.export.selection import Selection
from tcctui.fields.connection import ENDS
from tcctui.fields.every_field import BY_NAME
from tcctui.flows.diagnosis.verdicts import CAUSES, LIMIT_NAMES
from tcctui.flows.index import KeyIndex, Keys, grown
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Timeline
from tcctui.wire.batch import Batch
from tcctui.wire.events import NO_SSTHRESH
from tcctui.wire.tcp_states import STATE_NAMES

_TEXTS = ("cc", "comm", "netns_name", "cgroup")
_WHOLE = {
    **{
        name: BY_NAME[name].export
        for name in (
            *("pid", "uid", "netns", "mss", "bytes_acked", "bytes_received", "data_segs_out"),
            *("total_retrans", "bytes_sent", "bytes_retrans", "min_rtt"),
        )
    },
    "busy_time": "busy_us",
    **{name: BY_NAME[name].export for name in ("rwnd_limited", "sndbuf_limited")},
}
"""Columns of the store, and of the table, as whole numbers."""

_OTHERS = ("state", "ssthresh", "opened_ns", "closed_ns", "sampled_ns", "first_ns", "events")
_STEP_NS = 1_000_000_000


class FlowTable:
    """Plays a part of a recording into a store, and keeps the last that this says of each flow."""

    def __init__(self, chosen: Selection, lives: Attribution) -> None:
        self._chosen = chosen
        self._lives = lives
        self._store = Store(0)
        self._gathered = Gathered()
        self._known = _Newest()
        self._next_ns = chosen.begin_ns + _STEP_NS

    def begin(self, timeline: Timeline) -> Iterator[Chunk]:
        """Give the chunks that are to be taken in, after what was known before them."""
        chosen = self._chosen
        self._store, after = known_before(timeline, chosen)
        return timeline.chunks(after, chosen.end_ns + _STEP_NS, chosen.cookies)

    def add(self, chunk: Chunk) -> None:
        """Take in a chunk."""
        deliver(self._chosen.pieces(chunk), self)
        mine = self._chosen.of(chunk, self._lives.cookies(chunk.events))
        self._gathered.add(mine.events, mine.samples)

    def take(self, batch: Batch) -> None:
        """Take in a batch of a chunk, and each second what is known then."""
        self._store.take(batch)
        if batch.now_ns >= self._next_ns:
            self._look(batch.now_ns)

    def _look(self, now_ns: int) -> None:
        flows = self._store.flows((*ENDS, *_TEXTS, *_WHOLE, *_OTHERS, "limit_shares"))
        self._known.take(flows, self._next_ns - _STEP_NS)
        self._next_ns = now_ns + _STEP_NS

    def table(self, end_ns: int, wall_offset_ns: int) -> Table:
        """Give a row for each flow of which something came, in the order of their cookies."""
        self._look(max(end_ns, self._next_ns - _STEP_NS))
        known, gathered = self._known, self._gathered
        gathered.finish(end_ns, known.index, known.column("closed_ns").astype("i8"))
        rows = known.index.lookup(gathered.cookies)
        there = rows >= 0
        return _columns(known, rows[there], gathered.cookies[there], gathered, wall_offset_ns)


class _Newest:
    """The newest columns of each flow, and the seconds that each cause limited it."""

    def __init__(self) -> None:
        self.index = KeyIndex()
        """Row of each flow in the columns."""
        self._columns: dict[str, Array] = {}
        self.limited = np.empty((0, len(CAUSES)))

    def column(self, name: str) -> Array:
        """Give a column, an entry for each row."""
        return self._columns.get(name, np.empty(0, "i8"))

    def take(self, flows: Flows, since_ns: int) -> None:
        """Put in what is known now; it was so since `since_ns`, for as long as a flow lived."""
        closed = flows["closed_ns"]
        until = np.where(closed > 0, closed, flows.now_ns)
        seconds = np.maximum(until - np.maximum(flows["first_ns"], since_ns), 0) / 1e9
        rows = self.index.lookup(flows["cookie"])
        new = np.flatnonzero(rows < 0)
        rows[new] = len(self.index) + np.arange(len(new))
        self.index.put(flows["cookie"][new], rows[new])
        self.limited = grown(self.limited, len(self.index))
        self.limited[rows] += np.nan_to_num(flows["limit_shares"]) * seconds[:, None]
        for name, column in flows.items():
            if name != "limit_shares":
                known = self._columns.get(name, np.empty(0, column.dtype))
                self._columns[name] = grown(known, len(self.index))
                self._columns[name][rows] = column


def _columns(known: _Newest, rows: I64, cookies: Keys, gathered: Gathered, offset: int) -> Table:
    def of(name: str) -> Array:
        return known.column(name)[rows]

    sums = gathered.of(cookies)
    never = of("sampled_ns") == 0
    silent = sums["records"] == 0
    ssthresh = of("ssthresh")
    columns: dict[str, Column] = {
        "sock_cookie": whole(cookies),
        "saddr": addresses(np.column_stack([of("saddr_hi"), of("saddr_lo")])),
        "sport": whole(of("sport")),
        "daddr": addresses(np.column_stack([of("daddr_hi"), of("daddr_lo")])),
        "dport": whole(of("dport")),
        "state": named(of("state"), STATE_NAMES),
        **{name: texts(of(name)) for name in _TEXTS},
    }
    for name in ("first", "last"):
        columns[name] = times(sums[f"{name}_ns"] + offset)
    for name in ("opened", "closed"):
        when = of(f"{name}_ns").astype("i8")
        columns[name] = times(when + offset, when == 0)
    columns["events"] = whole(sums["records"])
    columns["acks"] = whole(of("events"))
    for name, column in _WHOLE.items():
        columns[column] = whole(of(name), never if name == "uid" else None)
    measured = sums["acks_srtt"] == 0
    columns |= {
        "retransmits": whole(sums["retransmits"]),
        "srtt_us_min": whole(sums["srtt_min"], measured),
        "srtt_us_mean": floats(
            np.where(measured, np.nan, sums["srtt_sum"] / np.maximum(sums["acks_srtt"], 1))
        ),
        "srtt_us_max": whole(sums["srtt_max"], measured),
        "snd_cwnd_min": whole(sums["cwnd_min"], silent),
        "snd_cwnd_max": whole(sums["cwnd_max"], silent),
        "ssthresh": whole(ssthresh, (ssthresh == 0) | (ssthresh >= NO_SSTHRESH)),
        "in_flight_max": whole(sums["in_flight_max"], silent),
    }
    untold = np.full(len(cookies), not gathered.ca_states_come)
    columns |= {
        "recovery_s": floats(np.where(untold, np.nan, sums["recovery_ns"] / 1e9)),
        "loss_s": floats(np.where(untold, np.nan, sums["loss_ns"] / 1e9)),
        "recoveries": whole(sums["recoveries"], untold),
    }
    for place, cause in enumerate(CAUSES):
        columns[f"limited_{LIMIT_NAMES[cause]}_s"] = floats(known.limited[rows, place])
    return table(columns)
