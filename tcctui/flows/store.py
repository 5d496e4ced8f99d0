"""Store of all flows: one thread adds batches of events, others take snapshots."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from copy import copy, deepcopy
from typing import TYPE_CHECKING

import numpy as np

from tcctui.arrays import Array, Floats, Records
from tcctui.flows.columns import BBR_MODE, INSIDE, READ, SAMPLED, nothing_read
from tcctui.flows.derived import complete, needs
from tcctui.flows.diagnosis.health import LATE_NS
from tcctui.flows.diagnosis.recent_limits import LOOKED_AT
from tcctui.flows.frame import THIS_HOST, FlowKey, Frame, FrameRequest, Sparkline, cut
from tcctui.flows.history.buckets import BUCKET_NS, LAST, MAX, MIN, SERIES, STAMP, WIDTH, Buckets
from tcctui.flows.history.detail import RECENT_BUCKETS
from tcctui.flows.history.host_seconds import HostPast, HostSeconds
from tcctui.flows.history.marks import laid
from tcctui.flows.history.rate_log import acked_rate
from tcctui.flows.history.time_grid import TimeGrid
from tcctui.flows.index import Keys, Rows
from tcctui.flows.intake.recent_counters import WEIGHTS, WINDOWS
from tcctui.flows.intake.sample_intake import SampleIntake
from tcctui.flows.rows import MOST_CLOSED, FlowRows
from tcctui.flows.snapshot import FlowHistory, Flows, Totals
from tcctui.right_of_way import give_way
from tcctui.wire.batch import Batch
from tcctui.wire.events import Events
from tcctui.wire.inside import NO_INSIDES, Insides
from tcctui.wire.many_values import values
from tcctui.wire.records import pick
from tcctui.wire.samples import SOCKET, Samples
from tcctui.wire.tracepoints import MarkKind

if TYPE_CHECKING:
    from tcctui.flows.history.resample import Lived
    from tcctui.flows.history.window import Ended, Window
    from tcctui.flows.intake.event_intake import EventIntake
    from tcctui.flows.keyframe.keyframe import Keyframe

HISTORY_MEMORY = 72 << 20
"""Default memory budget of histories in bytes."""

LONGEST_RECENT = RECENT_BUCKETS * BUCKET_NS / 1e9
"""Seconds that are kept in the detail of `BUCKET_NS`."""

OF_TIME = frozenset({*LOOKED_AT, *WINDOWS, *WEIGHTS.values(), "timeouts_10s"})
"""Columns of a flow's last seconds: unknown some seconds after its last sample."""

_AT_A_TIME = 4096
"""Samples taken in per lock: a few milliseconds."""

_FEW = 256
"""Flows whose samples are copied whole: that is dearer than to copy a field, but not each field."""


class Store:
    """State of every flow. All methods may be called from any thread.

    `history_memory` is the budget for histories, in bytes; with 0 there are none. Of the flows that
    closed in the last 10 s, the `most_closed` newest are known. `seconds` keeps the totals of all,
    `window` what happened to each since the last `end_of_window`.
    """

    def __init__(
        self,
        history_memory: int = HISTORY_MEMORY,
        most_closed: int = MOST_CLOSED,
        seconds: HostSeconds | None = None,
        window: Window | None = None,
    ) -> None:
        # A frame holds it while it makes its reads, which take it too.
        self._lock = threading.RLock()
        self._known = FlowRows(history_memory, most_closed, seconds, window)
        if window is not None:
            window.copy = self._copy
        self._looks = SampleIntake(self._known)
        self._intake: EventIntake | None = None  # from the first event on

    def take(self, batch: Batch) -> None:
        """Take in a batch, its events first, and let time go on to its `now_ns`."""
        self.ingest(batch.events, batch.now_ns)
        for samples in batch.samples:
            self.ingest_samples(samples, batch.now_ns)
        if batch.insides is not NO_INSIDES:
            self.ingest_insides(batch.insides)
        with self._lock:
            self._known.acked.end_of_batch()

    def ingest(self, events: Events, now_ns: int) -> None:
        """Take in a batch of events, oldest first, and advance to `now_ns`.

        `now_ns` is the time on the events' own clock (`Source.now_ns`). An empty batch is useful:
        it lets closed flows leave and rates fall.
        """
        if not len(events):
            give_way()
            with self._lock:
                self._known.go_on(now_ns)
                self._known.tick()
            return
        from tcctui.flows.intake.event_intake import EventIntake, parts  # noqa: PLC0415 - not at start

        for part in parts(events):
            give_way()
            with self._lock:
                if self._intake is None:
                    self._intake = EventIntake(self._known, self._looks)
                self._intake.ingest(part, now_ns)
                self._known.changed()

    def ingest_samples(self, samples: Samples, now_ns: int) -> None:
        """Take in samples in any order, and advance to `now_ns`, as `ingest` does.

        They are joined with events by the socket's cookie. Unknown open sockets become flows.
        """
        for at in range(0, max(1, len(samples)), _AT_A_TIME):
            give_way()
            with self._lock:
                self._looks.ingest(samples[at : at + _AT_A_TIME], now_ns)

    def ingest_insides(self, insides: Insides) -> None:
        """Take in what was read of sockets with their events, behind those."""
        with self._lock:
            self._known.read_inside().ingest(insides, self._known, self._looks)
            self._known.changed()

    def insides(self, cookie: int) -> Insides:
        """Give what was read of late of a flow that is held (`hold`), oldest first.

        It is of its socket and of its algorithm, a limited number of each.
        """
        with self._lock:
            inside = self._known.inside
            return NO_INSIDES if inside is None else inside.recent.of(cookie)

    def sockets(self, cookies: Keys) -> Records:
        """Keys for sampling these flows: a `SOCKET` for each, in the order given.

        Unknown and closed flows are left out.
        """
        with self._lock:
            columns = self._known.columns
            rows = self._known.cookies.lookup(np.asarray(cookies, "u8"))
            rows = rows[rows >= 0]
            rows = rows[columns["closed_ns"][rows] == 0]
            found = np.zeros(len(rows), SOCKET)
            found["sock_cookie"] = columns["cookie"][rows]
            for name in ("sport", "dport", "family"):
                found[name] = columns[name][rows]
            found["ifindex"] = self._known.latest.of(rows)["ifindex"]
            for name in ("saddr", "daddr"):
                found[name][:, 0] = columns[f"{name}_hi"][rows]
                found[name][:, 1] = columns[f"{name}_lo"][rows]
        return found

    def whose(self, events: Events) -> Keys:
        """Flow of each event: by its own cookie, or its socket; 0 if unknown."""
        cookies: Keys = events["sock_cookie"].copy()
        unknown = np.flatnonzero(cookies == 0)
        if len(unknown):
            with self._lock:
                rows = self._known.sockets.rows(pick(events, unknown))
                there = rows >= 0
                cookies[unknown[there]] = self._known.columns["cookie"][rows[there]]
        return cookies

    def hold(self, cookies: Iterable[int]) -> None:
        """Keep these flows, even closed ones, until the next call."""
        with self._lock:
            self._known.held = np.array(list(cookies), "u8")

    def totals(self) -> Totals:
        """Counts since the start."""
        with self._lock:
            known = self._known
            return Totals(
                known.events,
                len(known.cookies),
                known.evicted,
                known.history.detail.seconds,
                known.event_rate.per_second,
            )

    def flows(self, names: Iterable[str]) -> Flows:
        """Copy some columns, of `FIELDS`, `SAMPLED` or `DERIVED`, of all flows.

        They are in the order of their cookies; `cookie` is always present.
        """
        with self._lock:
            return self._copy(self._known.cookies.rows, names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Copy some columns of these flows, in the order given; unknown ones are left out."""
        with self._lock:
            rows = self._known.cookies.lookup(cookies)
            return self._copy(rows[rows >= 0], names)

    def _copy(self, rows: Rows, names: Iterable[str]) -> Flows:
        names = frozenset({*names, "cookie"})
        read, told, inside = needs(names), frozenset[str](), self._known.inside
        if len(rows) <= _FEW:
            told = read & SAMPLED
            read = (read - SAMPLED) | {"sample"}
        copied = {name: self._column(name, rows) for name in read}
        if told and inside is not None:
            copied |= inside.newer(values(copied["sample"], told), rows)
        return complete(Flows(self._known.now_ns, copied), names)

    def _column(self, name: str, rows: Rows) -> Array:
        """One that follows from no others, or `text`, which is kept once it was made."""
        known = self._known
        if name == "text":
            return known.endpoints.searchable(rows)
        if name == "sample":
            return known.latest.of(rows)
        if name in SAMPLED:
            sampled = known.latest.column(rows, name)
            inside = known.inside
            return sampled if inside is None else inside.newer({name: sampled}, rows)[name]
        if name in INSIDE or name in READ or name == BBR_MODE:
            return self._inside(name, rows)
        if name in OF_TIME:
            return self._of_time(name, rows)
        return known.acked.sampled(rows) if name == "acked_sampled" else known.columns[name][rows]

    def _of_time(self, name: str, rows: Rows) -> Array:
        """One of `OF_TIME`."""
        known = self._known
        if name in LOOKED_AT:
            return LOOKED_AT[name](known.limits, rows, known.now_ns)
        if name == "timeouts_10s":
            cookies, since_ns = known.columns["cookie"][rows], max(known.now_ns - LATE_NS, 0)
            return known.marks.counts(MarkKind.RTO, cookies, since_ns, known.now_ns)
        return known.recent.column(rows, name, known.now_ns)

    def _inside(self, name: str, rows: Rows) -> Array:
        """One that is read of sockets."""
        if self._known.inside is None:
            return nothing_read(name, len(rows))
        return self._known.inside.column(name, rows)

    def frame(self, request: FrameRequest) -> Frame:
        """Copy all that is asked for, of one instant: nothing is taken in meanwhile."""
        with self._lock:
            return cut(self, request)

    def seconds(self, first_ns: int, last_ns: int) -> HostPast:
        """Totals of all flows in each second between two moments."""
        with self._lock:
            return self._known.seconds.between(first_ns, last_ns)

    @property
    def version(self) -> int:
        """Number of the last change; see `frame.Frame`."""
        return self._known.version

    def unchanged(self, frame: Frame) -> bool:
        """True if a frame, asked for in the same way, would show what this one shows."""
        return frame.holds(self._known.version, self._known.now_ns)

    def key(self, cookie: int) -> FlowKey:
        """Give the key of a flow of this machine: its own cookie."""
        return FlowKey(THIS_HOST, cookie)

    def end_of_window(self) -> Ended:
        """Give what happened since the last call, of a store with a window."""
        with self._lock:
            assert self._known.window is not None
            return self._known.window.end(self._known.cookies.rows)

    def keyframe(self) -> Keyframe:
        """Copy the present state without the histories."""
        from tcctui.flows.keyframe import checkpoint  # noqa: PLC0415 - behind the first rows

        with self._lock:
            return checkpoint.taken(self._known, self._looks)

    def restore(self, keyframe: Keyframe, cookies: Keys | None = None) -> None:
        """Start from a keyframe, with all of its flows or some; before anything was taken in.

        Raises:
            ValueError: it is of another version, or damaged.

        """
        from tcctui.flows.keyframe import checkpoint  # noqa: PLC0415

        with self._lock:
            checkpoint.restore(self._known, self._looks, keyframe, cookies)
            self._known.changed()

    def copy(self) -> Store:
        """Copy everything; the copies are independent.

        A few milliseconds, some MB: with histories of 50 flows, or none of 10,000.
        """
        twin = copy(self)
        twin._lock = threading.RLock()
        with self._lock:
            of_all = (self._known, self._looks, self._intake)
            twin._known, twin._looks, twin._intake = deepcopy(of_all)
        return twin

    def give_up(self) -> None:
        """Free the memory immediately; the store must not be used afterwards."""
        with self._lock:
            self._known.let_go_of_parts()

    @property
    def nbytes(self) -> int:
        """Approximate size of a copy in bytes."""
        with self._lock:
            return self._known.nbytes

    def history(
        self,
        cookie: int,
        seconds: float | None,
        columns: int,
        at_ns: int | None = None,
        *,
        lived: Lived | None = None,
    ) -> FlowHistory | None:
        """A flow's past on at most `columns` columns of time, for a chart.

        `seconds` back from `at_ns` (now by default), or None for the flow's whole life. Beyond 60 s
        it is as coarse as the whole life is. None if the flow is unknown, or did not exist yet.
        Later changes in the same 100 ms as `at_ns` are included: `moment.Moment` excludes them.
        `lived` is another store's longer knowledge of that life.
        """
        from tcctui.flows.history.resample import acked, resample  # noqa: PLC0415 - behind rows

        with self._lock:
            known = self._known
            row = int(known.cookies.lookup(np.array([cookie], "u8"))[0])
            if row < 0:
                return None
            mss = int(known.columns["mss"][row])
            now = known.now_ns if at_ns is None else at_ns
            born = int(known.columns["first_ns"][row])
            if now < born:
                return None
            recent = self._recent(row)
            buckets, step = recent, 1
            if (seconds is None or seconds > LONGEST_RECENT) and known.history.has(row):
                buckets, step = known.history.life(row)
            if lived is not None:
                buckets, step = lived.until(buckets, step, recent, now // BUCKET_NS)
            first = born if seconds is None else now - int(seconds * 1e9)
            grid = TimeGrid.over(
                first=first // BUCKET_NS, newest=now // BUCKET_NS, step=step, columns=columns
            )
            rates = known.rate_log.of(cookie, grid, born)
            marks = known.marks.own(cookie, born) if lived is None else lived.marks
            limits = known.limits.strip(row, grid)
            counted = acked(buckets, step, grid)
            series = resample(buckets, step, grid)
            series |= {"acked_rate": acked_rate(counted, grid, born, now), **rates}
            return FlowHistory(grid.seconds, series, mss, laid(marks, grid), limits)

    def lived(self, cookie: int) -> Lived | None:
        """A flow's whole life, for `history` of a store with a shorter one."""
        from tcctui.flows.history.resample import Lived  # noqa: PLC0415

        with self._lock:
            known = self._known
            row = int(known.cookies.lookup(np.array([cookie], "u8"))[0])
            if row < 0 or not known.history.has(row):
                return None
            born = int(known.columns["first_ns"][row])
            return Lived(*known.history.life(row), born, known.marks.own(cookie, born))

    def _recent(self, row: int) -> Buckets:
        """The row's recent past; of one that was sampled and did not change, how it is."""
        known = self._known
        if known.history.has(row):
            return known.history.recent(row)
        idle = known.columns["snd_cwnd"][row] > 0 and known.columns["events"][row] == 0
        bucket = np.zeros((int(idle), WIDTH), "u4")
        bucket[:, STAMP] = known.columns["first_ns"][row] // BUCKET_NS
        for column, name in enumerate(SERIES):
            for part in (MIN, MAX, LAST):
                bucket[:, part.start + column] = known.columns[name][row]
        return bucket

    def sparklines(
        self, cookies: Keys, asked: Sequence[Sparkline], at_ns: int | None = None
    ) -> list[Floats]:
        """The recent past of several flows, for their rows' sparklines.

        It ends at `at_ns` (now by default). Each array has shape (len(cookies), columns), NaN
        without an event or for an unknown flow.
        """
        with self._lock:
            stored = self._known
            rows = stored.cookies.lookup(cookies)
            now = stored.now_ns if at_ns is None else at_ns
            known = rows >= 0
            lines = stored.history.worst(
                rows[known], [line.worst_of for line in asked], now // BUCKET_NS
            )
            if known.all():
                return lines
            found = [np.full((len(rows), line.columns), np.nan) for line in asked]
            for all_of, some in zip(found, lines, strict=True):
                all_of[known] = some
            return found
