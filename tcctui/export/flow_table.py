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
    without,
)
from tcctui.export.flow_totals import Gathered
from tcctui.export.query_matches import known_before
from tcctui.export.selection import Selection
from tcctui.export.worst_of_late import WorstOfLate
from tcctui.fields.connection import ENDS
from tcctui.fields.every_field import BY_NAME
from tcctui.fields.mptcp import SUBFLOW_NAMES, Subflow
from tcctui.flows.columns import UNKNOWN
from tcctui.flows.diagnosis.verdicts import BY_LIMIT, CAUSES, LIMIT_NAMES
from tcctui.flows.index import KeyIndex, Keys, grown
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.attribution import Attribution
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Span, Timeline
from tcctui.wire.batch import Batch
from tcctui.wire.events import NO_SSTHRESH
from tcctui.wire.retransmits import COUNTED
from tcctui.wire.tcp_states import STATE_NAMES

_TEXTS = ("cc", "comm", "netns_name", "cgroup")
_WHOLE = {
    **{
        name: BY_NAME[name].export
        for name in (
            *("pid", "uid", "netns", "mss", "bytes_received", "data_segs_out"),
            *("total_retrans", "bytes_sent", "bytes_retrans", "min_rtt"),
        )
    },
    "busy_time": "busy_us",
    **{name: BY_NAME[name].export for name in ("rwnd_limited", "sndbuf_limited")},
}
"""Columns of the store, and of the table, as whole numbers."""

_OTHERS = (
    *("state", "ssthresh", "opened_ns", "closed_ns", "sampled_ns", "last_ns", "first_ns", "events"),
    *("acked_sampled", "bytes_acked_seen", "limit", "limit_shares", "drop_reason", "subflow"),
)
_MPTCP = ("mptcp_token", "mptcp_bytes_acked", "mptcp_bytes_received")
_READ = ("in_flight_packets_min", "in_flight_packets_max", "reordering_max", "lost_total")
_COUNTED = (*COUNTED, "undone", "dropped")
"""Counts of the store that are 0 as well where the kernel lacks what they are counted by."""
_BEFORE = "seen_before"
_SHARES = (0.5, 0.95, 0.99)
_STEP_NS = 1_000_000_000


class FlowTable:
    """Plays a part of a recording into a store, and keeps the last that this says of each flow."""

    def __init__(self, chosen: Selection, lives: Attribution) -> None:
        self._chosen = chosen
        self.worst = WorstOfLate()
        self._lives = lives
        self._store = Store(0)
        self._gathered = Gathered()
        self._known = _Newest()
        self._next_ns = 0
        self._begun = False
        self._first_ns = chosen.begin_ns

    def begin(self, timeline: Timeline) -> Iterator[Chunk]:
        """Give the chunks that are to be taken in, after what was known before them."""
        chosen = self._chosen
        self._first_ns = max(chosen.begin_ns, timeline.span.first_ns)
        self._next_ns = self._first_ns + _STEP_NS
        self._store, after = known_before(timeline, chosen)
        return timeline.chunks(after, chosen.end_ns + _STEP_NS, chosen.cookies)

    def add(self, chunk: Chunk) -> None:
        """Take in a chunk."""
        deliver(self._chosen.pieces(chunk), self)
        mine = self._chosen.of(chunk, self._lives.cookies(chunk.events))
        self._gathered.add(mine.events, mine.samples)
        self._gathered.add_sockets(mine.insides.sockets)

    def take(self, batch: Batch) -> None:
        """Take in a batch of a chunk, and each second what is known then."""
        if not self._begun and batch.now_ns > self._chosen.begin_ns:
            self._begun = True
            self._known.begin(self._store.flows(("bytes_acked_seen",)))
        self._store.take(batch)
        if batch.now_ns >= self._next_ns:
            self._look(batch.now_ns)

    def _look(self, now_ns: int) -> None:
        flows = self._store.flows((*ENDS, *_TEXTS, *_WHOLE, *_OTHERS, *_MPTCP, *_COUNTED))
        self._known.take(flows, self._next_ns - _STEP_NS)
        self._next_ns = now_ns + _STEP_NS
        self.worst.look(self._store)

    def table(self, end_ns: int, wall_offset_ns: int) -> Table:
        """Give a row for each flow of which something came, in the order of their cookies."""
        self._look(max(end_ns, self._next_ns - _STEP_NS))
        known, gathered = self._known, self._gathered
        gathered.finish(end_ns, known.index, known.column("closed_ns").astype("i8"))
        there = known.index.lookup(gathered.cookies) >= 0
        span = Span(self._first_ns, end_ns)
        return _columns(known, gathered.cookies[there], gathered, span, wall_offset_ns)


class _Newest:
    """The newest columns of each flow, and the seconds that each cause limited it."""

    def __init__(self) -> None:
        self.index = KeyIndex()
        """Row of each flow in the columns."""
        self._columns: dict[str, Array] = {}
        self.limited = np.empty((0, len(CAUSES)))
        """Seconds of each of `CAUSES`."""
        self.told = np.empty((0, len(CAUSES)), bool)
        """True for those that were known at some time."""

    def column(self, name: str) -> Array:
        """Give a column, an entry for each row."""
        return self._columns.get(name, np.empty(0, "i8"))

    def begin(self, flows: Flows) -> None:
        """Put in what was acknowledged before the selection."""
        rows = self.index.rows_of(flows["cookie"])
        self._columns[_BEFORE] = grown(self.column(_BEFORE), len(self.index)).astype("u8")
        self._columns[_BEFORE][rows] = flows["bytes_acked_seen"]

    def take(self, flows: Flows, since_ns: int) -> None:
        """Put in what is known now; it was so since `since_ns`, for as long as a flow lived."""
        closed = flows["closed_ns"]
        until = np.where(closed > 0, closed, flows.now_ns)
        seconds = np.maximum(until - np.maximum(flows["first_ns"], since_ns), 0) / 1e9
        rows = self.index.rows_of(flows["cookie"])
        self.limited = grown(self.limited, len(self.index))
        self._columns[_BEFORE] = grown(self.column(_BEFORE), len(self.index)).astype("u8")
        self.told = grown(self.told, len(self.index))
        shares = flows["limit_shares"]
        self.limited[rows] += np.nan_to_num(shares) * seconds[:, None]
        self.told[rows] |= ~np.isnan(shares)
        for name, column in flows.items():
            if name != "limit_shares":
                known = self._columns.get(name, np.empty(0, column.dtype))
                self._columns[name] = grown(known, len(self.index))
                self._columns[name][rows] = column


def _columns(known: _Newest, cookies: Keys, gathered: Gathered, span: Span, offset: int) -> Table:
    rows = known.index.lookup(cookies)

    def of(name: str) -> Array:
        return known.column(name)[rows]

    sums = gathered.of(cookies)
    silent = sums["records"] == 0
    no_cwnd = silent | (sums["cwnd_max"] == UNKNOWN["snd_cwnd"])
    ssthresh = of("ssthresh")
    closed, opened = of("closed_ns").astype("i8"), of("opened_ns").astype("i8")
    begin_ns = np.maximum(np.where(opened > 0, opened, sums["first_ns"]), span.first_ns)
    end_ns = np.where(closed > 0, closed, np.maximum(span.last_ns, sums["last_ns"]))
    seconds = np.maximum(end_ns - begin_ns, 0) / 1e9
    never = of("acked_sampled") == UNKNOWN["acked_sampled"]
    seen = of("bytes_acked_seen") - np.minimum(of("bytes_acked_seen"), of(_BEFORE))
    untold = never & (seen == 0)
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
    for name, when in (("opened", opened), ("closed", closed)):
        columns[name] = times(when + offset, when == 0)
    info_ns = np.where(sums["info_ns"] > 0, sums["info_ns"], of("sampled_ns").astype("i8"))
    probe_ns = np.maximum(sums["probe_ns"], of("last_ns").astype("i8"))
    columns |= {
        "duration_s": floats(seconds),
        "sampled_age_s": _age(np.where(never, 0, info_ns), end_ns),
        "event_age_s": _age(probe_ns, end_ns),
        "events": whole(sums["records"]),
        "acks": whole(of("events")),
        "bytes_acked": whole(of("acked_sampled"), never),
        "bytes_acked_seen": whole(seen, untold),
        "goodput": floats(
            np.where(untold | (seconds == 0), np.nan, seen / np.where(seconds > 0, seconds, 1))
        ),
    }
    for name, column in _WHOLE.items():
        columns[column] = whole(of(name), of(name) == 0 if name in _NOT_ZERO else None)
    measured = sums["acks_srtt"] == 0
    columns |= {
        "retransmits": whole(sums["retransmits"], np.full(len(rows), not gathered.probes_come)),
        "srtt_us_min": whole(sums["srtt_min"], measured),
        "srtt_us_mean": floats(
            np.where(measured, np.nan, sums["srtt_sum"] / np.maximum(sums["acks_srtt"], 1))
        ),
        "srtt_us_max": whole(sums["srtt_max"], measured),
    }
    quantiles = gathered.srtt.of(gathered.rows(cookies), _SHARES)
    for share, quantile in zip(_SHARES, quantiles, strict=True):
        within = np.clip(np.round(quantile), sums["srtt_min"], sums["srtt_max"])
        columns[f"srtt_us_p{share * 100:.0f}"] = whole(within)
    columns |= {
        "snd_cwnd_min": whole(sums["cwnd_min"], no_cwnd),
        "snd_cwnd_max": whole(sums["cwnd_max"], no_cwnd),
        "ssthresh": whole(ssthresh, (ssthresh == 0) | (ssthresh >= NO_SSTHRESH)),
        "in_flight_max": whole(sums["in_flight_max"], silent),
        **{name: whole(sums[name], sums["read"] == 0) for name in _READ},
    }
    for name in _COUNTED:
        columns[name] = whole(of(name), (of(name) == 0) & ~np.bool_(gathered.causes_come))
    columns["drop_reason"] = texts(of("drop_reason"))
    columns["subflow"] = without(named(of("subflow"), SUBFLOW_NAMES), of("subflow") == Subflow.NONE)
    columns |= {name: whole(of(name)) for name in _MPTCP}
    silent_ca = np.full(len(cookies), not gathered.ca_states_come)
    columns |= {
        "recovery_s": floats(np.where(silent_ca, np.nan, sums["recovery_ns"] / 1e9)),
        "loss_s": floats(np.where(silent_ca, np.nan, sums["loss_ns"] / 1e9)),
        "recoveries": whole(sums["recoveries"], silent_ca),
    }
    limited = known.limited[rows]
    limited[limited.sum(axis=1) == 0] = np.nan  # without two samples there is no verdict
    limited[~known.told[rows]] = np.nan
    for place, cause in enumerate(CAUSES):
        limits = "limited_" if BY_LIMIT[cause].by else ""
        columns[f"{limits}{LIMIT_NAMES[cause]}_s"] = floats(limited[:, place])
    return table(columns)


_NOT_ZERO = frozenset({"pid", "netns", "mss"})


def _age(when_ns: I64, end_ns: I64) -> Column:
    """Seconds from a moment to a flow's end, or that of the table; missing where it is 0."""
    return floats(np.where(when_ns > 0, np.maximum(end_ns - when_ns, 0) / 1e9, np.nan))
