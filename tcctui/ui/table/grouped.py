"""Grouping of a table: the criterion, the present groups, and the lines they make."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tcctui.arrays import among
from tcctui.flows.diagnosis.health import UNKNOWN as UNKNOWN_HEALTH
from tcctui.flows.diagnosis.verdicts import WORST_FIRST, Limit
from tcctui.flows.groups import groups
from tcctui.flows.groups.groups import GROUPINGS, Grouping, Groups
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.ui.style.legible import plain
from tcctui.ui.table import group_lines
from tcctui.ui.table.columns import BY_NAME
from tcctui.ui.table.group_lines import SUMMARIES, GroupRow
from tcctui.ui.table.layout import Placed
from tcctui.ui.table.sorting import SortKey, order

Mask = npt.NDArray[np.bool_]

_HEADER = np.uint64(0b10)
_TWO_BITS = np.uint64(62)

_SUMMED_UP = {one.field: one.value for one in SUMMARIES} | {"total_retrans": "retrans_percent"}
"""Values that groups are sorted by, by the field that flows are sorted by."""


def headers(lines: Keys) -> Mask:
    """Say which lines are headers."""
    return np.asarray(lines >> _TWO_BITS == _HEADER)


def is_header(line: int) -> bool:
    """Say whether a line is one."""
    return line >> 62 == 0b10


class Folds:
    """Folded groups: those that the user folded, or all but some.

    A group that vanishes and comes back is as it was.
    """

    def __init__(self) -> None:
        self._all = False
        self._others: set[int] = set()

    def of(self, ids: Keys) -> Mask:
        """Say which of the groups are folded."""
        others = among(ids, np.array(sorted(self._others), "u8"))
        return ~others if self._all else others

    def turn(self, group: int) -> None:
        """Fold a group, or unfold it."""
        self._others ^= {group}

    def all(self, *, folded: bool) -> None:
        """Fold all groups, also those to come, or unfold them."""
        self._all = folded
        self._others.clear()


def ranked(groups: Groups, key: SortKey) -> npt.NDArray[np.intp]:
    """Order groups as `key` orders flows: by what sums a group up, or else by their names.

    By limit, the worst comes first. Where nothing is known of a group it comes last, and so does
    the one of which not even the name is known.
    """
    fields = BY_NAME[key.column].sort
    if fields[0] in _SUMMED_UP:
        values = getattr(groups, _SUMMED_UP[fields[0]])
        return order([values], key.descending, np.isnan(values))
    if key.column == "limit":
        worst = np.empty(len(WORST_FIRST), "u1")
        worst[list(WORST_FIRST)] = np.arange(len(WORST_FIRST))
        return order([worst[groups.limit]], key.descending, groups.limit == Limit.UNKNOWN)
    if fields[0] in groups.late:
        values = groups.late[fields[0]]
        return order([values], key.descending, np.isnan(values))
    if key.column == "health" and groups.health is not None:
        return order([groups.health], key.descending, groups.health == UNKNOWN_HEALTH)
    names = [name for name in groups.keys if len(name)]
    descending = key.descending and not set(fields).isdisjoint(groups.by.needs)
    unnamed = np.zeros(len(groups), bool)
    if names and names[0].dtype.kind == "S":
        unnamed = names[0] == b""
    return order(names, descending, unnamed) if names else np.empty(0, np.intp)


def lines(
    groups: Groups, ranks: npt.NDArray[np.intp], cookies: Keys, folded: Mask, elsewhere: Mask
) -> Keys:
    """Put the groups in the order `ranks`, and below each its flows, in the order they have.

    `cookies` are of the flows that were grouped; those that are `elsewhere` get no line.
    """
    count = len(groups)
    place = np.empty(count, np.intp)
    place[ranks] = np.arange(count)
    shown = np.flatnonzero(~(folded[groups.number] | elsewhere))
    under = place[groups.number[shown]]
    # Stable: flows keep their order. numpy sorts numbers of 16 bits in a tenth of the time.
    below = np.argsort(under.astype("u2" if count <= 1 << 16 else "u4"), kind="stable")
    before = np.bincount(under, minlength=count).cumsum()
    made = np.empty(count + len(shown), "u8")
    at = np.arange(count)
    at[1:] += before[:-1]
    rest = np.ones(len(made), bool)
    rest[at] = False
    made[at] = groups.ids[ranks]
    made[rest] = cookies[shown[below]]
    return made


def held(before: Keys, after: Keys) -> Keys:
    """Put lines into the order that they had before, group by group.

    What is new comes behind: a flow at the end of its group, or of those above all groups, and a
    group below all others.
    """
    header = headers(after)
    if not header.any():
        places = _places(before, after)
        stays = np.zeros(len(before), bool)
        stays[places[places >= 0]] = True
        return np.concatenate([before[stays], after[places < 0]])
    own = len(before) + np.arange(len(after))
    old = headers(before)
    for kind_before, kind_after in ((old, header), (~old, ~header)):
        places = _places(before[kind_before], after[kind_after])
        there = places >= 0
        at = np.flatnonzero(kind_after)[there]
        own[at] = np.flatnonzero(kind_before)[places[there]]
    block = np.cumsum(header)  # 0 is above the first header
    ranks = np.concatenate([[-1], own[header]])
    own[header] = -1
    # As one number each, which is sorted in half the time.
    return after[np.argsort((ranks[block] + 1) << 32 | (own + 1))]


def _places(before: Keys, after: Keys) -> npt.NDArray[np.intp]:
    """Index in `before` of each in `after`; -1 if it is missing."""
    if not len(before) or not len(after):
        return np.full(len(after), -1)
    low, high = int(before.min()), int(before.max())
    if high - low <= 16 * len(before):
        # Most cookies are close to each other: a table takes a tenth of the time of sorting.
        table = np.full(high - low + 2, -1)
        table[(before - np.uint64(low)).astype(np.intp)] = np.arange(len(before))
        inside = (after >= low) & (after <= high)
        away = np.where(inside, after - np.uint64(low), np.uint64(high - low + 1))
        return table[away.astype(np.intp)]
    by_line = np.argsort(before)
    ordered = before[by_line]
    at = np.minimum(np.searchsorted(ordered, after), len(before) - 1)
    return np.where(ordered[at] == after, by_line[at], -1)


class Grouped:
    """Groups of the flows that a table shows; none while it is grouped by nothing."""

    def __init__(self) -> None:
        self.by: Grouping | None = None
        self.folds = Folds()
        self.with_health = False
        """True to sum up the health of flows as well."""
        self.late: frozenset[str] = frozenset()
        """Windows of counters to sum up as well, of `groups.OF_LATE`."""
        self._groups: Groups | None = None
        self._cookies: Keys = np.empty(0, "u8")

    @property
    def needs(self) -> set[str]:
        """Columns of flows that grouping needs."""
        if self.by is None:
            return set()
        late = (need for name in self.late for need in groups.OF_LATE[name])
        return {*self.by.needs, *groups.NEEDS, *late, *(["health"] if self.with_health else [])}

    def group_by(self, name: str) -> None:
        """Group by one of `GROUPINGS`, or by nothing: then `name` is empty."""
        self.by = GROUPINGS.get(name)
        self.folds = Folds()
        self._groups, self._cookies = None, np.empty(0, "u8")

    def lines(
        self, flows: Flows, shown: npt.NDArray[np.intp], key: SortKey, elsewhere: Keys
    ) -> Keys:
        """Group flows, which are `shown` in their order, and give the lines of the table.

        Those of the cookies `elsewhere` count in their groups, and have no line there.
        """
        cookies = flows["cookie"][shown]
        if self.by is None:
            return cookies[~among(cookies, elsewhere)] if len(elsewhere) else cookies
        few = Flows(flows.now_ns, {name: flows[name][shown] for name in self.needs})
        found = groups.grouped(few, self.by)
        self._groups, self._cookies = found, cookies
        return lines(
            found,
            ranked(found, key),
            cookies,
            self.folds.of(found.ids),
            among(cookies, elsewhere),
        )

    def fold_all(self) -> None:
        """Fold all groups; unfold them where all that are there are folded."""
        if self._groups is not None:
            self.folds.all(folded=not self.folds.of(self._groups.ids).all())

    def header_of(self, line: int | None) -> int | None:
        """The header above a flow, whether it is folded or not, or of itself; None without one."""
        if line is None or self._groups is None or is_header(line):
            return line if line is not None and is_header(line) else None
        at = np.flatnonzero(self._cookies == np.uint64(line))
        return int(self._groups.ids[self._groups.number[at[0]]]) if len(at) else None

    def cookies_of(self, header: int) -> Keys:
        """Cookies of a group's flows, in their order."""
        found = self.found(header)
        return np.empty(0, "u8") if found is None else self._cookies[found[0].number == found[1]]

    def label(self, header: int) -> str:
        """Say what a group's flows have in common: `nginx`."""
        found = self.found(header)
        return "" if found is None else plain(found[0].label(found[1]))

    def others(self, header: int) -> dict[int, str]:
        """Labels of all groups but one, by their headers."""
        if self._groups is None:
            return {}
        return {
            other: plain(self._groups.label(at))
            for at, other in enumerate(self._groups.ids.tolist())
            if other != header
        }

    def query(self, header: int) -> str | None:
        """Write what lets through a group's flows; None where nothing does."""
        found = self.found(header)
        return None if found is None else found[0].query(found[1])

    def rows(self, lines: Keys, placed: Sequence[Placed]) -> dict[int, GroupRow]:
        """Write those of the lines that are headers, by their ids."""
        made = {}
        for line in lines[headers(lines)].tolist():
            found = self.found(line)
            if found is not None:
                folded = bool(self.folds.of(np.array([line], "u8"))[0])
                made[line] = group_lines.header(*found, folded, placed)
        return made

    def found(self, header: int) -> tuple[Groups, int] | None:
        """The groups, and the number of one that is there now."""
        if self._groups is None:
            return None
        # The ids are in their order.
        at = int(np.searchsorted(self._groups.ids, np.uint64(header)))
        there = at < len(self._groups) and int(self._groups.ids[at]) == header
        return (self._groups, at) if there else None
