"""View of the screen: the present store, or a moment of the past."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from tcctui.flows.frame import FlowKey, Frame, FrameRequest, View
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows, Totals
from tcctui.recording.timeline import WallClock
from tcctui.rewind.moment import LONGEST
from tcctui.wire.inside import Insides
from tcctui.wire.samples import SOCKET


class Look(Protocol):
    """Requests one frame, and shows it in all parts of the screen at once."""

    def __call__(self, *, anew: bool = True) -> None:
        """Show a frame; with `anew` the rows are reordered, not only the visible ones read."""


class Live(View, Protocol):
    """The present, wherever it is kept: `Store`, or rows of a database."""

    def totals(self) -> Totals:
        """Counts since the start."""

    def sockets(self, cookies: Keys) -> npt.NDArray[np.void]:
        """Keys for sampling flows; see `Store.sockets`. None of these, none is sampled."""

    def hold(self, cookies: Iterable[int]) -> None:
        """Keep these flows; see `Store.hold`."""


class PastView(View, Protocol):
    """Flows at a moment of the past: of a timeline (`Moment`), or of a database.

    `go` and `look_at` are slow, and called in one thread of their own.
    """

    at_ns: int
    losses: tuple[int, int]
    pending: bool

    @property
    def rate_of_events(self) -> float:
        """Events per second then; NaN if unknown."""

    def go(self, at_ns: int) -> None:
        """Go to a moment. Raises TcctuiError where it can't be read."""

    def look_at(self, cookies: Keys, seconds: float | None) -> None:
        """Prepare histories of these flows. Raises TcctuiError where they can't be read."""


class RowGrouping(NamedTuple):
    """Criterion by which a view groups its rows: its title, and what it means."""

    title: str
    meaning: str


class Summary(NamedTuple):
    """Title of a group, and facts: labels, each with texts, the most important first."""

    title: str = ""
    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Times(NamedTuple):
    """Round-trip times in microseconds, 0 where unknown, and a name for their flows.

    With `times`, each stands for as many. `within` is their relative error.
    """

    srtt_us: npt.NDArray[Any]
    of: str
    times: npt.NDArray[Any] | None = None
    within: float = 0.0


@runtime_checkable
class GroupsItself(Protocol):
    """A view whose rows may be groups: it groups by itself, and the table has nothing to fold."""

    @property
    def groupings(self) -> Mapping[str, RowGrouping]:
        """Criteria by name."""

    def group_by(self, name: str) -> None:
        """Show groups by one of `groupings`, or flows: then `name` is empty."""

    def is_group(self, cookie: int) -> bool:
        """True if a row is a group."""

    def inside(self, cookie: int) -> str | None:
        """Query for the flows of a group; None where none selects them."""

    def summary(self, cookie: int) -> Summary:
        """Title and figures of a row that is a group; empty of any other."""

    def is_pending(self, cookie: int) -> bool:
        """True while a row's history is asked for."""

    def srtt_times(self, cookie: int) -> Times | None:
        """Round-trip times of a row that is a group; None while they are asked for."""

    def label(self, cookie: int) -> str:
        """Name of a row that is a group; empty of any other."""

    def values(self) -> Mapping[str, Sequence[str]]:
        """Values of fields, the most frequent first, as far as known; waits for none."""


class CurrentView:
    """Reads the store, or `moment` if one is shown; both are a `frame.View`."""

    def __init__(self, store: Live | None, moment: PastView | None = None) -> None:
        self.store = store
        """The live store; None for a recording."""
        self.moment = moment
        """Moment shown in place of the present."""
        self.at_ns = 0
        """Time of that moment; 0 while there is none."""
        self.losses = (0, 0)
        """Events lost and skipped by then."""
        self.per_second = math.nan
        """Events per second then; NaN if unknown."""
        self._ready: frozenset[int] = frozenset()
        self.wall = WallClock()
        """Time of day of moments."""
        self.own_groups = _grouping(store if moment is None else moment)
        """The view that is shown, if it groups its rows by itself."""
        self.still = False
        """True while another moment is being computed: nothing is read until then.

        So everything on the screen is of one moment, and changes together.
        """
        self._deferred: Callable[[], object] | None = None

    @property
    def _shown(self) -> View:
        shown: View | None = self.store if self.moment is None else self.moment
        assert shown is not None
        return shown

    def show(self, moment: PastView | None, cookies: Iterable[int] = ()) -> None:
        """Show an available moment, or the present.

        `cookies` are the flows whose history it has.
        """
        self.moment, self.still, self._ready = moment, False, frozenset(cookies)
        self.own_groups = _grouping(self._shown)
        if moment is not None:
            self.at_ns, self.losses = moment.at_ns, moment.losses
            self.per_second = moment.rate_of_events
        act, self._deferred = self._deferred, None
        if act is not None:
            act()

    def deferred(self, act: Callable[[], object]) -> bool:
        """Say whether another moment is being computed; then `act` is called when it is there.

        Of several, the last one is. So no key is without effect while a recording is played.
        """
        if self.still:
            self._deferred = act
        return self.still

    def pending(self, cookie: int) -> bool:
        """True while a flow's history is being computed."""
        if self.own_groups is not None:
            return self.still or self.own_groups.is_pending(cookie)
        return self.still or (self.moment is not None and cookie not in self._ready)

    @property
    def now_ns(self) -> int:
        """The present on the events' clock; 0 if there is none."""
        return 0 if self.store is None else self.store.some_flows(np.empty(0, "u8"), ()).now_ns

    def frame(self, request: FrameRequest) -> Frame:
        """Copy everything requested, of one instant."""
        return self._shown.frame(request)

    def unchanged(self, frame: Frame) -> bool:
        """True if a frame, asked for in the same way, would show what this one shows."""
        return self._shown.unchanged(frame)

    def key(self, cookie: int) -> FlowKey:
        """Say which flow on which machine a number in a column `cookie` stands for."""
        return self._shown.key(cookie)

    def totals(self, frame: Frame) -> Totals:
        """Counts since the start, live or until the moment of a recording."""
        away = self.store is not None and self.moment is not None
        return self.store.totals() if away and self.store is not None else frame.totals

    def flows(self, names: Iterable[str]) -> Flows:
        """Some columns of all flows; see `Store.flows`."""
        return self._shown.flows(names)

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Some columns of these flows; see `Store.some_flows`."""
        return self._shown.some_flows(cookies, names)

    def insides(self, cookie: int) -> Insides:
        """See `Store.insides`."""
        return self._shown.insides(cookie)

    def watched(self, cookies: Keys) -> npt.NDArray[np.void]:
        """Keys for sampling watched flows; see `Store.sockets`."""
        return np.empty(0, SOCKET) if self.store is None else self.store.sockets(cookies)

    def hold(self, cookies: Iterable[int]) -> None:
        """Keep these flows; see `Store.hold`."""
        if self.store is not None:
            self.store.hold(cookies)

    def seconds_known(self, age_ns: int) -> float:
        """Visible part of the life of a flow first seen `age_ns` ago, in seconds."""
        return min(age_ns / 1e9, LONGEST if self.store is None else math.inf)


def _grouping(view: View | None) -> GroupsItself | None:
    return view if isinstance(view, GroupsItself) else None
