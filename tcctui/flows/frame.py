"""Frame: all that a screen shows of flows at one instant, and the request it is made by."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple, Protocol

import numpy as np

from tcctui.arrays import Floats, Indexes, Mask, among
from tcctui.flows.history.buckets import BUCKET_NS, MAX, MIN, SERIES
from tcctui.flows.history.history import Worst
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import FlowHistory, Flows, Totals
from tcctui.wire.inside import Insides

Places = Indexes

_SECOND = 1_000_000_000

THIS_HOST = ""
"""`FlowKey.host` in a view of one machine, which the program runs on or a recording is of."""


class FlowKey(NamedTuple):
    """A flow's name among those of several machines: cookies are unique on one only.

    In arrays a flow is one number, `cookie`, that is unique in the view; `View.key` says what it
    stands for. So frames cost the same whether they are of one machine or of many.
    """

    host: str
    cookie: int


class Filter(Protocol):
    """Decides which flows are shown, as `query.Query` does."""

    @property
    def fields(self) -> frozenset[str]:
        """Columns that `mask` needs."""

    def mask(self, flows: Flows) -> Mask:
        """Tell which flows match: one bool per flow."""


class Ranking(Protocol):
    """Puts flows into an order."""

    @property
    def needs(self) -> frozenset[str]:
        """Columns that `in_order` needs."""

    def in_order(self, flows: Flows, places: Places) -> Places:
        """Put places of flows into the order; equal ones stay as they are."""


class Ordered(NamedTuple):
    """Flows that were filtered and ranked.

    `flows` are all there are, `found` the mask of those that match, and `places` those that have a
    row, in order.
    """

    flows: Flows
    found: Mask
    places: Places


@dataclass(frozen=True)
class Arrangement:
    """The order of all rows: `filter`, `ranking`, then `place`.

    Flows in `kept` have a row whether they match or not. Without a `ranking` they come in the order
    of their cookies. `place` takes the rows over; it reads the columns `needs` besides those of the
    filter and the ranking, and asks nothing of the view: that would wait for itself.
    """

    filter: Filter
    place: Callable[[Ordered], None]
    ranking: Ranking | None = None
    kept: Keys = field(default_factory=lambda: np.empty(0, "u8"))
    needs: frozenset[str] = frozenset()


class Sparkline(NamedTuple):
    """A row's recent past: the lowest or highest value of a series in each of `columns`."""

    series: str
    worst: Literal["min", "max"]
    seconds: int
    columns: int

    @property
    def worst_of(self) -> Worst:
        """The same of a history's buckets."""
        lowest = self.worst == "min"
        column = (MIN if lowest else MAX).start + SERIES.index(self.series)
        width = max(1, self.seconds * _SECOND // BUCKET_NS // self.columns)
        return Worst(column, lowest, width, self.columns)

    @property
    def width_ns(self) -> int:
        """Nanoseconds in a column; columns begin at multiples of it."""
        return self.worst_of.width * BUCKET_NS


@dataclass(frozen=True)
class RowsRequest:
    """Rows of a table: their order, where it is to be made anew, and the cells of some.

    `visible` gives the cookies of the rows whose `cells` (columns) and `sparklines` are wanted. It
    is called once the rows have their places.
    """

    visible: Callable[[], Keys]
    cells: frozenset[str]
    sparklines: tuple[Sparkline, ...] = ()
    arrangement: Arrangement | None = None


class Past(NamedTuple):
    """A flow's history over at most `columns` columns: see `Store.history`."""

    cookie: int
    seconds: float | None
    columns: int


@dataclass(frozen=True)
class CloseRequest:
    """Columns and histories of a few flows.

    `cookies` is called once the rows have their places, since they decide which flow is selected.
    `pasts` says which histories, given the columns.
    """

    cookies: Callable[[], Keys]
    names: frozenset[str]
    pasts: Callable[[Flows], Iterable[Past]] = lambda _: ()


@dataclass(frozen=True)
class FrameRequest:
    """All that a screen needs for one frame.

    `close` has a request for each part that shows a few flows closely, by the part's name. `every`
    are columns of all flows.
    """

    rows: RowsRequest | None = None
    close: Mapping[str, CloseRequest] = field(default_factory=dict)
    every: frozenset[str] | None = None


class RowsFrame(NamedTuple):
    """Rows of a frame: columns of the visible flows, and an array (n, columns) for each sparkline.

    Flows that are not known (any more) are left out of both. `found` flows match, of all; None
    where the order was not made anew.
    """

    cells: Flows
    sparklines: Mapping[Sparkline, Floats]
    found: int | None


class Close(NamedTuple):
    """A few flows of a frame: those that are known, and the histories that were asked for."""

    flows: Flows
    pasts: Mapping[Past, FlowHistory | None]


@dataclass(frozen=True, eq=False)
class Frame:
    """State at one instant, copied under one lock; immutable.

    `version` is that of what it was read from: it is another one after each change (events, samples
    and ends that were taken in, rates that fell, flows that were dropped). With time alone, these
    follow the clock: `now_ns`; `age_ns` and the time since any other moment; `limit` and
    `limit_shares`, unknown some seconds after the last sample; signs of `health`, which last 10 s;
    what a filter or an alert makes of them; sparklines and histories, which move on by a column.
    From `until_ns` on, some of them may differ visibly: ages are shown in seconds.
    """

    now_ns: int
    totals: Totals
    rows: RowsFrame | None
    close: Mapping[str, Close]
    every: Flows | None
    version: Hashable
    until_ns: int

    def holds(self, version: Hashable, now_ns: int) -> bool:
        """True if the same request would still give the same, as far as a screen shows it."""
        return self.version == version and now_ns < self.until_ns


class FlowReads(Protocol):
    """Columns of flows: of a store, or at a moment of the past."""

    def flows(self, names: Iterable[str]) -> Flows:
        """Copy some columns of all flows, in the order of their cookies; see `Store.flows`."""

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Copy some columns of these flows; those not known are left out."""


class Reads(FlowReads, Protocol):
    """Reads that are all of one instant: of a store, or of a moment, whose lock is held."""

    @property
    def version(self) -> Hashable:
        """Version of all that is read; see `Frame`."""

    def totals(self) -> Totals:
        """Counts since the start."""

    def history(self, cookie: int, seconds: float | None, columns: int) -> FlowHistory | None:
        """A flow's past; see `Store.history`."""

    def sparklines(self, cookies: Keys, asked: Sequence[Sparkline]) -> list[Floats]:
        """The recent past of several flows; see `Store.sparklines`."""


class View(FlowReads, Protocol):
    """Flows as a screen sees them: live, at a moment of the past, or elsewhere."""

    def insides(self, cookie: int) -> Insides:
        """Give what was read of late of a flow in focus; see `Store.insides`."""

    def frame(self, request: FrameRequest) -> Frame:
        """Copy all that is asked for, of one instant."""

    def unchanged(self, frame: Frame) -> bool:
        """True if a frame, asked for in the same way, would show what this one shows.

        Costs next to nothing, and waits for nothing.
        """

    def key(self, cookie: int) -> FlowKey:
        """Say which flow on which machine a number in a column `cookie` stands for."""


def cut(now: Reads, request: FrameRequest) -> Frame:
    """Make a frame; nothing may change what `now` reads until it is made."""
    rows, close, now_ns = _shown(now, request.rows, request.close)
    every = None if request.every is None else now.flows(request.every)
    totals = now.totals()
    until_ns = _until_ns(now_ns, request.rows, close) if totals.flows else _NEVER
    return Frame(now_ns, totals, rows, close, every, now.version, until_ns)


def _until_ns(now_ns: int, rows: RowsRequest | None, close: Mapping[str, Close]) -> int:
    """First moment from which the clock alone changes what is shown of flows."""
    widths = [_SECOND]
    if rows is not None:
        widths += [line.width_ns for line in rows.sparklines]
    for one in close.values():
        pasts = [past for past in one.pasts.values() if past is not None and len(past.limits)]
        widths += [int(past.seconds * _SECOND) // len(past.limits) for past in pasts]
    return min(now_ns + width - now_ns % width for width in widths)


_NEVER = 1 << 63
_NO_FLOWS: Keys = np.empty(0, "u8")


def _shown(
    now: Reads, rows: RowsRequest | None, close: Mapping[str, CloseRequest]
) -> tuple[RowsFrame | None, dict[str, Close], int]:
    """Rows, what is shown closely, and the time: all flows are read at once."""
    if rows is None:
        found, visible, names = None, _NO_FLOWS, frozenset[str]()
    else:
        found = None if rows.arrangement is None else _arranged(now, rows.arrangement)
        visible, names = rows.visible(), rows.cells
    wanted = {name: asked.cookies() for name, asked in close.items()}
    cookies = np.concatenate([visible, *wanted.values()])
    flows = now.some_flows(cookies, names.union(*(asked.names for asked in close.values())))
    starts = _parts(flows["cookie"], cookies, [len(visible), *map(len, wanted.values())])
    parts = [
        Flows(flows.now_ns, {name: flows[name][first:end] for name in {*of, "cookie"}})
        for (first, end), of in zip(
            pairwise(starts), [names, *(asked.names for asked in close.values())], strict=True
        )
    ]
    shown = {
        name: _close(now, asked, part)
        for (name, asked), part in zip(close.items(), parts[1:], strict=True)
    }
    made = None if rows is None else _rows(now, rows, parts[0], found)
    return made, shown, flows.now_ns


def _parts(known: Keys, cookies: Keys, lengths: Sequence[int]) -> list[int]:
    """Places where parts of `known` begin and end; of some `cookies`, so many each, it has most."""
    ends = np.cumsum([0, *lengths])
    if len(known) < len(cookies):
        there = np.concatenate([[0], np.cumsum(among(cookies, known))])
        ends = there[ends]
    found: list[int] = ends.tolist()
    return found


def _rows(now: Reads, request: RowsRequest, cells: Flows, found: int | None) -> RowsFrame:
    lines = now.sparklines(cells["cookie"], request.sparklines) if request.sparklines else []
    return RowsFrame(cells, dict(zip(request.sparklines, lines, strict=True)), found)


def _arranged(now: Reads, arrangement: Arrangement) -> int:
    """Give all rows their places; returns how many flows match."""
    ranking = arrangement.ranking
    needs = arrangement.filter.fields | arrangement.needs
    flows = now.flows(needs if ranking is None else needs | ranking.needs)
    found = arrangement.filter.mask(flows)
    shown = found | among(flows["cookie"], arrangement.kept)
    places = np.flatnonzero(shown)
    if ranking is not None:
        places = ranking.in_order(flows, places)
    arrangement.place(Ordered(flows, found, places))
    return int(np.count_nonzero(found))


def _close(now: Reads, request: CloseRequest, flows: Flows) -> Close:
    asked = dict.fromkeys(request.pasts(flows))
    return Close(flows, {past: now.history(*past) for past in asked})
