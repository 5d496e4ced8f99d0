"""Moments of a fleet's past: the same questions, asked of another time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import nan

from tcctui.errors import TcctuiError
from tcctui.fleet.tables.every_table import FLOW, ROLLED_UP
from tcctui.fleet.view import clock, questions
from tcctui.fleet.view.fleet_view import FleetView, label, matched
from tcctui.fleet.view.group_statement import WINDOW_S
from tcctui.fleet.view.group_summary import group_summary
from tcctui.fleet.view.questions import Question
from tcctui.fleet.view.rows import Rows
from tcctui.flows.frame import FlowKey, Frame, FrameRequest, Past, cut
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import FlowHistory, Flows, Totals
from tcctui.query import Query
from tcctui.recording.timeline import Span
from tcctui.ui.view import RowGrouping, Summary, Times
from tcctui.wire.inside import NO_INSIDES, Insides

KEPT_S, GROUPS_KEPT_S = (table.days * 86400 for table in (FLOW, ROLLED_UP))
"""Seconds that single connections and groups are kept."""

STRIDES, STRIDES_OF_GROUPS = (10.0, 300.0), (300.0, 3600.0)
"""Seconds of a small step and of a large one."""


class FleetPast:
    """Rows of a fleet at a moment; a `ui.view.PastView`.

    `go` and `look_at` ask the engine, in a thread of their own; everything else is for the screen.
    `told` is called when another search or grouping has been answered.
    """

    def __init__(
        self, view: FleetView, told: Callable[[], object], failed: Callable[[str], object]
    ) -> None:
        self._view = view
        self._told = told
        self._failed = failed
        self._lock = threading.RLock()
        self._rows: Rows | None = None
        self._answered: Question | None = None
        self._asking: Question | None = None
        self._pasts: dict[Past, FlowHistory | None] = {}
        self._unread: dict[Past, None] = {}
        self._first_ns = self._oldest_ns()
        self.at_ns = 0
        self.losses = (0, 0)
        self.pending = False
        self.rate_of_events = nan

    def span(self) -> Span:
        """Moments that can be gone to."""
        return Span(self._first_ns, clock.moment_ns(self._view.now_s))

    def _oldest_ns(self) -> int:
        """Oldest moment that there is anything of."""
        kept_s = GROUPS_KEPT_S if self._view.wanted.by else KEPT_S
        return clock.moment_ns(max(self._view.now_s - kept_s, self._view.oldest_s))

    def strides(self) -> tuple[float, float]:
        """Seconds of a small step and of a large one."""
        return STRIDES_OF_GROUPS if self._view.wanted.by else STRIDES

    def insides(self, cookie: int) -> Insides:  # noqa: ARG002
        """Nothing, as of the present."""
        return NO_INSIDES

    def go(self, at_ns: int) -> None:
        """Ask for the rows at a moment.

        Raises:
            TcctuiError: there is no answer.

        """
        at_ns = min(at_ns, self.span().last_ns)
        self._first_ns = min(self._oldest_ns(), at_ns)  # what is shown is not forgotten
        at_s = clock.seconds(at_ns)
        at_s -= at_s % WINDOW_S
        question = self._view.wanted
        before = self._rows
        if before is None or question != self._answered or clock.seconds(before.now_ns) != at_s:
            rows = self._view.answer_at(question, at_s, self._history)
            with self._lock:
                self._rows, self._answered, self._asking = rows, question, None
                self._pasts.clear()
        self.at_ns = at_ns

    def look_at(self, cookies: Keys, seconds: float | None) -> None:
        """Nothing: histories are asked for by the frames that show them."""

    def _look(self) -> None:
        """Ask for the histories that the last frame lacked."""
        with self._lock:
            unread, rows, question = [*self._unread], self._rows, self._answered
            self._unread.clear()
        if rows is None or question is None:
            return
        for past in unread:
            found = None
            try:
                found = self._view.history_at(question, rows, past)
            finally:  # one that can't be had is not asked for again and again
                with self._lock:
                    if rows is self._rows:
                        self._pasts[past] = found
                        rows.version = next(questions.VERSIONS)

    def _history(self, past: Past) -> FlowHistory | None:
        if past not in self._pasts and past not in self._unread:
            self._unread[past] = None
            self._ask(self._look)
        return self._pasts.get(past)

    def _ask(self, work: Callable[[], object]) -> None:
        """Do something in a thread, and show what comes of it."""

        def run() -> None:
            try:
                work()
            except TcctuiError as error:
                self._failed(str(error))
            except Exception as error:  # a defect: the screen stays, and reports it
                self._failed(f"{type(error).__name__}: {error}")
            self._told()

        threading.Thread(target=run, name="fleet past", daemon=True).start()

    # For the screen

    def frame(self, request: FrameRequest) -> Frame:
        """Cut a frame of the moment; another query or grouping is asked for meanwhile."""
        rows = request.rows
        if rows is not None and rows.arrangement is not None:
            query = rows.arrangement.filter
            if isinstance(query, Query):
                self._view.search(query)
            question = self._view.wanted
            if question not in (self._answered, self._asking):
                self._asking = question
                self._ask(lambda: self.go(self.at_ns))
        with self._lock:
            assert self._rows is not None
            assert self._answered is not None
            return cut(self._rows, matched(request, self._answered))

    def unchanged(self, frame: Frame) -> bool:
        """True until there are other rows."""
        return self._rows is not None and frame.version == self._rows.version

    def key(self, cookie: int) -> FlowKey:
        """Host and cookie of a row."""
        return self._shown.key(cookie)

    def totals(self) -> Totals:
        """Number of rows."""
        return self._shown.totals()

    def flows(self, names: Iterable[str]) -> Flows:
        """Columns of all rows."""
        return self._shown.flows(names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Columns of some rows."""
        return self._shown.some_flows(cookies, names)

    # What is grouped

    @property
    def groupings(self) -> Mapping[str, RowGrouping]:
        """See `FleetView.groupings`."""
        return self._view.groupings

    def group_by(self, name: str) -> None:
        """Ask for other groups, or for connections, now and at this moment."""
        self._view.group_by(name)

    def is_group(self, cookie: int) -> bool:  # noqa: ARG002 - all rows are of one kind
        """True while rows are groups."""
        return self._answered is not None and bool(self._answered.by)

    def inside(self, cookie: int) -> str | None:
        """See `FleetView.inside`."""
        with self._lock:
            rows, question = self._shown, self._answered
        return None if question is None else self._view.inside_of(rows, question, cookie)

    def summary(self, cookie: int) -> Summary:
        """See `FleetView.summary`."""
        with self._lock:
            return group_summary(self._shown, cookie) if self.is_group(cookie) else Summary()

    def label(self, cookie: int) -> str:
        """See `FleetView.label`."""
        with self._lock:
            return "" if self._answered is None else label(self._shown, self._answered, cookie)

    def values(self) -> Mapping[str, Sequence[str]]:
        """See `FleetView.values`."""
        return self._view.values()

    def srtt_times(self, cookie: int) -> Times | None:
        """See `FleetView.srtt_times`."""
        with self._lock:
            rows, question = self._shown, self._answered
        return None if question is None else self._view.spreads.times(rows, question, cookie)

    def is_pending(self, cookie: int) -> bool:
        """True while a row's history is asked for."""
        return any(past.cookie == cookie for past in [*self._unread])

    @property
    def _shown(self) -> Rows:
        assert self._rows is not None
        return self._rows
