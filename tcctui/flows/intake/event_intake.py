"""Intake of events."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcctui.arrays import I64, U32, U64, Mask, distinct
from tcctui.flows.diagnosis.ack_evidence import Newest
from tcctui.flows.diagnosis.health import note_events
from tcctui.flows.history.marks import NO_KIND, OF_EVENT
from tcctui.flows.index import Rows
from tcctui.flows.intake.acked import GONE_SILENT_NS
from tcctui.flows.intake.owners import owners_of
from tcctui.flows.intake.probe_batch import LAST_FIELDS, SOCKET_FIELDS, ProbeBatch, by_flow
from tcctui.flows.intake.retransmissions import count_causes, count_undone
from tcctui.flows.intake.sample_intake import SampleIntake
from tcctui.flows.intake.sockets import last_before, socket_keys
from tcctui.flows.rows import FlowRows
from tcctui.wire.events import OWNED, EventKind, Events, TcpState
from tcctui.wire.records import joined, pick

_ESTABLISHED = int(TcpState.ESTABLISHED)
_PROBE, _STATE, _DESTROY, _RETRANSMIT, _CA_STATE, _DROP = map(
    int,
    (
        *(EventKind.PROBE, EventKind.STATE, EventKind.DESTROY),
        *(EventKind.RETRANSMIT, EventKind.CA_STATE, EventKind.DROP),
    ),
)
_AT_ONCE = 8192
"""Events taken in at a time, about, of a store without histories, as an agent's."""

_LONGEST_NS = 30_000_000_000  # half of what the recent history holds


class EventIntake:
    """Finds the row of an event, and updates it.

    `looks` has the samples of the rows. Used by one thread at a time.
    """

    def __init__(self, known: FlowRows, looks: SampleIntake) -> None:
        self._known = known
        self._looks = looks
        self._opened: list[tuple[Events, Rows]] = []  # first events of rows made for this batch

    def ingest(self, events: Events, now_ns: int) -> None:
        """Take in a batch that `parts` has cut, and advance to `now_ns`."""
        known = self._known
        known.go_on(now_ns)
        known.acked.end_of_batch()
        self._opened.clear()
        kinds = events["kind"]
        if not np.count_nonzero(kinds):  # PROBE, all of them: the rule
            if len(events):
                self._ingest_probes(events)
            known.tick()
            return
        probes = pick(events, kinds == _PROBE)
        states = pick(events, kinds == _STATE)
        known.sockets.opened(pick(states, states["newstate"] == _ESTABLISHED))
        owned = pick(states, states.view(OWNED)["pid"] > 0)
        ends = pick(events, kinds == _DESTROY)
        known.owners.told(owned, ends)
        if len(probes):
            self._ingest_probes(probes)
        known.events += len(events) - len(probes)
        self._looks.kinds_come(kinds)
        self._ingest_ca_states(pick(events, kinds == _CA_STATE))
        self._ingest_marks(pick(events, OF_EVENT[kinds] != NO_KIND))
        drops = pick(events, kinds == _DROP)
        if len(drops):
            self._ingest_drops(drops)
        destroyed = self._ingest_destroys(ends)
        if len(owned):
            self._ingest_owners(owned)
        self._ingest_states(states)
        known.sockets.forget(destroyed)
        known.tick()

    def _ingest_probes(self, events: Events) -> None:
        # Where there are histories, room in them is made for all of a batch.
        for batch in by_flow(events, 0 if self._known.history.pages.total else _AT_ONCE):
            self._ingest_batch(batch)

    def _ingest_batch(self, batch: ProbeBatch) -> None:
        known, columns = self._known, self._known.columns
        events = batch.events
        rows = known.cookies.lookup(batch.cookies)
        new = rows < 0
        any_new = bool(np.count_nonzero(new))
        closed = np.zeros(len(rows), "i8")
        there = ~new if any_new else slice(None)
        closed[there] = columns["closed_ns"][rows[there]]
        any_closed = bool(np.count_nonzero(closed))
        if any_closed and self._begin_anew(batch, closed):
            return
        if any_new:
            first = pick(events, batch.first[new])
            rows[new] = known.open(batch.cookies[new], first)
            self._opened.append((first, rows[new]))
        last_ns = columns["last_ns"][rows]
        told = last_ns > 0
        last = batch.newest
        moved = known.endpoints.moved(rows, last, batch.ends)
        una = columns["snd_una"][rows]
        unlearnt = moved | ~told
        if np.count_nonzero(unlearnt):
            una[~told] = events["snd_una"][batch.first[~told]]
            self._learn(rows, batch, last, una, moved=moved, new=new, told=told)
        when = events["ts_ns"]
        acked = known.acked.by_events(rows, batch.acked(una), batch.first, batch.last, when)
        self._leave_out_the_untold(batch, rows, acked, when[batch.first].astype("i8"), last_ns)
        newest = Newest(*(columns[name][rows] for name in Newest._fields))
        known.limits.acks.by_events(rows, events, batch.first, last, newest)
        for field, column in LAST_FIELDS.items():
            columns[column][rows] = last[field]
        columns["in_flight"][rows] = last["snd_nxt"] - last["snd_una"]
        note_events(columns, rows, events, batch.first)
        living = rows[closed == 0] if any_closed else rows  # for others, it is a late event
        columns["state"][living] = _ESTABLISHED
        columns["last_ns"][rows] = last["ts_ns"]
        counted = columns["acks"][rows]
        if any_new:
            counted[new] = 0
        acks = batch.acks(counted)
        columns["acks"][rows] = batch.told(counted)
        columns["events"][rows] += acks
        known.events += int(acks.sum())
        self._looks.show_newer(rows)
        bucket_rows, buckets = batch.buckets(rows, known.history.newest(rows), acked)
        known.limits.acks.by_buckets(bucket_rows, buckets)
        known.add_history(bucket_rows, buckets, keep=rows)

    def _learn(
        self,
        rows: Rows,
        batch: ProbeBatch,
        last: Events,
        una: U32,
        *,
        moved: Mask,
        new: Mask,
        told: Mask,
    ) -> None:
        """Learn the sockets of rows that have none yet, or `moved`; `una` begins anew with those.

        All arrays have an entry for each row; `told` are those that had an event before.
        """
        known, events = self._known, batch.events
        if moved.any():
            begun = moved & told & known.endpoints.differ(rows, pick(events, batch.first))
            una[begun] = events["snd_una"][batch.first[begun]]
            known.endpoints.set(rows[moved], pick(last, moved))
            again = moved & ~new
            known.connected_anew(rows[again])
            known.set_birth(rows[again], pick(last, again))
        # A socket sampled before its first event is known by its addresses alone.
        unlearnt = moved | ~told
        rows, last = rows[unlearnt], pick(last, unlearnt)
        known.sockets.forget(rows)
        for name in SOCKET_FIELDS:
            known.columns[name][rows] = last[name]
        self._learn_sockets(rows, last)

    def _leave_out_the_untold(
        self, batch: ProbeBatch, rows: Rows, acked: U64, first_ns: I64, last_ns: I64
    ) -> None:
        """Remove from the first events' steps what was acknowledged while no events came.

        One ACK acknowledges no more than was in flight. The excess, after a gap without events (the
        kernel's filter was different), was not acknowledged at this moment, but over an unknown
        time. The batch's `first_ns` and the rows' `last_ns` are of the events beside that gap.
        """
        untold = (last_ns > 0) & (first_ns - last_ns > GONE_SILENT_NS)
        if not np.count_nonzero(untold):
            return
        columns, events = self._known.columns, batch.events
        untold &= first_ns - columns["sampled_ns"][rows] > GONE_SILENT_NS
        if not untold.any():
            return
        count = events["acks"][batch.first]
        untold &= (count == 0) | (count - columns["acks"][rows] == 1)
        places, rows = batch.first[untold], rows[untold]
        in_flight = columns["snd_nxt"][rows] - columns["snd_una"][rows]
        beyond = acked[places] - np.minimum(acked[places], in_flight)
        acked[places] -= beyond
        self._known.rates.leave_out(rows, beyond)

    def _begin_anew(self, batch: ProbeBatch, closed_ns: I64) -> bool:
        """Take in a batch with events from after the end of their flows; False for any other.

        `closed_ns` is when each of the batch's flows ended, or 0. Those flows are dropped: later
        events belong to the cookie's next connection.
        """
        events = batch.events
        closed = closed_ns[np.searchsorted(batch.cookies, events["sock_cookie"])]
        anew = (closed > 0) & (events["ts_ns"].astype("i8") > closed)
        if not anew.any():
            return False
        if not anew.all():
            self._ingest_batch(ProbeBatch(pick(events, ~anew)))
        over = self._known.cookies.lookup(distinct(events["sock_cookie"][anew]))
        self._known.drop(over[over >= 0])  # it may have been evicted just now
        self._ingest_batch(ProbeBatch(pick(events, anew)))
        return True

    def _learn_sockets(self, rows: Rows, events: Events) -> None:
        # Of several sockets that shared an address, one after the other, it is the last one's.
        order = np.argsort(events["ts_ns"], kind="stable")
        self._known.sockets.learn(socket_keys(events)[order], rows[order])

    def _ingest_destroys(self, events: Events) -> Rows:
        rows = self._known.cookies.lookup(events["sock_cookie"])
        known = rows >= 0
        rows, events = rows[known], pick(events, known)
        when = events["ts_ns"].astype("i8")
        # The socket of a row that samples made is known by its address in the kernel only now.
        self._known.latest.own(rows, self._known.owners.of(events["skaddr"], when - 1))
        self._known.latest.own(rows, owners_of(events))
        self._known.close(rows, when)
        return rows

    def _ingest_states(self, events: Events) -> None:
        rows, events = self._of_their_rows(events)
        columns = self._known.columns
        living = columns["closed_ns"][rows] == 0
        rows, events = rows[living], pick(events, living)
        self._looks.state_told(rows, events["newstate"], events["ts_ns"].astype("i8"))

    def _ingest_ca_states(self, events: Events) -> None:
        rows, events = self._of_their_rows(events)
        self._looks.ca_states_told(rows, events)
        if len(rows):
            count_undone(self._known, rows, events)

    def _ingest_marks(self, events: Events) -> None:
        rows, events = self._of_their_rows(events)
        self._looks.marks_told(rows, events)
        sent = events["kind"] == _RETRANSMIT
        if np.count_nonzero(sent):
            count_causes(self._known, rows[sent], pick(events, sent))

    def _ingest_drops(self, events: Events) -> None:
        from tcctui.flows.intake.drops import count_drops  # noqa: PLC0415 - rarely needed

        count_drops(self._known, events)

    def _ingest_owners(self, events: Events) -> None:
        known = self._known
        rows, told = self._of_their_rows(events)
        known.latest.own(rows, owners_of(told))
        if self._opened:
            # An address may be another socket's by the end of the batch.
            first = joined([first for first, _ in self._opened])
            opened = np.concatenate([rows for _, rows in self._opened])
            when, asked_ns = (part["ts_ns"].astype("i8") for part in (first, events))
            place = last_before(first["skaddr"], when, events["skaddr"], asked_ns)
            found = (place >= 0) & (events["skaddr"] != 0)
            known.latest.own(opened[place[found]], owners_of(pick(events, found)))

    def _of_their_rows(self, events: Events) -> tuple[Rows, Events]:
        """Join lifecycle events, of which few carry a cookie; gives the rows, and their events."""
        columns = self._known.columns
        rows = self._known.cookies.lookup(events["sock_cookie"])
        unknown = rows < 0
        rows[unknown] = self._known.sockets.rows(pick(events, unknown))
        when = events["ts_ns"].astype("i8")
        # An address may belong to another socket by now: an event from before a row's first is not
        # row's, nor is one from after its end.
        known = rows >= 0
        closed = np.zeros(len(rows), "i8")
        closed[known] = columns["closed_ns"][rows[known]]
        known[known] = when[known] >= columns["first_ns"][rows[known]]
        known &= (closed == 0) | (when <= closed)
        return rows[known], pick(events, known)


def parts(events: Events) -> Iterator[Events]:
    """Cut a batch so that no part is long, nor contains a cookie's reuse after its end.

    A part spans 30 s at most. An empty batch is one part.
    """
    if len(events) > 1:
        when = events["ts_ns"]
        if int(when.max()) - int(when.min()) > _LONGEST_NS:
            for half in np.array_split(events, 2):
                yield from parts(half)
            return
    while np.count_nonzero(events["kind"]) and (place := _first_reuse(events)):
        yield events[:place]
        events = events[place:]
    yield events


def _first_reuse(events: Events) -> int:
    """Index of the first tcp_probe event of a socket whose end precedes it; 0 if there is none."""
    ends = np.flatnonzero(events["kind"] == _DESTROY)
    probes = np.flatnonzero(events["kind"] == _PROBE)
    if not len(ends) or not len(probes):
        return 0
    cookies, first = np.unique(events["sock_cookie"][ends], return_index=True)
    found = np.searchsorted(cookies, events["sock_cookie"][probes])
    found[found == len(cookies)] = 0
    end = ends[first[found]]
    again = cookies[found] == events["sock_cookie"][probes]
    again &= (probes > end) & (events["ts_ns"][probes] > events["ts_ns"][end])
    return int(probes[again][0]) if again.any() else 0
