"""Intake of samples: each value is the newest from any source."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import I64, U8, Array, Floats, Mask, among
from tcctui.flows.diagnosis.cause_shares import NUMBERS
from tcctui.flows.diagnosis.health import note_samples
from tcctui.flows.history.buckets import SERIES, Values
from tcctui.flows.history.marks import NO_KIND, OF_CA_STATE, OF_EVENT
from tcctui.flows.history.rate_log import RATES, WATCHED_NS
from tcctui.flows.index import Rows, grown
from tcctui.flows.intake.acked import GONE_SILENT_NS
from tcctui.flows.intake.latest import at_the_end, sampled
from tcctui.flows.intake.owners import kept_on
from tcctui.flows.intake.sockets import tuple_keys
from tcctui.flows.rows import FlowRows
from tcctui.wire.events import EventKind, Events
from tcctui.wire.many_values import values
from tcctui.wire.records import pick
from tcctui.wire.samples import (
    NO_QUEUE,
    End,
    Samples,
    alike,
    current_ssthresh,
    has_info,
    in_flight,
    is_known,
    newest,
    same_ends,
)
from tcctui.wire.tcp_states import WITHOUT_CONNECTION
from tcctui.wire.tracepoints import MarkKind

_LIVES = int(End.LIVES)
_CA_STATE, _RETRANSMIT = map(int, (EventKind.CA_STATE, EventKind.RETRANSMIT))


class SampleIntake:
    """Finds the row of a sample, and updates the values that no newer event has set.

    Used by one thread at a time.
    """

    def __init__(self, known: FlowRows) -> None:
        self._known = known
        self._state_ns = np.zeros(0, "i8")  # time of each row's last STATE event
        self._ca_state_ns = np.zeros(0, "i8")
        self._missed = np.zeros(0, bool)  # rows closed because their socket was not found
        self.ca_states_come = self.retransmits_come = False
        """True if there are events of these kinds, which make samples redundant for them."""
        known.add_part(self)

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        self._state_ns = grown(self._state_ns, rows)
        self._ca_state_ns = grown(self._ca_state_ns, rows)
        self._missed = grown(self._missed, rows)

    def forget(self, rows: Rows) -> None:
        """Reset the rows."""
        self._state_ns[rows] = self._ca_state_ns[rows] = 0
        self._missed[rows] = False

    @property
    def kept(self) -> Mapping[str, Array]:
        """State of each row, by name."""
        return {
            "state_ns": self._state_ns,
            "ca_state_ns": self._ca_state_ns,
            "missed": self._missed,
        }

    # Reported by events

    def state_told(self, rows: Rows, states: U8, when: I64) -> None:
        """Record the states that events report, the newest event of a row last."""
        newer = when > self._known.columns["sampled_ns"][rows]
        rows = rows[newer]
        self._known.columns["state"][rows] = states[newer]
        self._state_ns[rows] = when[newer]

    def ca_states_told(self, rows: Rows, events: Events) -> None:
        """Record CA_STATE events of rows, oldest first."""
        columns, when = self._known.columns, events["ts_ns"].astype("i8")
        states = events["newstate"]
        self._known.limits.by_events(rows, states, when)
        kinds = OF_CA_STATE[states]
        marked = kinds != NO_KIND
        self._known.marks.add(columns["cookie"][rows[marked]], when[marked], kinds[marked])
        newer = when > columns["sampled_ns"][rows]
        rows = rows[newer]
        columns["ca_state"][rows] = states[newer]
        self._ca_state_ns[rows] = when[newer]

    def ca_states_read(self, rows: Rows, states: U8, when: I64) -> None:
        """Record states that were read of the rows' sockets, where nothing newer told one."""
        columns = self._known.columns
        newer = when > np.maximum(columns["sampled_ns"][rows], self._ca_state_ns[rows])
        rows = rows[newer]
        columns["ca_state"][rows] = states[newer]
        self._ca_state_ns[rows] = when[newer]

    def kinds_come(self, kinds: U8) -> None:
        """Record which kinds of events arrive."""
        self.ca_states_come |= bool((kinds == _CA_STATE).any())
        self.retransmits_come |= bool((kinds == _RETRANSMIT).any())

    def marks_told(self, rows: Rows, events: Events) -> None:
        """Record RETRANSMIT events and resets of rows."""
        cookies = self._known.columns["cookie"][rows]
        self._known.marks.add(cookies, events["ts_ns"], OF_EVENT[events["kind"]])

    def show_newer(self, rows: Rows) -> None:
        """Restore the rows' values from their newest sample where it is newer."""
        columns = self._known.columns
        newer = columns["sampled_ns"][rows] > columns["last_ns"][rows]
        if newer.any():
            self._show(rows[newer], self._known.latest.of(rows[newer]))

    # Reported by samples

    def ingest(self, samples: Samples, now_ns: int) -> None:
        """Take in samples of any age, and advance to `now_ns`."""
        self._known.go_on(now_ns)
        ends = samples["end"]
        if not np.count_nonzero(ends):  # LIVES, all of them: the rule
            self._ingest_living(samples)
        else:
            self._ingest_living(pick(samples, ends == _LIVES))
            for end in (End.DESTROYED, End.GONE):
                self._ingest_ends(pick(samples, ends == end), end)
        self._known.tick()

    def _ingest_living(self, samples: Samples) -> None:
        if not len(samples):
            return
        rows = self._known.cookies.lookup(samples["sock_cookie"])
        if self._go_on(rows, samples):
            self._take(rows, samples)
        else:
            self._take(*self._sorted_out(samples))

    def _go_on(self, rows: Rows, samples: Samples) -> bool:
        """True if each sample is a newer one of another open flow than the rest are: the rule."""
        known, columns = self._known, self._known.columns
        cookies = np.sort(samples["sock_cookie"])
        if np.count_nonzero(rows < 0) or np.count_nonzero(cookies[1:] == cookies[:-1]):
            return False
        if np.count_nonzero(columns["closed_ns"][rows]):
            return False
        if np.count_nonzero(samples["ts_ns"].astype("i8") <= columns["sampled_ns"][rows]):
            return False
        return same_ends(known.latest.of(rows), samples)

    def _sorted_out(self, samples: Samples) -> tuple[Rows, Samples]:
        """The newest sample of each socket that is newer than what is known of it, and its row."""
        known, columns = self._known, self._known.columns
        samples = newest(samples)
        rows = known.cookies.lookup(samples["sock_cookie"])
        there = np.flatnonzero(rows >= 0)
        differ = np.zeros(len(rows), bool)
        differ[there] = known.endpoints.differ(rows[there], pick(samples, there))
        # A socket keeps its cookie when it is disconnected and reconnected.
        newer = np.ones(len(rows), bool)
        when = samples["ts_ns"][there].astype("i8")
        own = rows[there]
        closed = columns["closed_ns"][own]
        # A late sample of a closed flow still has its final values.
        late = (closed > 0) & (when <= closed) & ~differ[there] & ~self._missed[own]
        newer[there] = when > np.where(late, 0, closed)
        newer[there] &= when > columns["sampled_ns"][own]
        newer[there] &= (closed == 0) | differ[there] | self._missed[own] | late
        newer[there] &= ~differ[there] | (when > columns["last_ns"][own])
        if not newer.all():
            rows, samples, differ = rows[newer], pick(samples, newer), differ[newer]
        anew = differ & (rows >= 0)
        if anew.any():
            known.drop(rows[anew])
            rows[anew] = -1
        new = rows < 0
        if new.any():
            rows[new] = self._open(pick(samples, new))
        found = self._missed[rows]
        found &= samples["ts_ns"].astype("i8") > columns["closed_ns"][rows]
        if found.any():  # reopened: its namespace was out of sight
            columns["closed_ns"][rows[found]] = 0
            self._missed[rows[found]] = False
            known.sockets.learn(tuple_keys(pick(samples, found)), rows[found])
            known.changed()
        return rows, samples

    def _open(self, samples: Samples) -> Rows:
        known = self._known
        rows = known.open(samples["sock_cookie"], samples)
        known.endpoints.set(rows, samples)
        for name in ("sport", "dport", "family"):
            known.columns[name][rows] = samples[name]
        known.columns["rate"][rows] = np.nan
        known.sockets.learn(tuple_keys(samples), rows)
        return rows

    def _ingest_ends(self, samples: Samples, end: End) -> None:
        if not len(samples):
            return
        known, columns = self._known, self._known.columns
        samples = newest(samples)
        rows = known.cookies.lookup(samples["sock_cookie"])
        if known.window is not None and end == End.DESTROYED:
            self._open_unseen(rows, samples)
        there = rows >= 0
        rows, samples = rows[there], pick(samples, there)
        when = samples["ts_ns"].astype("i8")
        if end == End.DESTROYED:
            final = when > columns["sampled_ns"][rows]
            final &= ~known.endpoints.differ(rows, samples)
            before = known.latest.of(rows[final])
            self._take(rows[final], at_the_end(before, pick(samples, final)))
            over = np.ones(len(rows), bool)
        else:
            over = np.maximum(columns["last_ns"][rows], columns["sampled_ns"][rows]) <= when
        rows, when = rows[over], when[over]
        self._missed[rows] = (columns["closed_ns"][rows] == 0) & (end == End.GONE)
        if end == End.GONE:
            # Listeners, and half-open connections, which nobody closes.
            rowless = among(columns["state"][rows], np.array(WITHOUT_CONNECTION, "u1"))
            known.drop(rows[rowless])
            rows, when = rows[~rowless], when[~rowless]
        known.close(rows, when)
        known.sockets.forget(rows)
        known.changed()

    def _open_unseen(self, rows: Rows, samples: Samples) -> None:
        """Open rows of connections that nothing was seen of but their end; writes them to `rows`.

        No ACK of a short one need be seen in ESTABLISHED. Listeners and failed attempts are none.
        """
        known = self._known
        unseen = np.flatnonzero((rows < 0) & (samples["dport"] > 0) & has_info(samples))
        if not len(unseen):
            return
        ended = pick(samples, unseen)
        opened = known.sockets.opened_ns(tuple_keys(ended), ended["ts_ns"].astype("i8")) > 0
        opened |= (ended["bytes_acked"] > 0) | (ended["bytes_received"] > 0)
        if opened.any():
            rows[unseen[opened]] = self._open(pick(ended, opened))

    def _take(self, rows: Rows, samples: Samples) -> None:
        """Take in one newer sample for each row."""
        if not len(rows):
            return
        known, columns = self._known, self._known.columns
        seen_ns, when = columns["sampled_ns"][rows], samples["ts_ns"].astype("i8")
        last_ns, ca_state_ns = columns["last_ns"][rows], self._ca_state_ns[rows]
        read = values(samples, _READ)
        # Idle flows must not fill the memory: only what has changed gets into their history.
        silent = (when > last_ns + GONE_SILENT_NS) & (seen_ns > 0)
        before = self._series(rows) if np.count_nonzero(silent) else None
        old = known.latest.of(rows)
        samples = kept_on(samples, old)
        self._mark(rows, samples, old, last_ns, read)
        columns["sampled_ns"][rows] = when
        # Events of the same batch, which come first, may be later: of a whole chunk by seconds.
        columns["first_ns"][rows] = np.minimum(columns["first_ns"][rows], when)
        events_ns = np.maximum(np.maximum(last_ns, self._state_ns[rows]), ca_state_ns)
        if np.count_nonzero(events_ns > seen_ns) or not alike(old, samples):
            known.changed()
        known.latest.put(rows, samples)
        known.recent.add(rows, samples)
        acked = known.acked.by_samples(rows, samples)
        told = is_known(samples, "ca_state")
        told &= when > ca_state_ns
        _put(columns["ca_state"], rows, samples["ca_state"], told)
        _put(columns["mss"], rows, samples["snd_mss"], _is_of_the_path(columns["mss"][rows], read))
        shown = last_ns < when
        if np.count_nonzero(shown) == len(rows):
            self._show(rows, samples, read)
        else:
            self._show(rows[shown], pick(samples, shown))
        note_samples(columns, rows, samples, read)
        known.limits.by_samples(rows, samples, read)
        known.rate_log.add(samples, (seen_ns > 0) & (when - seen_ns <= WATCHED_NS), read)
        if before is not None:
            after = self._series(rows)
            changed = (acked > 0) | (before != after).any(axis=1)
            changed &= silent & (after[:, 0] > 0)
            if changed.any():
                from tcctui.flows.intake.sampled_history import Changes  # noqa: PLC0415 - not at start

                changes = Changes(
                    rows[changed],
                    before[changed],
                    after[changed],
                    acked[changed],
                    seen_ns[changed],
                    when[changed],
                    known.history.newest(rows[changed]),
                    columns["first_ns"][rows[changed]],
                )
                known.add_history(*changes.buckets(), keep=rows)

    def _series(self, rows: Rows) -> Values:
        return np.stack([self._known.columns[name][rows] for name in SERIES], axis=1)

    def _mark(
        self,
        rows: Rows,
        samples: Samples,
        old: Samples,
        last_ns: I64,
        read: Mapping[str, Floats],
    ) -> None:
        """Mark changes in samples, each newer than its row's last, that no event reports.

        `old` are the samples before, all zero where there is none.
        """
        known, columns = self._known, self._known.columns
        if not self.ca_states_come:
            kinds = OF_CA_STATE[samples["ca_state"]]
            entered = kinds != NO_KIND
            if np.count_nonzero(entered):
                entered &= (columns["sampled_ns"][rows] > 0) & is_known(samples, "ca_state")
                entered &= columns["ca_state"][rows] != samples["ca_state"]
                cookies = columns["cookie"][rows[entered]]
                known.marks.add(cookies, samples["ts_ns"][entered], kinds[entered])
        unseen = last_ns == 0
        if not self.retransmits_come and np.count_nonzero(unseen):
            more = read["total_retrans"] - sampled(old, "total_retrans")
            sent = (columns["sampled_ns"][rows] > 0) & (more > 0) & unseen
            cookies = columns["cookie"][rows[sent]]
            kinds = np.full(len(cookies), MarkKind.RETRANSMIT, "u1")
            known.marks.add(cookies, samples["ts_ns"][sent], kinds, more[sent])

    def _show(self, rows: Rows, samples: Samples, read: Mapping[str, Floats] | None = None) -> None:
        """Write the values of samples into the columns, one sample for each row.

        `read` has their `_READ`, if they were read.
        """
        columns = self._known.columns
        when = samples["ts_ns"].astype("i8")
        living = (columns["closed_ns"][rows] == 0) & (when > self._state_ns[rows])
        _put(columns["state"], rows, samples["state"], living)
        there = has_info(samples)
        if np.count_nonzero(there) < len(rows):
            rows, samples, read = rows[there], pick(samples, there), None
        read = values(samples, _READ) if read is None else read
        for name, column in _SHOWN.items():
            _put(columns[column], rows, samples[name], ~np.isnan(read[name]))
        flying = in_flight(samples, read["notsent_bytes"])
        _put(columns["in_flight"], rows, flying, samples["wqueue"] != NO_QUEUE)
        told = ~np.isnan(read["snd_cwnd"])
        _put(columns["ssthresh"], rows, current_ssthresh(samples), told)


def _is_of_the_path(mss: Array, read: Mapping[str, Floats]) -> Mask:
    """True where a sampled mss is that of full segments; `mss` is the one known so far.

    tcp_bound_to_half_wnd (include/net/tcp.h): the kernel's own one shrinks to half of a tiny window
    of the peer, so that all bytes in flight would be segments of a few bytes. Less than before it
    is otherwise only where the path's MTU became too small for the one before.
    """
    sampled, pmtu = read["snd_mss"], read["pmtu"]
    fits = np.where(np.isnan(pmtu), sampled < _LEAST_MSS, mss + _LEAST_HEADERS <= pmtu)
    return ~np.isnan(sampled) & ((sampled >= mss) | ~fits)


_LEAST_MSS = 536
"""TCP_MSS_DEFAULT (include/net/tcp.h)."""

_LEAST_HEADERS = 40
"""Bytes of an IPv4 header and a TCP header without options."""


def _put(column: Array, rows: Rows, values: Array, which: Mask) -> None:
    """Write some of the rows' values into a column."""
    if np.count_nonzero(which) < len(rows):
        rows, values = rows[which], values[which]
    column[rows] = values


_SHOWN = {
    "snd_cwnd": "snd_cwnd",
    "rtt": "srtt_us",
    "snd_wnd": "snd_wnd",
    "rcv_wnd": "rcv_wnd",
}

_READ = frozenset({*_SHOWN, "snd_mss", "pmtu", "total_retrans", *NUMBERS, *RATES})
"""Fields of a sample that taking it in reads."""
