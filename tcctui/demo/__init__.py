"""`tcctui demo`: the bundled recording of real traffic, to try tcctui without root."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcctui.query import Query
    from tcctui.ui.preferences import Preferences

RECORDING = Path(__file__).with_name("demo.arrows")
"""Made by tests/demo.py: 75 s, events of 50 ms."""


def run(base_query: Query | None = None, preferences: Preferences | None = None) -> int:
    """Play it in a loop until the user quits; gives the exit code.

    With `base_query`, only its matches are shown.

    Raises:
        TcctuiError: pyarrow is missing.

    """
    from tcctui.recording.file import Recording  # noqa: PLC0415 - pyarrow
    from tcctui.ui.app.app import play  # noqa: PLC0415 - Textual

    recording = Recording(RECORDING)
    try:
        return play(
            recording,
            remark=recording.remark,
            loop=True,
            base_query=base_query,
            preferences=preferences,
        )
    finally:
        recording.close()
