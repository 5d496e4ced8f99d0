"""The shown flows in groups, and a histogram of their round-trip times."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from tcctui.flows.groups.groups import GROUPINGS
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.ui.dialogs.histogram import SrttHistogram, Times
from tcctui.ui.dialogs.pick import Choice, Pick
from tcctui.ui.notices import BRIEF, Notice, tell
from tcctui.ui.persist import keep
from tcctui.ui.preferences import Preferences
from tcctui.ui.style import units
from tcctui.ui.table import pins
from tcctui.ui.table.group_lines import GroupRow
from tcctui.ui.table.group_order import headers, is_header
from tcctui.ui.table.grouped import Grouped
from tcctui.ui.table.rows import Line
from tcctui.ui.table.shown import ShownFlows
from tcctui.ui.view import View

FOLD_WIDTH = 2
"""Cells at the left of a header that fold it when they are clicked."""

_NOTHING = "nothing"

_LONG, _SHARE = 0.05, 10
"""Seconds that a look may take; where it takes longer, it is done in a tenth of the time."""


class GroupedFlows(ShownFlows):
    """Shows flows below a header for each group of them, where it is grouped by something.

    A header is a line like a flow's: it can be selected, and stays so while lines move. Where the
    flow that somebody selected is in a group that is folded, the group's header stands in for it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            *("G", "group", "Group"),
            show=False,
            id="group",
            tooltip="Group the flows by process, remote host or net, local port, algorithm, netns",
        ),
        Binding(
            *("enter", "fold", "Fold"),
            show=False,
            id="fold",
            tooltip="Fold the group that is selected, or unfold it; or click ▾",
        ),
        Binding(
            *("E", "fold_all", "Fold all"),
            show=False,
            id="fold-all",
            tooltip="Fold all groups, or unfold them",
        ),
        Binding(
            *("H", "histogram", "Histogram"),
            show=False,
            id="histogram",
            tooltip="Histogram of srtt over the flows shown, or over those of the selected group",
        ),
    ]

    grouped_by: reactive[str] = reactive("", init=False, repaint=False)
    """Name of one of `groups.GROUPINGS`, empty for nothing."""

    @dataclass
    class FilterWanted(Message):
        """Somebody wants to search for this too, or for all but this."""

        text: str
        exclude: bool

    @property
    def selected(self) -> int | None:
        """Cookie of the selected flow; None where a group is selected."""
        line = self._order.selected
        return None if line is None or is_header(line) else line

    @property
    def selected_group(self) -> int | None:
        """The header that is selected."""
        line = self._order.selected
        return line if line is not None and is_header(line) else None

    @property
    def cookies_in_sight(self) -> Keys:
        """Cookies of the flows on the screen, the selected one first, wherever it is."""
        lines = super().cookies_in_sight
        return lines[~headers(lines)]

    @property
    def flow_lines(self) -> Keys:
        """Cookies of all flows that have a line, in their order."""
        return self._order.cookies[~headers(self._order.cookies)]

    @property
    def instead(self) -> str:
        """What is selected where that is no flow."""
        header = self.selected_group
        return "" if header is None else f"A group is selected: {self._grouped.label(header)}"

    def __init__(
        self,
        view: View,
        preferences: Preferences | None = None,
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(view, preferences, id=id)
        self._grouped = Grouped()
        self._grouped.group_by(self._preferences.settings.group)
        self.set_reactive(GroupedFlows.grouped_by, self._preferences.settings.group)
        self._rest_until = 0.0

    # Looking

    def glance(self) -> None:
        """Look, as is done again and again; where that takes long, not each time."""
        begun = time.monotonic()
        if begun < self._rest_until:
            return
        self.look()
        took = time.monotonic() - begun
        self._rest_until = begun + took * _SHARE if took > _LONG else 0.0

    def _needs(self) -> set[str]:
        return super()._needs() | self._grouped.needs

    def _lines_of(self, flows: Flows, ordered: npt.NDArray[np.intp]) -> Keys:
        if self._grouped.by is None:
            return super()._lines_of(flows, ordered)
        on_top = self._on_top(flows["cookie"][ordered])
        lines = self._grouped.lines(flows, ordered, self.order_by[0], on_top)
        self._order.home = self._grouped.header_of(self._order.wanted)
        return np.concatenate([on_top, lines])

    def _on_top(self, cookies: Keys) -> Keys:
        """Those above all groups: what is pinned, but what is still held in its group."""
        pinned = pins.among(self.pinned, cookies)
        if not self._order.held:
            return pinned
        before = self._order.cookies
        below = before[np.cumsum(headers(before)) > 0]
        return pinned[~np.isin(pinned, below)]

    def _made(self, lines: Keys) -> list[Line]:
        if self._grouped.by is None:
            return super()._made(lines)
        header = headers(lines)
        flows = iter(super()._made(lines[~header]))
        made = self._grouped.rows(lines[header], self._placed)
        blank = GroupRow(())
        return [
            made.get(line, blank) if is_header(line) else next(flows) for line in lines.tolist()
        ]

    def watch_grouped_by(self, name: str) -> None:
        """Group at once."""
        self._grouped.group_by(name)
        self._order.home = None
        self._look_anew()

    # Acting

    def action_group(self) -> None:
        """Pick what to group by."""
        choices = [Choice(one.name, one.title, one.meaning) for one in GROUPINGS.values()]
        choices.append(Choice(_NOTHING, "nothing", "flows alone"))

        def take(name: str | None) -> None:
            if name is not None:
                self.grouped_by = "" if name == _NOTHING else name
                keep(self, self._preferences, group=self.grouped_by)

        self.app.push_screen(Pick("Group by", choices), take)

    def action_fold(self) -> None:
        """Fold the group that is selected, or that the selected flow is in; or unfold it."""
        header = self._grouped.header_of(self._order.selected)
        if header is None or self._view.still:
            return
        self._grouped.folds.turn(header)
        self._fold()

    def action_fold_all(self) -> None:
        """Fold all groups; unfold them where all are folded."""
        if self._grouped.by is None:
            tell(self, Notice("There are no groups", "G groups the flows.", seconds=BRIEF))
        elif not self._view.still:
            self._grouped.fold_all()
            self._asked_anew = True
            self._fold()

    def _fold(self) -> None:
        """Show what is folded now, and of the rest all where it was."""
        self._order.hold()
        self.look()
        if self._order.selected_at is not None:
            self._bring_into_sight(self._order.selected_at)

    def action_histogram(self) -> None:
        """Show how the round-trip times are spread."""
        header = self.selected_group
        own = None if header is None else self._grouped.query(header)

        def take(query: str | None) -> None:
            if query is not None:
                text = query if own is None else f"{own} {query}"
                self.post_message(self.FilterWanted(text, exclude=False))

        self.app.push_screen(SrttHistogram(self._times), take)

    def _times(self) -> Times | None:
        """Round-trip times of the flows shown, or of those of the selected group."""
        if self._view.still:
            return None
        query = self.whole_query
        flows = self._view.flows({*query.fields, "srtt_us"})
        header = self.selected_group
        if header is not None:
            own = self._grouped.cookies_of(header)
            name = self._grouped.label(header)
            return Times(
                flows["srtt_us"][np.isin(flows["cookie"], own)], f"{name}: {_flows(len(own))}"
            )
        found = flows["srtt_us"][query.mask(flows)]
        hidden = "" if len(found) == flows.count else f" of {units.count(flows.count)}"
        return Times(found, f"{_flows(len(found))}{hidden}")

    def _filter_by_group(self, exclude: bool) -> bool:
        """Want the flows of the selected group, or all others; gives whether a group is."""
        header = self.selected_group
        if header is None:
            return False
        query = self._grouped.query(header)
        if query is None:
            text = "Nothing is known that its flows have in common."
            tell(self, Notice("The group can't be searched for", text, seconds=BRIEF))
        else:
            self.post_message(self.FilterWanted(query, exclude))
        return True

    def _no_flow(self) -> None:
        """Say why nothing can be done with the selected flow: it is a group."""
        if self.selected_group is not None:
            text = f"This is for flows. {self.instead}."
            tell(self, Notice("Not for groups", text, seconds=BRIEF))


def _flows(count: int) -> str:
    return "1 flow" if count == 1 else f"{units.count(count)} flows"
