"""What a person sees, as text and a few pictures, which a person has looked at.

After a change of looks, make them anew with

    .venv/bin/python -m pytest tests/ui --snapshot-update -k looks

and read the diff of __snapshots__.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tcctui.config.settings import Settings
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Origin
from tcctui.ui.preferences import Preferences
from tcctui.ui.table.flow_order import HOLD
from tests.ui.fake_source import FakeSource, server
from tests.ui.sampled import sampled_server, without_events
from tests.ui.screen import Clock, Desk, dashboard, recorded, replay

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (160, 50)

BACK = ("down", "space", "shift+left", "shift+left", *["comma"] * 9)
"""Keys that pause twenty seconds back and read a column out."""

PLAYED = ("space", "end", "shift+left", "left", "left", "down", *["comma"] * 14)
"""Keys that stop a recording twelve seconds before its end, and read a column out."""

MARKED = ("down", "down", "down", "asterisk", "down", "down", "asterisk", *["tab"] * 3)
"""Keys that pin two flows, and move the cell cursor."""

GROUPED = ("down", "G", *"remote net", "enter")
"""Keys that group by remote nets."""


class Look(NamedTuple):
    """One look: how large, after which keys, of which source, in which theme; and its parts."""

    size: tuple[int, int]
    keys: tuple[str, ...]
    parts: tuple[str, ...] = ()
    source: Callable[[], FakeSource] = sampled_server
    theme: str = "textual-dark"
    sort: tuple[str, ...] = ("-rate",)
    alerts: frozenset[int] = frozenset()
    ascii: bool = False
    replayed: bool = False


def silent() -> FakeSource:
    """A source from which nothing has come through the kernel's filter."""
    return FakeSource(kernel_filter="port 443")


PICTURES = {
    "80x24": Look(SMALL, ("down",)),
    "160x50": Look(LARGE, ("down",)),
    "160x50-light": Look(LARGE, ("down",), theme="textual-light"),
    "160x50-back": Look(LARGE, BACK),
}

TABLE, CWND, SRTT, DETAILS, STATUS = "FlowTable", "#cwnd-chart", "#srtt-chart", "Details", "#status"
KEY_LINE, PICK, CHOOSING, HELP = "KeyLine", ".dialog", ".choosing", "#help"

PANELS = {
    "middle": Look(MIDDLE, ("down",), ("#lower",)),
    "empty": Look(SMALL, (), (STATUS, TABLE, CWND), silent),
    "bbr": Look(MIDDLE, ("home", "c"), (CWND, DETAILS)),
    "in-flight": Look(MIDDLE, ("home", *["down"] * 4, "c", "c"), (CWND,)),
    "without-events": Look(MIDDLE, ("down",), (STATUS, CWND), without_events),
    "never-sampled": Look(LARGE, ("home", "down", "down", "down"), (SRTT, DETAILS)),
    "closed": Look(LARGE, ("end", "up", "up"), (TABLE, DETAILS), server),
    "details-80x24": Look(SMALL, ("down", "d"), ("#lower",)),
    "back-80x24": Look(SMALL, BACK, (STATUS, "#caption", CWND, KEY_LINE)),
    "back-light": Look(LARGE, BACK, (STATUS, CWND), theme="textual-light"),
    "replay-80x24": Look(SMALL, PLAYED, (STATUS, "#caption", KEY_LINE), replayed=True),
    "replay-160x50": Look(LARGE, PLAYED, (STATUS, SRTT, KEY_LINE), replayed=True),
    "replay-ends": Look(MIDDLE, ("space", "end"), (STATUS, KEY_LINE), replayed=True),
    "safe-dark": Look(SMALL, ("down",), (TABLE, "#lower"), theme="tcctui-safe-dark"),
    "safe-light": Look(SMALL, ("down",), (TABLE, "#lower"), theme="tcctui-safe-light"),
    "marks-80x24": Look(SMALL, MARKED, (TABLE,), sort=("limit", "-srtt"), alerts=frozenset({2, 7})),
    "marks-160x50": Look(
        LARGE, MARKED, (TABLE,), sort=("limit", "-srtt"), alerts=frozenset({2, 7})
    ),
    "unfolded": Look(SMALL, GROUPED, (TABLE,)),
    "folded": Look(LARGE, (*GROUPED, "g", "enter"), (TABLE, CWND)),
    "copy-80x24": Look(SMALL, ("down", "down", "Y"), (PICK,)),
    "copy-160x50": Look(LARGE, ("down", "Y"), (PICK,)),
    "columns-80x24": Look(SMALL, ("C", *"rttvar", "space"), (CHOOSING,)),
    "columns-160x50": Look(LARGE, ("C", *"rtt", "space", "tab", "right"), (CHOOSING,)),
    "order-80x24": Look(SMALL, ("o", *"cc", "space"), (CHOOSING,)),
    "order-160x50": Look(LARGE, ("o", *"cc", "space", "shift+up", "tab"), (CHOOSING,)),
    "help": Look(SMALL, ("question_mark",), (HELP,)),
    "help-160x50": Look(LARGE, ("question_mark",), (HELP,)),
    "help-columns": Look(SMALL, ("question_mark", "6"), (HELP,)),
    "help-found": Look(SMALL, ("question_mark", "slash", *"rate"), (HELP,)),
    "palette": Look(SMALL, ("ctrl+p", *"charts"), ("CommandPalette Vertical",)),
    "ascii": Look(LARGE, ("down",), (STATUS, TABLE, CWND, KEY_LINE), ascii=True),
    "ascii-help": Look(SMALL, ("question_mark", "7"), (HELP,), ascii=True),
}


@asynccontextmanager
async def shown(look: Look, clock: Clock) -> AsyncIterator[Desk]:
    """Run the application until it looks so."""
    source = look.source()
    preferences = Preferences(Settings(ascii=look.ascii, sort=look.sort, theme=look.theme))
    if look.replayed:
        log = recorded(source)
        running = replay(log, source, clock, look.size, preferences=preferences, speed=2)
    else:
        running = dashboard(source, clock, look.size, preferences=preferences, save=_save)
    async with running as desk:
        desk.table.marked = look.alerts
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
        yield desk


@pytest.mark.parametrize("look", PICTURES.values(), ids=PICTURES)
async def test_looks_of_the_screen(
    clock: Clock, picture: Callable[[Desk], None], look: Look
) -> None:
    """The whole screen looks as it did when a person last looked at it."""
    async with shown(look, clock) as desk:
        picture(desk)


@pytest.mark.parametrize("look", PANELS.values(), ids=PANELS)
async def test_looks_of_panels(clock: Clock, panel: Callable[..., None], look: Look) -> None:
    """A part of the screen looks as it did when a person last looked at it."""
    async with shown(look, clock) as desk:
        panel(desk, *look.parts)


def _save(chunks: Iterable[Chunk], origin: Origin) -> Path:
    raise NotImplementedError
