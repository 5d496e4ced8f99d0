"""Texts that can be copied of a flow and of the table."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

import numpy as np
from textual.widget import Widget

from tcctui.fields.connection import ENDS
from tcctui.flows.groups.groups import Groups
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.ui.dialogs import Choice
from tcctui.ui.style.legible import legible, plain
from tcctui.ui.table import clipboard
from tcctui.ui.table.columns import SPARKLINES, TableColumn
from tcctui.ui.view import CurrentView, GroupsItself
from tcctui.wire.addresses import format_address, format_endpoint

MOST_ROWS = 10_000
"""Rows of the table that are copied."""

_CHUNK = 250  # rows formatted at a time: no more than the clipboard takes


def tsv(columns: Sequence[TableColumn], flows: Flows) -> list[str]:
    """Lines of what the cells of flows say, with tabs between them."""
    cells = [column.cells(flows) for column in columns]
    return ["\t".join(row) for row in zip(*cells, strict=True)]


class Copying:
    """Texts to copy for the selected flow or group, with its values at that moment.

    `shown` are the columns on the screen, `cookies` gives all flows that the table shows.
    """

    def __init__(
        self,
        view: CurrentView,
        shown: Sequence[TableColumn],
        cookies: Callable[[], Keys],
    ) -> None:
        self._view = view
        self._columns = [column for column in shown if column not in SPARKLINES]
        self._cookies = cookies
        self._titles = "\t".join(column.title for column in self._columns)
        self._members: Keys = np.empty(0, "u8")
        self._texts: dict[str, str] = {}

    @property
    def gone(self) -> bool:
        """True once the flow or the group is gone."""
        return not self._texts

    def of_flow(self, cookie: int) -> None:
        """Offer texts of one flow."""
        flows = self._flows(np.array([cookie], "u8"))
        self._texts = self._of_flow(flows) if flows.count else {}

    def of_row(self, cookie: int, own: GroupsItself) -> None:
        """Offer texts of a row that is a group of a view's own."""
        title, facts = own.summary(cookie)
        flows = self._flows(np.array([cookie], "u8"))
        if not flows.count:
            return
        lines = [title, *(f"{name}\t{' · '.join(said)}" for name, said in facts), ""]
        row = "\n".join([self._titles, *tsv(self._columns, flows), ""])
        self._texts = {"group": "\n".join(lines), "row": row}
        if (query := own.inside(cookie)) is not None:
            self._texts["search"] = query

    def of_group(self, groups: Groups, group: int, cookies: Keys) -> None:
        """Offer texts of a group, whose flows have these cookies."""
        from tcctui.ui.table.group_summary import group_summary  # noqa: PLC0415

        self._members = cookies
        facts = [f"{name}\t{' · '.join(said)}" for name, said in group_summary(groups, group)]
        label, query = plain(groups.label(group)), groups.query(group)
        self._texts = {"group": "\n".join([f"{groups.by.title}\t{label}", *facts, ""])}
        if query is not None:
            self._texts["search"] = query

    def _flows(self, cookies: Keys) -> Flows:
        needs = {name for column in self._columns for name in column.needs}
        return self._view.some_flows(cookies, {*needs, *ENDS, "netns_name"})

    def _of_flow(self, flows: Flows) -> dict[str, str]:
        ends = [int(flows[name][0]) for name in ENDS]
        local, remote = format_endpoint(*ends[:3]), format_endpoint(*ends[3:])
        here, there = _host(*ends[:2]), _host(*ends[3:5])
        return {
            "both ends": f"{local}-{remote}",
            "local end": local,
            "remote end": remote,
            "row": "\n".join([self._titles, *tsv(self._columns, flows), ""]),
            "search": f"src:{local} dst:{remote}",
            "ss filter": (
                f"ss {_namespace(flows['netns_name'][0])}-tin 'src {here} and sport = :{ends[2]}"
                f" and dst {there} and dport = :{ends[5]}'"
            ),
        }

    def choices(self) -> list[Choice]:
        """Available texts."""
        row = "with titles, tabs in between"
        said = {"row": row, "group": "what sums it up, a line each"}
        tables = {"table": self._cookies()}
        if len(self._members):
            tables = {"flows of the group": self._members, **tables}
        return [
            *(Choice(what, what, said.get(what, text)) for what, text in self._texts.items()),
            *(
                Choice(what, what, f"{min(len(cookies), MOST_ROWS):,} rows, {row}")
                for what, cookies in tables.items()
            ),
        ]

    def copy(self, widget: Widget, what: str | None) -> None:
        """Put what was picked into the clipboard, and say so."""
        if what == "table":
            self._copy_table(widget, self._cookies())
        elif what == "flows of the group":
            self._copy_table(widget, self._members)
        elif what is not None:
            clipboard.put(widget, self._texts[what], f"Copied: {what}")

    def _copy_table(self, widget: Widget, cookies: Keys) -> None:
        if self._view.deferred(lambda: self._copy_table(widget, cookies)):
            return
        lines = [self._titles]
        length = len(self._titles.encode()) + 1
        for start in range(0, min(len(cookies), MOST_ROWS), _CHUNK):
            for line in tsv(self._columns, self._flows(cookies[start:][:_CHUNK])):
                length += len(line.encode()) + 1
                if length > clipboard.MOST_BYTES or len(lines) > MOST_ROWS:
                    break
                lines.append(line)
            else:
                continue
            break
        rows = len(lines) - 1
        title = f"Copied {rows:,} rows" if rows != 1 else "Copied 1 row"
        if rows < len(cookies):
            title = f"Copied the first {rows:,} of {len(cookies):,} rows"
        clipboard.put(widget, "\n".join([*lines, ""]), title)


def _host(high: int, low: int) -> str:
    """An address as ss takes it."""
    text = format_address(high, low)
    return f"[{text}]" if ":" in text else text


def _namespace(name: bytes) -> str:
    """Have ss look into a network namespace, where that has a name that `ip netns` knows."""
    text = legible(name)
    return "" if text in ("", "host") or text.isdigit() else f"-N {shlex.quote(text)} "
