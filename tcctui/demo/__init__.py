"""`tcctui demo`: a recording of real traffic that comes along, to try tcctui without root."""

from __future__ import annotations

from pathlib import Path

RECORDING = Path(__file__).with_name("demo.arrows")
"""Made by tests/demo.py: 75 s, events of 50 ms."""


def run() -> int:
    """Play it over and over, until somebody quits; gives the exit code.

    Raises:
        TcctuiError: pyarrow is missing.

    """
    from tcctui.sources.recording import Recording  # noqa: PLC0415 - pyarrow
    from tcctui.ui.app import play  # noqa: PLC0415 - Textual

    recording = Recording(RECORDING)
    try:
        return play(recording, remark=recording.remark, loop=True)
    finally:
        recording.close()
