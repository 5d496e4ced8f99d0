"""View of a fleet: a thread asks an engine, and frames are cut from its last answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tcctui.errors import TcctuiError
from tcctui.fields.every_field import BY_NAME
from tcctui.fleet.view import clock, hosts, questions
from tcctui.fleet.view.engine import Engine
from tcctui.fleet.view.group_summary import group_summary
from tcctui.fleet.view.groupings import GROUPINGS, grouping, of_label, query_for_hosts
from tcctui.fleet.view.hosts import Host
from tcctui.fleet.view.questions import Question
from tcctui.fleet.view.rows import Histories, Rows
from tcctui.fleet.view.spreads import Spreads
from tcctui.flows.frame import FlowKey, Frame, FrameRequest, Past, cut
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import FlowHistory, Flows, Totals
from tcctui.query import ALL, Query
from tcctui.query.sql import NotInSqlError
from tcctui.ui.view import RowGrouping, Summary, Times
from tcctui.wire.inside import NO_INSIDES, Insides
from tcctui.wire.samples import SOCKET

EVERY_S = 10.0
"""Seconds between two questions for the same rows: hosts send as often."""

_SLOW_S = 2.0
"""Seconds of waiting for an answer from which on it is said."""

_AGAIN_S = (1.0, 2.0, 5.0, EVERY_S)
"""Seconds until an engine that failed is asked again."""

_HOSTS_EVERY_S = 30.0
"""Seconds between two looks at which hosts are silent."""

_KEPT = 16
"""Histories that are kept."""

HERE = "press Enter on a connection to ask its host"


class FleetView:
    """Rows of a fleet as they are now; a `ui.view.Live`.

    `told` is called in the asking thread whenever there is something new to show. The last answer
    stays until there is another.
    """

    def __init__(
        self,
        engine: Engine,
        told: Callable[[], object] = lambda: None,
        *,
        by: str = "net",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._told = told
        self._now = now
        self._changed = threading.Condition(threading.RLock())
        self._over = False
        self._wanted = self._answered = Question(by, ALL)
        nothing = {"cookie": np.empty(0, "u8")}
        self._rows = Rows(nothing, clock.moment_ns(now()), version=0)
        self._fresh = False
        self._asked_at: float | None = None
        self._failed = 0
        self._trouble = ""
        self._refused = ""
        self._pasts: dict[Past, FlowHistory | None] = {}
        self._unread: dict[Past, None] = {}
        self._thread: threading.Thread | None = None
        self.spreads = Spreads(engine)
        """Round-trip times of groups."""
        self._silent = ""
        self._labels: questions.Labels = {}
        self._values: Mapping[str, Sequence[str]] = {}
        self._values_wanted = False
        self._hosts_due = 0.0
        self.oldest_s = 0
        """Begin of the oldest window, in seconds since 1970; 0 while unknown."""

    # The thread that asks

    def start(self) -> None:
        """Begin to ask."""
        self._thread = threading.Thread(target=self._work, name="fleet", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; an answer that comes later is dropped."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(1.0)

    def _work(self) -> None:
        due = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: (
                        self._over or not self._fresh or bool(self._unread) or self._values_wanted
                    ),
                    max(0.0, due - time.monotonic()),
                )
                if self._over:
                    return
                question, pasts = self._wanted, [*self._unread]
                only_pasts = self._fresh and bool(pasts) and time.monotonic() < due
                only_values = self._fresh and self._values_wanted and time.monotonic() < due
            if only_pasts:
                self._read(pasts)
            elif only_values:
                self._ask_values()
            else:
                wait = self._ask(question)
                due = time.monotonic() + wait
            self._told()

    def _ask(self, question: Question) -> float:
        """Ask for rows; gives the seconds until the next time."""
        self._asked_at = time.monotonic()
        refused = trouble = ""
        rows = None
        try:
            rows = questions.answer(self._engine, question, int(self._now()), self._history)
        except NotInSqlError as error:
            refused = refusal(error)
        except TcctuiError as error:
            trouble = str(error)
        except Exception as error:  # a defect: the screen stays, and reports it
            trouble = f"{type(error).__name__}: {error}"
        with self._changed:
            self._asked_at = None
            self._refused, self._trouble = refused, trouble
            self._failed = self._failed + 1 if trouble else 0
            self._fresh = question == self._wanted
            if rows is not None:
                if question != self._answered:
                    self._pasts = {}
                self._rows, self._answered = rows, question
                self._unread = dict.fromkeys([*self._unread, *self._pasts][-_KEPT:])
        if not trouble and time.monotonic() >= self._hosts_due:
            self._told()
            self._look_at_hosts()
        return _AGAIN_S[min(self._failed, len(_AGAIN_S)) - 1] if trouble else EVERY_S

    def _ask_values(self) -> None:
        self._values_wanted, self._asked_at = False, time.monotonic()
        try:
            self._values = questions.values(self._engine, self.now_s)
        except Exception:  # a search goes on without suggestions; the rows' trouble is told
            self._values = {}
        self._asked_at = None

    def _look_at_hosts(self) -> None:
        """See which hosts are silent; an engine that can't say is no trouble of the rows'.

        Each question stands alone: before labels are loaded their table may be missing.
        """
        self._hosts_due = time.monotonic() + _HOSTS_EVERY_S
        self._asked_at = time.monotonic()
        try:
            self._silent = hosts.silent(self.hosts())
        except Exception:  # rows matter more: the list of hosts gives the reason
            self._silent = ""
        with suppress(Exception):  # those of before
            self._labels = questions.labels(self._engine)
        with suppress(Exception):
            self.oldest_s = self.oldest_s or questions.oldest_s(self._engine)
        self._asked_at = None

    def hosts(self) -> list[Host]:
        """Ask for the hosts, in this thread.

        Raises:
            TcctuiError: there is no answer.

        """
        return questions.known_hosts(self._engine, self.now_s)

    def _read(self, pasts: Iterable[Past]) -> None:
        """Ask for histories."""
        with self._changed:
            rows, question = self._rows, self._answered
        for past in pasts:
            found, trouble = None, ""
            self._asked_at = time.monotonic()
            try:
                found = questions.history(self._engine, question, rows, past, self._now())
            except TcctuiError as error:
                trouble = str(error)
            except Exception as error:  # a defect, as above
                trouble = f"{type(error).__name__}: {error}"
            with self._changed:
                self._unread.pop(past, None)
                self._asked_at, self._trouble = None, trouble
                if rows is self._rows:
                    # One that can't be had is asked for again with the next rows.
                    before = self._pasts.pop(past, None)
                    self._pasts[past] = before if trouble else found
                    while len(self._pasts) > _KEPT:
                        self._pasts.pop(next(iter(self._pasts)))
                    self._rows.version = next(questions.VERSIONS)

    def _history(self, past: Past) -> FlowHistory | None:
        """Give a history; asks for it where it is not there."""
        if past not in self._pasts and past not in self._unread:
            self._unread[past] = None
            self._changed.notify_all()
        return self._pasts.get(past)

    # For the screen

    @property
    def question(self) -> Question:
        """Rows that are shown."""
        return self._answered

    @property
    def answered(self) -> bool:
        """True once there was an answer."""
        return self._rows.version > 0

    @property
    def trouble(self) -> str:
        """Reason why what is shown may be old, or is not what was asked for; empty without any."""
        if self._refused or self._trouble:
            return self._refused or self._trouble
        begun = self._asked_at
        waited = 0.0 if begun is None else time.monotonic() - begun
        if waited > _SLOW_S:
            return f"The engine has not answered for {waited:.0f} s."
        more = self._rows.more
        worst = f"The worst {len(self._rows):,} of {len(self._rows) + more:,}." if more else ""
        return " ".join(filter(None, (worst, self._silent)))

    @property
    def groupings(self) -> Mapping[str, RowGrouping]:
        """Criteria by name."""
        labelled = [grouping(of_label(name)) for name in self._labels]
        known = (*GROUPINGS.values(), *labelled)
        return {one.name: RowGrouping(one.title, one.meaning) for one in known}

    @property
    def grouped_by(self) -> str:
        """Name of the grouping that is wanted; empty for connections."""
        return self._wanted.by

    def group_by(self, name: str) -> None:
        """Ask for groups by one of `groupings`, or for connections: then `name` is empty."""
        self._want(Question(name, self._wanted.query))

    def is_group(self, cookie: int) -> bool:  # noqa: ARG002 - all rows are of one kind
        """True while rows are groups."""
        return bool(self._answered.by)

    def inside(self, cookie: int) -> str | None:
        """Query for the connections of a group; None where the row is gone, or nothing asks so."""
        with self._changed:
            return self.inside_of(self._rows, self._answered, cookie)

    def inside_of(self, rows: Rows, question: Question, cookie: int) -> str | None:
        """The same among other rows."""
        at = rows.place(cookie)
        if at is None:
            return None
        key = str(rows.column("key")[at])
        for name, hosts_of in self._labels.items():
            if question.by == of_label(name):
                return query_for_hosts(hosts_of.get(key, ()))
        return grouping(question.by).query(key)

    def summary(self, cookie: int) -> Summary:
        """Figures of a group; empty of a connection, or where the row is gone."""
        with self._changed:
            return group_summary(self._rows, cookie) if self._answered.by else Summary()

    def is_pending(self, cookie: int) -> bool:
        """True while a row's history is asked for, and there is no older one to show."""
        return any(past.cookie == cookie for past in [*self._unread] if past not in self._pasts)

    def label(self, cookie: int) -> str:
        """Name of a group; empty of a connection, or where the row is gone."""
        with self._changed:
            return label(self._rows, self._answered, cookie)

    def values(self) -> Mapping[str, Sequence[str]]:
        """The most frequent values of fields as far as known; asks for them, and waits for none."""
        with self._changed:
            self._values_wanted = True
            self._changed.notify_all()
        return self._values

    def srtt_times(self, cookie: int) -> Times | None:
        """Round-trip times of a group; None while they are asked for."""
        with self._changed:
            rows, question = self._rows, self._answered
        return self.spreads.times(rows, question, cookie)

    def _want(self, question: Question) -> None:
        with self._changed:
            if question != self._wanted:
                self._wanted, self._fresh = question, False
                self._changed.notify_all()

    def search(self, query: Query) -> None:
        """Ask for rows that match."""
        self._want(Question(self._wanted.by, query))

    @property
    def wanted(self) -> Question:
        """Rows that are asked for."""
        return self._wanted

    @property
    def now_s(self) -> int:
        """Seconds since 1970."""
        return int(self._now())

    def answer_at(self, question: Question, at_s: int, past: Histories) -> Rows:
        """Ask about another moment, in this thread.

        Raises:
            TcctuiError: there is no answer.

        """
        try:
            return questions.answer(self._engine, question, at_s, past)
        except NotInSqlError as error:
            raise TcctuiError(refusal(error)) from error

    def history_at(self, question: Question, rows: Rows, past: Past) -> FlowHistory | None:
        """Ask for a history of rows at another moment, in this thread.

        Raises:
            TcctuiError: there is no answer.

        """
        return questions.history(self._engine, question, rows, past, self._now())

    def insides(self, cookie: int) -> Insides:  # noqa: ARG002
        """Nothing: no host sends what it reads of sockets."""
        return NO_INSIDES

    def frame(self, request: FrameRequest) -> Frame:
        """Cut a frame from the last answer; another query is asked for meanwhile."""
        rows = request.rows
        if rows is not None and rows.arrangement is not None:
            query = rows.arrangement.filter
            if isinstance(query, Query):
                self.search(query)
        with self._changed:
            return cut(self._rows, matched(request, self._answered))

    def unchanged(self, frame: Frame) -> bool:
        """True until there is another answer."""
        return frame.version == self._rows.version

    def key(self, cookie: int) -> FlowKey:
        """Host and cookie of a row."""
        return self._rows.key(cookie)

    def totals(self) -> Totals:
        """Number of rows."""
        return self._rows.totals()

    def flows(self, names: Iterable[str]) -> Flows:
        """Columns of all rows."""
        return self._rows.flows(names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Columns of some rows."""
        return self._rows.some_flows(cookies, names)

    def sockets(self, cookies: Keys) -> npt.NDArray[np.void]:  # noqa: ARG002 - `Live`'s
        """None: nothing is sampled here."""
        return np.empty(0, SOCKET)

    def hold(self, cookies: Iterable[int]) -> None:
        """Nothing is forgotten."""


def refusal(error: NotInSqlError) -> str:
    """Sentence that says why a query can't be asked of a fleet, and what can."""
    reason = error.reason
    if error.column:
        field = BY_NAME.get(error.column)
        name = field.names[0] if field is not None and field.names else error.column
        reason = f"{name} is known to the connection's host alone"
    return f"{reason[:1].upper()}{reason[1:]}: {HERE}."


def label(rows: Rows, question: Question, cookie: int) -> str:
    """Name of a group among rows; empty of a connection, or where it is gone."""
    at = rows.place(cookie) if question.by else None
    return "" if at is None else str(rows.column("group")[at].decode())


def matched(request: FrameRequest, question: Question) -> FrameRequest:
    """Show all groups that came: what they were asked for is not in their columns."""
    if request.rows is None or request.rows.arrangement is None or not question.by:
        return request
    arrangement = replace(request.rows.arrangement, filter=ALL)
    return replace(request, rows=replace(request.rows, arrangement=arrangement))
