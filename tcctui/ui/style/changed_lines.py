"""Repainting of the lines that have changed, and no others: a terminal may be far away."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region
from textual.widget import Widget


def refresh_changed(widget: Widget, before: Sequence[object], now: Sequence[object]) -> None:
    """Repaint the lines of a widget that differ; all of it if their number does."""
    if len(before) != len(now):
        widget.refresh()
        return
    lines = [at for at, (old, new) in enumerate(zip(before, now, strict=True)) if old != new]
    if lines:
        width = widget.outer_size.width
        widget.refresh(*(Region(0, line, width, 1) for line in lines))
