"""Filter of the command line: it applies to everything on the screen."""

from __future__ import annotations

from tcctui.query import ALL, Query, QueryError
from tcctui.ui.notices import LONG, Notice, tell
from tcctui.ui.search.fallback import guarded
from tcctui.ui.table.flow_table import FlowTable


def show_only(table: FlowTable, query: Query) -> None:
    """Restrict the table to matches; show everything if the evaluation fails."""

    def give_up(mistake: QueryError) -> None:
        if table.base_query is given:
            table.base_query = ALL
            why = f"{mistake.reason[:1].upper()}{mistake.reason[1:]}: all flows are shown."
            tell(table, Notice("--filter holds no more", why, "warning", LONG))

    def failed(mistake: QueryError) -> None:
        table.call_later(give_up, mistake)  # not during an evaluation

    given = guarded(query, ALL, failed) if query.text.strip() else ALL
    table.base_query = given
