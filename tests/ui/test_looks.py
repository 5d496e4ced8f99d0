"""What a person sees, as pictures, which a person has looked at.

After a change of looks, make them anew with

    .venv/bin/python -m pytest tests/ui/test_looks.py --snapshot-update

and look at those in __snapshots__/test_looks/ that git shows as changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
from textual.pilot import Pilot

from tcctui.flows.store import Store
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin
from tcctui.ui.app.app import ReplayApp, TcctuiApp
from tcctui.ui.app.dashboard_app import DashboardApp
from tcctui.ui.table.flow_order import HOLD
from tests.ui.fake_source import FakeSource, server
from tests.ui.sampled import sampled_server, without_events
from tests.ui.screen import Clock, Desk, origin, recorded


class Compare(Protocol):
    """The fixture of pytest-textual-snapshot."""

    def __call__(
        self, app: DashboardApp, *, terminal_size: tuple[int, int], run_before: Any
    ) -> bool:
        """Compare the screen with the picture on disk."""


class Look(NamedTuple):
    """One picture: how large, in which theme, after which keys, of which source."""

    size: tuple[int, int]
    theme: str = "textual-dark"
    keys: tuple[str, ...] = ("down",)
    source: Callable[[], FakeSource] = sampled_server
    replayed: bool = False


BACK = ("down", "space", "shift+left", "shift+left", *["comma"] * 9)
"""Keys that pause twenty seconds back and read a column out."""

PLAYED = ("space", "end", "shift+left", "left", "left", "down", *["comma"] * 14)
"""Keys that stop a recording twelve seconds before its end, and read a column out."""


def silent() -> FakeSource:
    """A source from which nothing has come through the kernel's filter."""
    return FakeSource(kernel_filter="port 443")


LOOKS = {
    "80x24": Look((80, 24)),
    "120x40": Look((120, 40)),
    "160x50": Look((160, 50)),
    "160x50-light": Look((160, 50), theme="textual-light"),
    "80x24-empty": Look((80, 24), keys=(), source=silent),
    "120x40-bbr": Look((120, 40), keys=("home", "c")),
    "120x40-in-flight": Look((120, 40), keys=("home", "down", "down", "down", "down", "c", "c")),
    "120x40-without-events": Look((120, 40), source=without_events),
    "160x50-never-sampled": Look((160, 50), keys=("home", "down", "down", "down")),
    "160x50-closed": Look((160, 50), keys=("end", "up", "up"), source=server),
    "80x24-details": Look((80, 24), keys=("down", "d")),
    "120x40-help": Look((120, 40), keys=("question_mark",)),
    "80x24-back": Look((80, 24), keys=BACK),
    "160x50-back": Look((160, 50), keys=BACK),
    "160x50-back-light": Look((160, 50), theme="textual-light", keys=BACK),
    "80x24-replay": Look((80, 24), keys=PLAYED, replayed=True),
    "160x50-replay": Look((160, 50), keys=PLAYED, replayed=True),
    "120x40-replay-ends": Look((120, 40), keys=("space", "end"), replayed=True),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_looks(clock: Clock, snap_compare: Compare, look: Look) -> None:
    """The screen looks as it did when somebody last looked at it."""
    source, store = look.source(), Store()
    app: DashboardApp = TcctuiApp(lambda: source, store, live_origin=origin, save=_save)
    if look.replayed:
        app = ReplayApp(recorded(source), speed=2)

    async def settle(pilot: Pilot[None]) -> None:
        pilot.app.theme = look.theme
        desk = Desk(pilot, pilot.app.screen, source, store, clock)
        await desk.arrived()
        for key in look.keys:
            await desk.press(key)
            await desk.until(lambda: desk.player.settled)
        clock.now += HOLD + 0.1
        await desk.looked()
        clock.now += 2
        clock.cpu += 0.06
        if not look.replayed:
            source.run(2)
        await desk.arrived()

    assert snap_compare(app, terminal_size=look.size, run_before=settle)


def _save(chunks: Iterable[Chunk], origin: Origin) -> Path:
    raise NotImplementedError
