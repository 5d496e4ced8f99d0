"""Forms of values by their units, for one value at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tcctui.fields.field import Unit
from tcctui.ui.style import units

FORMS: Mapping[Unit, Callable[[float], str]] = {
    Unit.SEGMENTS: units.segments,
    Unit.MICROSECONDS: units.milliseconds,
    Unit.BYTES_PER_SECOND: units.rate,
    Unit.BYTES: units.size,
    Unit.GAIN: units.gain,
    Unit.ALPHA: units.alpha,
    Unit.PERCENT: units.percent,
    Unit.FLAG: units.flag,
    Unit.TOTAL: units.short_count,
}
"""Forms of values by their units; others are whole numbers."""
