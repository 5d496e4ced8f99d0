"""The bundled recording of real traffic, which `tcctui demo` plays."""

from __future__ import annotations

from pathlib import Path

RECORDING = Path(__file__).with_name("demo.arrows")
"""Made by tests/demo.py: 75 s, events of 50 ms."""
