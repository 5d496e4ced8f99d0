"""The lines of a grouped table: a header for each group, its flows below, where it is unfolded.

A line is a number: a flow's is its cookie, a header's the id of its group (`groups.IDS_FROM`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcctui.flows.diagnosis.verdicts import WORST_FIRST, Limit
from tcctui.flows.groups.groups import Groups
from tcctui.flows.index import Keys
from tcctui.ui.table.row_order import order
from tcctui.ui.table.sort_key import SortKey

Mask = npt.NDArray[np.bool_]

_HEADER = np.uint64(0b10)
_TWO_BITS = np.uint64(62)

_BY_COLUMN = {
    "rate": "rate",
    "srtt": "p50",
    "retrans": "retrans_percent",
    "retrans_pct": "retrans_percent",
}
"""Sort columns of groups, by those of flows."""

_NAMED_BY = {
    "process": ("process",),
    "remote": ("remote", "net"),
    "local": ("port",),
    "cc": ("cc",),
    "netns": ("netns",),
}
"""Groups that a column sorts by name, the way round that it sorts flows."""


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
        others = np.isin(ids, np.array(sorted(self._others), "u8"))
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
    if key.column in _BY_COLUMN:
        values = getattr(groups, _BY_COLUMN[key.column])
        return order([values], key.descending, np.isnan(values))
    if key.column == "limit":
        worst = np.empty(len(WORST_FIRST), "u1")
        worst[list(WORST_FIRST)] = np.arange(len(WORST_FIRST))
        return order([worst[groups.limit]], key.descending, groups.limit == Limit.UNKNOWN)
    names = [name for name in groups.keys if len(name)]
    descending = key.descending and groups.by.name in _NAMED_BY.get(key.column, ())
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
        stays = before[np.isin(before, after)]
        return np.concatenate([stays, after[~np.isin(after, stays)]])
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
