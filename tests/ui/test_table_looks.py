"""What the table and its dialog look like, as pictures, which a person has looked at.

tests/ui/test_looks.py says how they are made anew.
"""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tcctui.flows.store import Store
from tcctui.ui.app.app import TcctuiApp
from tcctui.ui.table.flow_order import HOLD
from tcctui.ui.table.flow_table import FlowTable
from tcctui.ui.table.sorting import SortKey
from tests.ui.sampled import sampled_server
from tests.ui.screen import Clock, Desk, origin
from tests.ui.test_looks import Compare

MARKED = ("down", "down", "down", "asterisk", "down", "down", "asterisk", *["tab"] * 3)
"""Keys that pin two flows, and move the cell cursor."""

LOOKS = {
    "80x24-marks": ((80, 24), MARKED),
    "160x50-marks": ((160, 50), MARKED),
    "80x24-copy": ((80, 24), ("down", "down", "Y")),
    "160x50-copy": ((160, 50), ("down", "Y")),
}


@pytest.mark.parametrize(("size", "keys"), LOOKS.values(), ids=LOOKS)
def test_looks(
    clock: Clock, snap_compare: Compare, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    """The screen looks as it did when somebody last looked at it."""
    source, store = sampled_server(), Store()
    app = TcctuiApp(lambda: source, store, live_origin=origin)

    async def settle(pilot: Pilot[None]) -> None:
        desk = Desk(pilot, pilot.app.screen, source, store, clock)
        table = desk.screen.query_one(FlowTable)
        table.marked = frozenset({2, 7})
        table.order_by = (SortKey("limit", False), SortKey("srtt", True))
        await desk.arrived()
        await desk.press(*keys)
        clock.now += HOLD + 0.1
        clock.cpu += 0.06
        await desk.arrived()

    assert snap_compare(app, terminal_size=size, run_before=settle)
