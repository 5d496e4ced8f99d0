"""Grouping of a table: the criterion, the present groups, and the folded ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tcctui.flows.groups import groups
from tcctui.flows.groups.groups import GROUPINGS, Grouping, Groups
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.ui.style.legible import plain
from tcctui.ui.table import group_lines, group_order
from tcctui.ui.table.group_lines import GroupRow
from tcctui.ui.table.group_order import Folds, is_header
from tcctui.ui.table.layout import Placed
from tcctui.ui.table.sort_key import SortKey

Mask = npt.NDArray[np.bool_]


class Grouped:
    """Groups of the flows that a table shows; none while it is grouped by nothing."""

    def __init__(self) -> None:
        self.by: Grouping | None = None
        self.folds = Folds()
        self._groups: Groups | None = None
        self._cookies: Keys = np.empty(0, "u8")

    @property
    def needs(self) -> set[str]:
        """Columns of flows that grouping needs."""
        return set() if self.by is None else {*self.by.needs, *groups.NEEDS}

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
            return cookies[~np.isin(cookies, elsewhere)] if len(elsewhere) else cookies
        few = Flows(flows.now_ns, {name: flows[name][shown] for name in self.needs})
        found = groups.grouped(few, self.by)
        self._groups, self._cookies = found, cookies
        return group_order.lines(
            found,
            group_order.ranked(found, key),
            cookies,
            self.folds.of(found.ids),
            np.isin(cookies, elsewhere),
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
        group = self._group(header)
        if group is None or self._groups is None:
            return np.empty(0, "u8")
        return self._cookies[self._groups.number == group]

    def label(self, header: int) -> str:
        """Say what a group's flows have in common: `nginx`."""
        group = self._group(header)
        return "" if group is None or self._groups is None else plain(self._groups.label(group))

    def query(self, header: int) -> str | None:
        """Write what lets through a group's flows; None where nothing does."""
        group = self._group(header)
        return None if group is None or self._groups is None else self._groups.query(group)

    def rows(self, lines: Keys, placed: Sequence[Placed]) -> dict[int, GroupRow]:
        """Write those of the lines that are headers, by their ids."""
        made = {}
        for line in lines[group_order.headers(lines)].tolist():
            group = self._group(line)
            if group is not None and self._groups is not None:
                folded = bool(self.folds.of(self._groups.ids[group : group + 1])[0])
                made[line] = group_lines.header(self._groups, group, folded, placed)
        return made

    def _group(self, header: int) -> int | None:
        """The number of a group that is there now."""
        if self._groups is None:
            return None
        # The ids are in their order.
        at = int(np.searchsorted(self._groups.ids, np.uint64(header)))
        there = at < len(self._groups) and int(self._groups.ids[at]) == header
        return at if there else None
