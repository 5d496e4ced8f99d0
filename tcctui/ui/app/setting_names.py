"""The screen's names that settings may use."""

from __future__ import annotations

from tcctui.config.choices import Choices
from tcctui.flows.groups.groups import GROUPINGS
from tcctui.query import QueryError, parse
from tcctui.ui.actions import Action, actions, key_name
from tcctui.ui.app.dashboard_app import DashboardApp
from tcctui.ui.dashboard.dashboard import Dashboard
from tcctui.ui.search.search_bar import SearchBar
from tcctui.ui.style.themes import NAMES
from tcctui.ui.table.columns import BY_NAME
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.time.player import Player

OWNERS = (DashboardApp, Dashboard, Player, FlowTable, SearchBar)
"""Classes whose keys can be changed."""

_FIXED = {"escape": "closing", "ctrl+c": "quitting", "tab": "going on", "enter": "taking"}


def all_actions() -> tuple[Action, ...]:
    """All actions that have keys, with their default keys."""
    return tuple(actions(OWNERS))


def choices() -> Choices:
    """All valid names."""
    keys = {action.id: action.keys for action in all_actions()}
    taken = {key for usual in keys.values() for key in usual}
    return Choices(
        themes=NAMES,
        columns=tuple(BY_NAME),
        groups=tuple(GROUPINGS),
        keys=keys,
        key=key_name,
        fault=_fault,
        elsewhere={key: what for key, what in _FIXED.items() if key not in taken},
        typing=frozenset(action.id for action in actions([SearchBar])),
    )


def _fault(text: str) -> str:
    try:
        parse(text)
    except QueryError as error:
        return f"{error.reason}: {text[error.start : error.end]!r}."
    return ""
