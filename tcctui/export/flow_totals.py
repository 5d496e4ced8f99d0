"""Totals of each flow, summed while a recording is read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import I64, Array, Indexes, Records
from tcctui.export.srtt_quantiles import SrttQuantiles
from tcctui.flows.history.buckets import run_starts
from tcctui.flows.index import KeyIndex, Keys, Rows, grown
from tcctui.wire.events import RECOVERY, CaState, EventKind, Events
from tcctui.wire.records import pick
from tcctui.wire.samples import End, Samples, has_info, value

_FIELDS = {
    "records": "i8",  # tcp_probe events that are in the recording
    "acks_srtt": "i8",  # ACKs that they stand for, of those that have an srtt
    "acks_counted": "i8",  # the newest count of ACKs
    "srtt_sum": "f8",
    "srtt_min": "i8",
    "srtt_max": "i8",
    "cwnd_min": "i8",
    "cwnd_max": "i8",
    "in_flight_max": "i8",
    "retransmits": "i8",
    "first_ns": "i8",
    "last_ns": "i8",
    "recovery_ns": "i8",
    "loss_ns": "i8",
    "recoveries": "i8",
    "info_ns": "i8",  # of the newest sample with TCP_INFO
    "probe_ns": "i8",  # of the newest tcp_probe event
    "read": "i8",  # times that its socket was read
    "in_flight_packets_min": "i8",
    "in_flight_packets_max": "i8",
    "reordering_max": "i8",
    "lost_total": "i8",
}
_NEVER = np.iinfo("i8").max
_LEAST = frozenset({"srtt_min", "cwnd_min", "first_ns", "in_flight_packets_min"})

_OF_SOCKETS = {
    "in_flight_packets_min": "in_flight_min",
    "in_flight_packets_max": "in_flight_max",
    "reordering_max": "reordering",
    "lost_total": "lost",
}
"""Extremes over what was read of sockets, and the member of `inside.INSIDE` that each is of."""

_STATE = np.dtype([("cookie", "u8"), ("ns", "i8"), ("state", "u1")])


class Gathered:
    """Sums and extremes of each flow; in microseconds, segments, bytes."""

    def __init__(self) -> None:
        self._rows = KeyIndex()
        self._columns = {name: np.zeros(0, kind) for name, kind in _FIELDS.items()}
        self.srtt = SrttQuantiles()
        """Quantiles of srtt, by the rows of `rows`."""
        self._states = np.zeros(0, _STATE)  # the newest of each flow with a known one
        self.ca_states_come = False
        """True if any event reported a state of congestion control."""
        self.causes_come = False
        """True if any event has what causes of retransmissions are known by, or is a drop."""
        self.probes_come = False
        """True if there was any tcp_probe event: retransmits are reported, too."""

    def add(self, events: Events, samples: Samples) -> None:
        """Add events and samples in any order; each event has its cookie, or 0."""
        events = pick(events, events["sock_cookie"] > 0)
        events = pick(events, np.argsort(events["sock_cookie"], kind="stable"))
        if len(events):
            self._add_events(events)
        samples = pick(samples, (samples["sock_cookie"] > 0) & (samples["end"] != End.GONE))
        if len(samples):
            samples = pick(samples, np.argsort(samples["sock_cookie"], kind="stable"))
            self._span(samples)
            told = pick(samples, has_info(samples))
            if len(told):
                self._newest("info_ns", told)
        self._add_states(events, samples)

    def add_sockets(self, sockets: Records) -> None:
        """Add what was read of sockets (`inside.INSIDE`), in any order."""
        if not len(sockets):
            return
        sockets = pick(sockets, np.argsort(sockets["sock_cookie"], kind="stable"))
        starts = run_starts(sockets["sock_cookie"])
        rows = self._rows_of(sockets["sock_cookie"][starts])
        self._columns["read"][rows] += np.diff(np.append(starts, len(sockets)))
        for name, member in _OF_SOCKETS.items():
            self._extreme(name, rows, sockets[member], starts)

    def _add_events(self, events: Events) -> None:
        self._span(events)
        kinds = events["kind"]
        probes = pick(events, kinds == EventKind.PROBE)
        if len(probes):
            self.probes_come = True
            self._add_probes(probes)
        sent = pick(events, kinds == EventKind.RETRANSMIT)
        self._count_in("retransmits", sent)
        if not self.causes_come:
            told = np.isin(kinds, (EventKind.RETRANSMIT, EventKind.CA_STATE))
            self.causes_come = bool(pick(events, told).view(RECOVERY)["known"].any())
            self.causes_come |= bool((kinds == EventKind.DROP).any())

    def _add_probes(self, probes: Events) -> None:
        columns = self._columns
        starts = run_starts(probes["sock_cookie"])
        rows = self._rows_of(probes["sock_cookie"][starts])
        srtt = probes["srtt"].astype("i8")
        measured = srtt > 0
        acks = self._acks(probes, rows, starts) * measured
        least = np.where(probes["srtt_min"] > 0, probes["srtt_min"].astype("i8"), _NEVER)
        columns["records"][rows] += np.diff(np.append(starts, len(probes)))
        columns["acks_srtt"][rows] += np.add.reduceat(acks, starts)
        columns["srtt_sum"][rows] += np.add.reduceat(srtt * acks, starts)
        of = np.repeat(rows, np.diff(np.append(starts, len(probes))))
        self.srtt.add(of[measured], srtt[measured], acks[measured])
        self._newest("probe_ns", probes)
        self._extreme("srtt_min", rows, least, starts)
        self._extreme("srtt_max", rows, probes["srtt_max"], starts)
        self._extreme("cwnd_min", rows, probes["snd_cwnd_min"], starts)
        self._extreme("cwnd_max", rows, probes["snd_cwnd_max"], starts)
        self._extreme("in_flight_max", rows, probes["in_flight_max"], starts)

    def _acks(self, probes: Events, rows: Rows, starts: Indexes) -> I64:
        """Number of ACKs that each event stands for; see `events.EVENT`.

        `rows` are the flows', which begin at `starts`.
        """
        counted = probes["acks"].astype("i8")
        before = np.append(0, counted[:-1])
        before[starts] = self._columns["acks_counted"][rows]
        last = np.append(starts[1:], len(probes)) - 1
        self._columns["acks_counted"][rows] = counted[last]
        acks = np.where(before > 0, (counted - before) & 0xFFFFFFFF, 1)
        return np.where(counted == 0, 1, np.where(probes["begun"] > 0, counted, acks))

    def _newest(self, name: str, records: Events | Samples) -> None:
        starts = run_starts(records["sock_cookie"])
        rows = self._rows_of(records["sock_cookie"][starts])
        self._extreme(name, rows, records["ts_ns"], starts)

    def _span(self, records: Events | Samples) -> None:
        starts = run_starts(records["sock_cookie"])
        rows = self._rows_of(records["sock_cookie"][starts])
        self._extreme("first_ns", rows, records["ts_ns"], starts)
        self._extreme("last_ns", rows, records["ts_ns"], starts)

    def _extreme(self, name: str, rows: Rows, values: Array, starts: Indexes) -> None:
        column = self._columns[name]
        reduce = np.minimum if name in _LEAST else np.maximum
        column[rows] = reduce(column[rows], reduce.reduceat(values.astype("i8"), starts))

    def _count_in(self, name: str, events: Events) -> None:
        cookies, counts = np.unique(events["sock_cookie"], return_counts=True)
        self._columns[name][self._rows_of(cookies)] += counts

    def _add_states(self, events: Events, samples: Samples) -> None:
        """Add states of congestion control: from samples, only the first of each flow."""
        told = pick(events, events["kind"] == EventKind.CA_STATE)
        self.ca_states_come |= len(told) > 0
        entered = np.zeros(len(told), _STATE)
        entered["cookie"], entered["ns"] = told["sock_cookie"], told["ts_ns"]
        entered["state"] = told["newstate"]
        self._count_in("recoveries", pick(told, told["newstate"] == CaState.RECOVERY))
        states = value(samples, "ca_state")
        new = ~np.isnan(states) & ~np.isin(samples["sock_cookie"], self._states["cookie"])
        new[np.setdiff1d(np.arange(len(samples)), run_starts(samples["sock_cookie"]))] = False
        sampled = np.zeros(int(new.sum()), _STATE)
        sampled["cookie"], sampled["ns"] = samples["sock_cookie"][new], samples["ts_ns"][new]
        sampled["state"] = states[new]
        # A sample of a flow with state events is not its first state.
        self._go_on(np.concatenate([self._states, sampled, entered]))

    def _go_on(self, states: Records) -> None:
        states = states[np.lexsort((states["ns"], states["cookie"]))]
        if not len(states):
            return
        same = states["cookie"][1:] == states["cookie"][:-1]
        self._spend(states[:-1][same], states["ns"][1:][same])
        self._states = states[np.append(~same, True)]

    def _spend(self, states: Records, until_ns: I64) -> None:
        for name, state in (("recovery_ns", CaState.RECOVERY), ("loss_ns", CaState.LOSS)):
            spent = states["state"] == state
            rows = self._rows_of(states["cookie"][spent])
            np.add.at(self._columns[name], rows, until_ns[spent] - states["ns"][spent])

    def finish(self, end_ns: int, index: KeyIndex, closed_ns: I64) -> None:
        """Extend the last state of each flow until it closed, or to the end.

        `closed_ns` has an entry for each row of `index`, 0 while the flow is open.
        """
        closed = np.append(closed_ns, 0)[index.lookup(self._states["cookie"])]
        until = np.where(closed > 0, closed, end_ns)
        self._spend(self._states, np.maximum(until, self._states["ns"]))

    def of(self, cookies: Keys) -> Mapping[str, Array]:
        """Columns of these flows; see `_FIELDS`. Minima are 0 without values."""
        rows = self._rows_of(cookies)
        found = {name: column[rows] for name, column in self._columns.items()}
        for name in _LEAST:
            found[name] = np.where(found[name] == _NEVER, 0, found[name])
        return found

    def rows(self, cookies: Keys) -> Rows:
        """Row of each flow."""
        return self._rows_of(cookies)

    @property
    def cookies(self) -> Keys:
        """Cookies of the flows with any record, ascending."""
        return self._rows.keys

    def _rows_of(self, cookies: Keys) -> Rows:
        rows, before = self._rows.rows_of(cookies), len(self._columns["records"])
        if len(self._rows) > before:
            room = max(1024, 2 * len(self._rows))
            self._columns = {name: grown(column, room) for name, column in self._columns.items()}
            for name in _LEAST:
                self._columns[name][before:] = _NEVER
        return rows
