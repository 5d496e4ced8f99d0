"""`python -m tests.screenshots`: the README's pictures, moments of what the demo plays."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from textual.pilot import Pilot

from tcctui.demo import RECORDING
from tcctui.recording.file import Recording
from tcctui.ui.app.app import ReplayApp
from tcctui.ui.time.player import Player
from tests.demo import BBR, CUBIC

FOLDER = Path(__file__).parent.parent / "screenshots"
_SIZE = (150, 42)
_PATIENCE = 60.0  # seconds for one moment

_PICTURES = (
    ("sawtooth", 20, f"dport:{CUBIC}", ("escape", "plus")),
    ("search", 55, "srtt>20ms retrans>0", ()),
    ("cubic", 50, f"dport:{CUBIC}", ("escape",)),
    ("bbr", 50, f"dport:{BBR}", ("escape", "c")),
    ("compare", 50, f"dport:{CUBIC},{BBR}", (*("asterisk", "down", "asterisk", "escape"), "V")),
    ("groups", 30, "", ("G", *"net", "enter")),
    ("rewind", 40, f"dport:{CUBIC}", ("escape", *["comma"] * 12)),
)
"""Name, seconds from the beginning, what is searched for to be selected, and keys after that."""


async def _take(name: str, seconds: float, search: str, keys: tuple[str, ...]) -> None:
    with contextlib.closing(Recording(RECORDING)) as recording:
        at_ns = recording.span.first_ns + round(seconds * 1e9)
        app = ReplayApp(recording, at_ns=at_ns, speed=0.1)
        async with app.run_test(size=_SIZE) as pilot:
            await pilot.press("space")
            await _settle(pilot)
            await pilot.press("slash", *search, "enter", "g")
            await _settle(pilot)
            await pilot.press(*keys)
            await _settle(pilot)
            picture = app.export_screenshot(title="tcctui")
    # The class names hold a random number; without it a picture changes only where it differs.
    picture = re.sub(r"terminal-\d+", "terminal", picture)
    await asyncio.to_thread((FOLDER / f"{name}.svg").write_text, picture)


async def _settle(pilot: Pilot[None]) -> None:
    """Wait until the moment is there, and all is painted."""
    player = pilot.app.screen.query_one(Player)
    for _ in _until(time.monotonic() + _PATIENCE):
        await pilot.pause(0.5)
        if player.settled:
            return
    raise TimeoutError("the moment is not worked out")


def _until(end: float) -> Iterator[None]:
    while time.monotonic() < end:
        yield


def main() -> None:
    """Take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    os.environ["TZ"] = "UTC"  # whoever takes them, and wherever
    time.tzset()
    for picture in _PICTURES:
        asyncio.run(_take(*picture))
        print(f"{FOLDER.name}/{picture[0]}.svg", file=sys.stderr)


if __name__ == "__main__":
    main()
