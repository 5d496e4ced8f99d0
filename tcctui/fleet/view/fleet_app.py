"""The dashboard of a fleet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from textual.actions import ActionParseResult
from textual.binding import BindingType
from textual.dom import DOMNode

from tcctui.config.settings import Settings
from tcctui.errors import TcctuiError
from tcctui.fields.connection import ENDS
from tcctui.fleet.view import clock, hosts, keys
from tcctui.fleet.view.engine import Engine
from tcctui.fleet.view.fleet_past import FleetPast
from tcctui.fleet.view.fleet_source import FleetSource
from tcctui.fleet.view.fleet_timeline import FleetTimeline
from tcctui.fleet.view.fleet_view import FleetView
from tcctui.fleet.view.other_end import Tuple, host_of_other_end
from tcctui.fleet.visit import Wanted
from tcctui.flows.labels import local, remote
from tcctui.flows.snapshot import Flows
from tcctui.recording.timeline import WallClock
from tcctui.ui.actions import key
from tcctui.ui.app.dashboard_app import DashboardApp, Shown
from tcctui.ui.chart.chart_kinds import KINDS, rate, retransmitted
from tcctui.ui.chart.chart_pair import Windows
from tcctui.ui.chart.charts import Charts
from tcctui.ui.compare.compare import Compare
from tcctui.ui.dialogs import Choice, Pick
from tcctui.ui.notices import BRIEF, LONG, Notice, tell
from tcctui.ui.preferences import Preferences
from tcctui.ui.saving import Saver, free_path
from tcctui.ui.table import sorting
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.table.sorting import SortKey
from tcctui.ui.text_dialog import TextDialog
from tcctui.ui.time.player import Player
from tcctui.ui.time.rewinder import Rewindable
from tcctui.ui.view import CurrentView
from tcctui.wire.addresses import format_address
from tcctui.wire.events import TcpState

if TYPE_CHECKING:
    from typing_extensions import Unpack

Live = Callable[[Wanted], object]
"""Goes to a host, or to both hosts of a connection."""


_GROUPS = (
    (
        *("group", "flows", "worse", "limit", "srtt", "retrans_pct", "srtt_p95", "min_rtt"),
        *("rate", "flows_error"),
    ),
    ("-worse", "-retrans_pct", "-flows"),
)
_FLOWS = (
    (
        *("host", "local", "remote", "process", "cc", "state", "health", "cwnd", "srtt"),
        *("min_rtt", "retrans_pct_10s", "rate", "limit", "weight"),
    ),
    ("-health", "-rate"),
)
"""Columns and order of groups and of connections."""

GROUP_KINDS = (("rates", rate), ("retransmitted", retransmitted))
"""Kinds of the left chart of a group."""

_DAY_S = 86400.0
_HOURS = tuple(3600.0 * hours for hours in (1, 6, 24))
_OF_GROUPS = Windows((3600.0, _DAY_S, None), (900.0, *_HOURS), "last 7 days")
_OF_FLOWS = Windows((300.0, 3600.0, None), (60.0, 300.0, 900.0, *_HOURS))
"""Windows of the charts."""

_FRAME = 10
"""Columns that a dialog's frame and scroll bar take."""

_FORMATS = {".parquet": "Parquet", ".csv": "CSV", ".jsonl": "JSON lines"}

_EARLIER = "The same time a day earlier; pauses a live screen"
_LATER = "The same time a day later"

_OF_ONE_MACHINE = frozenset({"columns", "widths", "sort", "group"})
"""Settings of the dashboard of one machine, which a fleet's leaves alone."""


class FleetApp(DashboardApp):
    """Shows groups and connections of a fleet, as an engine answers.

    `live` goes to a host; without it, a notice has the command that does.
    """

    MEANINGS = keys.MEANINGS
    BINDINGS: ClassVar[list[BindingType]] = [
        key("left_square_bracket", f"shift({-_DAY_S:.0f})", "day-before", _EARLIER),
        key("right_square_bracket", f"shift({_DAY_S:.0f})", "day-after", _LATER),
    ]

    def __init__(
        self,
        engine: Engine,
        name: str,
        *,
        description: str = "ClickHouse",
        by: str = "net",
        at_s: int | None = None,
        live: Live | None = None,
        now: Callable[[], float] = time.time,
        **shown: Unpack[Shown],
    ) -> None:
        self._engine = engine
        self.fleet = FleetView(engine, self._tell, by=by, now=now)
        preferences = of_fleet(shown.get("preferences") or Preferences(), by)
        shown["preferences"] = preferences
        super().__init__(CurrentView(self.fleet), **shown)
        self._engine_name = name
        self._description = description
        self._at_s = at_s
        self._live = live
        self._saver = Saver(self.dashboard)
        self._shown_by = by
        self._looks: dict[bool, tuple[tuple[str, ...], tuple[SortKey, ...]]] = {}

    def begin(self) -> None:
        """Ask the first question."""
        past = FleetPast(self.fleet, self._tell, self._tell_failure)
        source = FleetSource(self.fleet, self._description)
        rewindable = Rewindable(
            past,
            past.span,
            WallClock(clock.OFFSET_NS),
            close=self.fleet.close,
            strides=past.strides,
            saves=self._save,
            seconds=FleetTimeline(
                self._engine, lambda: self.fleet.now_s, self._tell_timeline_failure
            ).seconds,
        )
        self._chart(groups=bool(self.fleet.grouped_by))
        self.fleet.start()
        self.dashboard.source_opened(source, rewindable, self._engine_name)
        if self._at_s is not None:
            self.dashboard.query_one(Player).go(clock.moment_ns(self._at_s))

    def _tell(self) -> None:
        """Show an answer; from any thread."""
        self.dashboard.call_later(self._arrived)

    def _tell_failure(self, reason: str) -> None:
        notice = Notice("The past can't be read", reason, "error", LONG)
        self.dashboard.call_later(tell, self.dashboard, notice)

    def _tell_timeline_failure(self, reason: str) -> None:
        notice = Notice("The timeline can't be read", reason, "error", LONG)
        self.dashboard.call_later(tell, self.dashboard, notice)

    def _arrived(self) -> None:
        if not self.is_running:
            return
        by = self.fleet.question.by
        if by != self._shown_by:
            if bool(by) != bool(self._shown_by):
                self._turn(groups=bool(by))
            self._shown_by = by
            self.dashboard.query_one(FlowTable).start_over()
        self.dashboard.look()

    def _turn(self, *, groups: bool) -> None:
        """Show the columns of groups in place of those of connections, or the other way round."""
        table = self.dashboard.query_one(FlowTable)
        settings = self.preferences.settings
        self._looks[not groups] = settings.columns, table.order_by
        columns, keys = self._looks.get(groups) or _usual(groups=groups)
        self._chart(groups=groups)
        table.pinned = ()
        self.preferences.settings = replace(settings, columns=columns)
        table.order_by = keys
        table.show_columns(columns, settings.widths)
        self.dashboard.refresh_bindings()

    def _chart(self, *, groups: bool) -> None:
        """Show the rates and the last hour of a group, or the cwnd and the last 5 min of a flow."""
        charts, compare = self.dashboard.query_one(Charts), self.dashboard.query_one(Compare)
        charts.kinds = GROUP_KINDS if groups else KINDS
        for pair in (charts.pair, compare.pair):
            pair.windows = _OF_GROUPS if groups else _OF_FLOWS
            pair.kind, pair.seconds = 0, pair.windows.cycle[0]
        charts.pair.kinds = len(charts.kinds)

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Say why an action has no effect in a fleet, and which key goes further."""
        name = action.partition("(")[0] if isinstance(action, str) else action[1]
        if name == "host" and self.screen is self.dashboard:
            self._show_hosts()
            return True
        refused = keys.REFUSED.get(name)
        if refused is None or self.screen is not self.dashboard or self._may(name):
            return await super().run_action(action, default_namespace, namespaces)
        tell(self.dashboard, Notice(*refused, seconds=BRIEF))
        return True

    def _may(self, name: str) -> bool:
        """True while a refused action has something to work on: incidents, on the timeline."""
        return name == "incident" and self.dashboard.query_one(Player).has_timeline

    def _show_hosts(self) -> None:
        """Ask for the hosts, and list them; the rows need not wait."""

        def ask() -> None:
            try:
                known = self.fleet.hosts()
            except Exception as error:  # also a defect: the screen stays, and reports it
                known_error = isinstance(error, TcctuiError)
                reason = str(error) if known_error else f"{type(error).__name__}: {error}"
                notice = Notice("The hosts can't be listed", reason, "error", LONG)
                self.dashboard.call_later(tell, self.dashboard, notice)
                return
            head = hosts.head(self._engine_name, self.fleet.now_s)
            text = hosts.as_text(known, head, self.size.width - _FRAME)
            json = hosts.as_json(known)
            dialog = TextDialog("Hosts of the fleet", text, what="hosts", opener="host", json=json)
            self.dashboard.call_later(self._open_above, dialog)

        # The end waits for workers, and not for this: the engine may be slow.
        threading.Thread(target=ask, name="fleet hosts", daemon=True).start()

    def _open_above(self, dialog: TextDialog) -> None:
        if self.is_running and self.screen is self.dashboard:
            self.push_screen(dialog)

    def _save(self) -> None:
        """Pick a format, and save the rows shown in it."""
        view = self.dashboard.view
        if view.deferred(self._save):
            return
        groups = view.own_groups is not None and view.own_groups.is_group(0)
        table = self.dashboard.query_one(FlowTable)
        from tcctui.export.arrow_tables import WRITERS  # noqa: PLC0415 - pyarrow
        from tcctui.fleet.view import saved_rows  # noqa: PLC0415

        columns, needs = saved_rows.needs(table.columns_shown, groups=groups)
        flows = view.flows(needs)
        rows = f"{flows.count:,} {'groups' if groups else 'connections'}"

        def take(ending: str | None) -> None:
            if ending is not None:
                self._saver.save(
                    lambda: saved_rows.write(saved_rows.table(flows, columns), free_path(ending)),
                    f"{rows}, as they are on the screen, with units and errors.",
                )

        choices = [Choice(ending, _FORMATS[ending]) for ending in WRITERS]
        self.push_screen(Pick(f"Save {rows} as", choices, opener="save-past"), take)

    def action_shift(self, seconds: float) -> None:
        """Go a day back or forward."""
        if self.screen is self.dashboard:
            self.dashboard.query_one(Player).action_shift(seconds)

    def on_flow_table_host_wanted(self, message: FlowTable.HostWanted) -> None:
        """Go to the host of a connection: to the present, or the moment that is shown."""
        flow = self._flow(message.cookie)
        if flow is None:
            return
        if self._live is not None:
            self._live(flow)
            return
        command = (
            f"ssh {flow.host} sudo tcctui record --last 10m --filter '{flow.query}' -"
            " | tcctui replay -"
        )
        title = f"Only {flow.host} has every ACK"
        tell(self.dashboard, Notice(title, f"Run: {command}", seconds=LONG))

    def on_flow_table_both_ends_wanted(self, message: FlowTable.BothEndsWanted) -> None:
        """Find the host of a connection's other end, and go to both."""
        flow, flows = self._flow(message.cookie), self._ends(message.cookie)
        if flow is None or self._live is None:
            return
        local_end, remote_end = (
            (format_address(*(int(flows[f"{end}addr_{half}"][0]) for half in ("hi", "lo"))), port)
            for end, port in (("s", int(flows["sport"][0])), ("d", int(flows["dport"][0])))
        )
        of = Tuple(*local_end, *remote_end)
        at_s = self.fleet.now_s if flow.at_ns is None else flow.at_ns // 1_000_000_000
        turned = f"src:{remote(flows)[0]} dst:{local(flows)[0]}"

        def find() -> None:
            try:
                host = host_of_other_end(self._engine, flow.host, of, at_s)
            except TcctuiError as error:
                self.call_from_thread(self._no_other_end, str(error))
            except Exception as error:  # a defect: the screen stays, and reports it
                self.call_from_thread(self._no_other_end, f"{type(error).__name__}: {error}")
            else:
                self.call_from_thread(self._both, flow, host, turned)

        self.run_worker(find, thread=True, exit_on_error=False)

    def _no_other_end(self, reason: str) -> None:
        tell(self.dashboard, Notice("There is one end alone", reason, "warning", LONG))

    def _both(self, flow: Wanted, host: str, turned: str) -> None:
        """Go to both hosts, or to the one that has both ends."""
        if self._live is None:
            return
        if host == flow.host:
            self._live(flow._replace(query=f"({flow.query}) or ({turned})", both=True))
        else:
            self._live(flow._replace(both=True, other=(host, turned)))

    def _ends(self, cookie: int) -> Flows:
        return self.dashboard.view.some_flows(np.array([cookie], "u8"), (*ENDS, "state", "last_ns"))

    def _flow(self, cookie: int) -> Wanted | None:
        """A connection on its host; None where the row is gone.

        At the moment that is shown, or in the present; of one that has ended, at its last moments.
        """
        flows = self._ends(cookie)
        host = self.dashboard.view.key(cookie).host
        if not host or not flows.count:
            return None
        query = f"src:{local(flows)[0]} dst:{remote(flows)[0]}"
        at_ns = self.dashboard.moment_ns
        if at_ns is None and flows["state"][0] == TcpState.CLOSE:
            at_ns = int(flows["last_ns"][0]) + clock.OFFSET_NS
        return Wanted(host, query, at_ns)


def of_fleet(preferences: Preferences, by: str) -> Preferences:
    """Preferences of a fleet's dashboard: its own columns and order; all else is the user's."""
    columns, keys = _usual(groups=bool(by))
    settings: Settings = replace(
        preferences.settings, columns=columns, widths={}, sort=tuple(map(str, keys)), group=""
    )

    def keep(changes: Mapping[str, Any]) -> None:
        kept = {name: value for name, value in changes.items() if name not in _OF_ONE_MACHINE}
        if kept:
            preferences.change(**kept)

    made = Preferences(settings, keep, preferences.problems, preferences.searches)
    made.colours = preferences.colours
    return made


def _usual(*, groups: bool) -> tuple[tuple[str, ...], tuple[SortKey, ...]]:
    columns, keys = _GROUPS if groups else _FLOWS
    return columns, sorting.usable(SortKey.read(keys))
