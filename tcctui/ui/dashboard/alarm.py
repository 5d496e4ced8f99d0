"""Alerts on the screen: marked rows, notices, and the list."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from textual.widget import Widget

from tcctui.flows.frame import View
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.ui.notices import LONG, Notice, tell
from tcctui.ui.style import units
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.view import CurrentView, GroupsItself

if TYPE_CHECKING:
    from tcctui.alerts.alert import Alert, Alerts, Turns
    from tcctui.ui.dialogs import Choice, Pick

LOOK = 1.0
"""Seconds between two checks."""

APART = 5.0
"""Minimum seconds between two notices, which name everything raised since the last."""

NAMED = 3
"""Limit on alerts named in a notice."""

_STAYS = 10.0

_NONE = Notice(
    "No alerts are set", "Start with --alert QUERY, such as --alert 'retrans>5 and srtt>200ms'."
)


class Report(Protocol):
    """Further recipient of alerts. Never blocks."""

    def tell(self, turns: Turns) -> None:
        """Report changes."""

    def troubles(self) -> list[str]:
        """New errors since the last call."""


class Alarms(NamedTuple):
    """Alerts to check for, and their further recipient."""

    alerts: Alerts
    report: Report | None = None


class _Known(NamedTuple):
    """Flows as they are in a frame; who they are is asked of the view, for it does not change."""

    every: Flows
    view: View

    def flows(self, names: Iterable[str]) -> Flows:  # noqa: ARG002 - it has what was asked for
        """All flows."""
        return self.every

    def some_flows(self, cookies: Keys, names: Iterable[str]) -> Flows:
        """Columns of these flows."""
        return self.view.some_flows(cookies, names)


class Alarm(Widget):
    """Checks once a second; invisible."""

    DEFAULT_CSS = "Alarm { display: none; }"

    def __init__(self, view: CurrentView, alarms: Alarms | None) -> None:
        super().__init__()
        self._view = view
        self._alarms = alarms
        if alarms is not None and isinstance(view.store, GroupsItself):
            alarms.alerts.label = view.store.label
        self._untold: list[Alert] = []
        self._quiet_until = 0.0
        self._list: Pick | None = None
        self._looked = -LOOK

    @property
    def fields(self) -> frozenset[str] | None:
        """Columns of all flows that it needs now; None while it is not time to look."""
        if self._alarms is None or time.monotonic() < self._looked + LOOK:
            return None
        return self._alarms.alerts.fields

    def look(self, every: Flows, view: View) -> None:
        """Look at all flows, which are of `view`."""
        if self._alarms is None:
            return
        self._looked = time.monotonic()
        alerts, report = self._alarms
        turns = alerts.look(_Known(every, view), self._wall_ns())
        if turns:
            self.screen.query_one(FlowTable).marked = alerts.cookies
            self._untold += turns.raised
            if report is not None:
                report.tell(turns)
            if self._list is not None and self._list.is_attached:
                self._list.show(*self._listed())
        self._tell()
        for trouble in (*alerts.troubles(), *(report.troubles() if report is not None else ())):
            tell(self, Notice("Some alerts were not reported", trouble, "warning", LONG))

    def _wall_ns(self) -> int:
        view = self._view
        return time.time_ns() if view.store is not None else view.wall.at(view.at_ns)

    def _tell(self) -> None:
        """Show a notice of raised alerts, unless there was one just now."""
        if not self._untold or time.monotonic() < self._quiet_until:
            return
        self._quiet_until = time.monotonic() + APART
        untold, self._untold = self._untold, []
        queries = list(dict.fromkeys(alert.query for alert in untold))
        lines = [_line(alert, with_query=len(queries) > 1) for alert in untold[:NAMED]]
        if len(untold) > NAMED:
            lines.append(f"and {len(untold) - NAMED:,} more: A lists them")
        title = f"Alert: {queries[0]}" if len(queries) == 1 else f"{len(untold):,} alerts"
        tell(self, Notice(title, " · ".join(lines), "warning", _STAYS))

    def show(self) -> None:
        """List active and cleared alerts; picking one goes to its flow."""
        if self._alarms is None:
            tell(self, _NONE)
            return
        self.app.clear_notifications()  # they would cover the list, and repeat it
        from tcctui.ui.dialogs import Pick  # noqa: PLC0415

        self._list = Pick(*self._listed(), nothing="Nothing has matched yet", opener="alerts")
        self.app.push_screen(self._list, self._go_to)

    def _listed(self) -> tuple[str, list[Choice]]:
        """Title and lines of the list, the newest first; each line keeps its value."""
        if self._alarms is None:
            return "", []
        from tcctui.ui.dialogs import Choice  # noqa: PLC0415

        alerts = self._alarms.alerts
        held, past = list(alerts.held)[::-1], list(alerts.past)[::-1]
        choices = {}
        for alert in (*held, *past):
            value = f"{alert.cookie} {alert.raised_ns} {alert.query} {alert.group}"
            choices[value] = Choice(value, _title(alert), _meaning(alert))
        zones = dict.fromkeys(units.zone(one.raised_ns) for one in (*held, *past))
        counted = f"Alerts: {len(held):,} hold, {len(past):,} cleared"
        title = " · ".join(filter(None, (counted, "/".join(filter(None, zones)))))
        return title, list(choices.values())

    def _go_to(self, chosen: str | None) -> None:
        if chosen is None:
            return
        cookie = int(chosen.partition(" ")[0])
        if not self.screen.query_one(FlowTable).select_flow(cookie):
            why = "It is closed, or the search does not let it through."
            tell(self, Notice("That flow is not in the table", why))


def _title(alert: Alert) -> str:
    """Time of the alert and its flow; an active one has no end."""
    until = units.wall_clock(alert.cleared_ns) if alert.cleared_ns else "now".ljust(8)
    return f"{units.wall_clock(alert.raised_ns)}–{until} {alert.who('→')}"


def _meaning(alert: Alert) -> str:
    who = " ".join(filter(None, (alert.process, alert.cc)))
    return " · ".join(filter(None, (alert.query, who, _values(alert))))


def _line(alert: Alert, *, with_query: bool) -> str:
    parts = (alert.query if with_query else "", alert.who("→"), _values(alert))
    return " ".join(filter(None, parts))


def _values(alert: Alert) -> str:
    from tcctui.query.value_text import said  # noqa: PLC0415 - not without alerts

    return ", ".join(said(name, value) for name, value in alert.values.items())
