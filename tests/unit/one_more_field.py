"""A field that one line adds to the table, looked for in everything that is made of fields.

Run by tests/unit/test_fields.py in a process of its own, after the line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
from textual.app import App
from textual.widgets import OptionList

from tcctui.export.event_tables import samples_table
from tcctui.flows.store import Store
from tcctui.manual.page import page
from tcctui.query import parse
from tcctui.query.completion import Suggestion, complete
from tcctui.recording.arrow import SCHEMA
from tcctui.recording.chunks import NO_EVENTS, Chunk
from tcctui.recording.file import Recording
from tcctui.ui.app.setting_names import choices
from tcctui.ui.dashboard.help import Help
from tcctui.ui.dashboard.help_section import Section
from tcctui.ui.preferences import Preferences
from tcctui.ui.table.column_dialogs import Columns
from tcctui.ui.table.columns import BY_NAME, GROUPS
from tcctui.wire.samples import SAMPLE, TCP_INFO_BYTES, value
from tests.unit.recordings import written
from tests.unit.samples import look, samples

MEANING = "segments received with CE"
TWICE = samples([1, 2], [1, 2], received_ce=7, info_len=[TCP_INFO_BYTES, TCP_INFO_BYTES - 1])


def check(directory: Path) -> None:
    """Look for it everywhere."""
    assert SAMPLE.fields is not None
    assert SAMPLE.fields["received_ce"][1] - SAMPLE.fields["tcp_info"][1] == 248
    np.testing.assert_array_equal(value(TWICE, "received_ce"), [7, np.nan])
    # the table
    column = BY_NAME["received_ce"]
    store = Store()
    look(store, TWICE)
    flows = store.flows({*column.needs})
    assert column.cells(flows) == ["7", "–"]
    assert column.query is not None
    assert column.query(flows, 0) == "ce_in>=7"
    assert column.query(flows, 1) is None
    assert "received_ce" in dict(GROUPS)["Loss"]
    assert "received_ce" in choices().columns
    # the language
    assert parse("ce_in>3 and received_ce<9").fields == {"received_ce"}
    assert Suggestion("ce_in>", MEANING) in complete("ce_", 3, {}).choices
    # exports, recordings
    assert samples_table(TWICE, 0)["received_ce"].to_pylist() == [7, None]
    member = SCHEMA.field("samples").type.value_type.field("received_ce")
    assert member.type == pa.uint32()
    assert member.metadata[b"source"] == b"TCP_INFO tcpi_received_ce"
    path = written(directory / "recording", Chunk(0, 3, NO_EVENTS, TWICE))
    (chunk,) = Recording(path).chunks(0, 3)
    assert chunk.samples["received_ce"].tolist() == [7, 7]
    # the manual, the help and the dialog
    text = page()
    assert all(said in text for said in ("RCV_CE", MEANING, "ce_in"))
    asyncio.run(_help_and_dialog())


class _Table:
    """The part of the table that the dialog needs."""

    room = 100
    is_of_fleet = False

    def show_columns(self, names: Sequence[str], widths: Mapping[str, int]) -> None:
        """Show nothing."""


class _Screens(App[None]):
    preferences = Preferences()


async def _help_and_dialog() -> None:
    async with _Screens().run_test() as pilot:
        await pilot.app.push_screen(Columns(cast("Any", _Table()), Preferences()))
        shown = [
            str(row.get_option_at_index(at).prompt)
            for row in pilot.app.screen.query(OptionList)
            for at in range(row.option_count)
        ]
        assert any("RCV_CE" in text for text in shown)
        pilot.app.pop_screen()
        await pilot.app.push_screen(Help(cast("Any", pilot.app.screen)))
        told = {
            entry.name: entry.meaning
            for section in pilot.app.screen.query(Section)
            for entry in section.entries
        }
        assert told["RCV_CE"] == MEANING
        assert told["ce_in, received_ce"] == MEANING
