"""Round-trip times of the flows that the table shows, for their histogram."""

from __future__ import annotations

import numpy as np

from tcctui.query import Query
from tcctui.ui.dialogs.histogram import Times
from tcctui.ui.style import units
from tcctui.ui.table.row_places import RowPlaces
from tcctui.ui.view import CurrentView


def srtt_times(view: CurrentView, query: Query, places: RowPlaces) -> Times | None:
    """Round-trip times of the flows shown, or of those of the selected group.

    None while another moment is worked out.
    """
    if view.still:
        return None
    flows = view.flows({*query.fields, "srtt_us"})
    header = places.selected_group
    if header is not None:
        own = places.groups.cookies_of(header)
        name = places.groups.label(header)
        return Times(flows["srtt_us"][np.isin(flows["cookie"], own)], f"{name}: {_flows(len(own))}")
    found = flows["srtt_us"][query.mask(flows)]
    hidden = "" if len(found) == flows.count else f" of {units.count(flows.count)}"
    return Times(found, f"{_flows(len(found))}{hidden}")


def _flows(count: int) -> str:
    return "1 flow" if count == 1 else f"{units.count(count)} flows"
