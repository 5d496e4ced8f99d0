"""Flows whose round-trip times a heat map shows, by what they have in common."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcctui.flows.groups.groups import GROUPINGS, Grouping, membership
from tcctui.flows.index import Keys
from tcctui.query import Query
from tcctui.ui.style import units
from tcctui.ui.table.row_places import RowPlaces
from tcctui.ui.view import CurrentView

BY = ("shown", "flow", "group", "net", "cc")
"""Criteria in the order of their key."""


class Members(NamedTuple):
    """Flows of a map: their name, cookies (None: all there are), and the query for them, if any."""

    name: str
    cookies: Keys | None
    query: str | None = ""


def members(
    view: CurrentView, query: Query, places: RowPlaces, selected: int | None, by: str
) -> Members | None:
    """Flows of a map; None where there are none of this kind, or another moment is worked out."""
    if view.still or view.own_groups is not None:
        return None
    if by == "shown":
        return _shown(view, query)
    if by == "group":
        return _of_group(places)
    if selected is None:
        return None
    if by == "flow":
        return Members("the selected flow", np.array([selected], "u8"), f"cookie:{selected}")
    return _like(view, selected, GROUPINGS[by])


def _shown(view: CurrentView, query: Query) -> Members:
    flows = view.flows({*query.fields, "cookie"})
    found = flows["cookie"][query.mask(flows)]
    return Members(_counted(len(found)), None if len(found) == flows.count else found)


def _of_group(places: RowPlaces) -> Members | None:
    header = places.selected_group
    if header is None:
        return None
    own = places.groups.cookies_of(header)
    told = f"{places.groups.label(header)}: {_counted(len(own))}"
    return Members(told, own, places.groups.query(header))


def _like(view: CurrentView, selected: int, by: Grouping) -> Members | None:
    """Flows of the selected one's group, by a criterion."""
    flows = view.flows({*by.needs, "cookie"})
    at = np.flatnonzero(flows["cookie"] == selected)
    if not len(at):
        return None
    _, first, number = membership(flows, by)
    mine = number == number[at[0]]
    key = [part[first[number[at[0]]]].item() for part in by.keys(flows)]
    told = f"{by.label(*key)}: {_counted(int(mine.sum()))}"
    return Members(told, flows["cookie"][mine], by.query(*key))


def _counted(count: int) -> str:
    return "1 flow" if count == 1 else f"{units.count(count)} flows"
