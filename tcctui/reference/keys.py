"""Keys of the dashboard, by their names in the settings."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import App

from tcctui.reference.blocks import Block, Heading, Paragraph, entry
from tcctui.ui.actions import actions, spoken
from tcctui.ui.app.dashboard_app import DashboardApp
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.search.search_bar import SearchBar
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time.player import Player

_PARTS = (
    ("Screen", (DashboardApp, Dashboard)),
    ("Flows", FlowTable.__mro__),
    ("Time", (Player,)),
    ("While searching", (SearchBar,)),
)


def blocks() -> Iterator[Block]:
    """Default keys of each action."""
    yield Paragraph(
        "These are the defaults; the settings can change them by the names in brackets. In the"
        " dashboard, ? lists the keys in force and Ctrl-P all commands. A dialog closes with Esc,"
        " and with the key that opened it unless its box has text. An action's further keys give"
        " way to a key that the settings choose."
    )
    app: App[None] = App()
    for title, owners in _PARTS:
        yield Heading(title)
        for action in actions(owners):
            yield entry(spoken(app, action.keys), action.meaning, setting=action.id)
