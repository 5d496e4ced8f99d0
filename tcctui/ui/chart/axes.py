"""The axes of a plot: their ends, and ticks at numbers that read well."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

DOTS_UP = 4
"""Dots above each other in one character cell of braille."""

_HEADROOM = 0.02
"""Free space between the curves and the ends of the y axis, as a part of what they span."""
_MOST_TICKS = 6
_X_STEPS = (
    *(digit / 10**power for power in (5, 4, 3, 2) for digit in (1, 2, 5)),
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600 * hours for hours in (1, 2, 3, 6, 12, 24, 48, 168)),
)
"""Seconds between ticks that read well as time."""


@dataclass(frozen=True)
class Tick:
    """A label at a cell of an axis."""

    cell: int
    label: str


@dataclass(frozen=True)
class YAxis:
    """The values of the lowest and of the highest dot of a plot, and ticks between them."""

    bottom: float
    top: float
    ticks: tuple[Tick, ...]


def y_axis(
    low: float, high: float, height: int, label: Callable[[float], str], *, from_zero: bool
) -> YAxis:
    """Return an axis of `height` cells, at least 3, for curves that reach from `low` to `high`.

    Ticks are a whole number of cells apart, stand for round numbers and have different labels. Of
    such axes it is the one that leaves the least room unused, which also keeps it from moving with
    every sample. It begins at 0 if `from_zero` says so, and does not go below 0 for nothing.
    """
    low, high = _with_room(low, high, label, from_zero)
    closest = max(math.ceil(height / _MOST_TICKS), 2 if height > 4 else 1)
    fallback: tuple[bool, YAxis] | None = None
    for farthest in (2 * closest, height):
        for cell, step, apart in _scales((high - low) / (height - 0.5), closest, farthest):
            first = math.floor(low / cell)  # what the middle of the lowest cell stands for
            if (first + height - 0.5) * cell < high:
                continue
            rows = [row for row in range(height) if (first + row) % apart == 0]
            start = (first + rows[0]) // apart
            # Of five steps smaller than what labels are rounded to, two have the same label.
            labels = [label((start + i) * step) for i in range(max(len(rows), 5))]
            different = len(set(labels)) == len(labels)
            axis = YAxis(
                bottom=(first - 1 / DOTS_UP) * cell,
                top=(first + height - 2 / DOTS_UP) * cell,
                ticks=tuple(map(Tick, rows if different else rows[:1], labels)),
            )
            if different and len(rows) > 1:
                return axis
            if fallback is None or different > fallback[0]:
                fallback = (different, axis)
    assert fallback is not None  # 2.5 times the least room is enough for any beginning
    return fallback[1]


def _with_room(
    low: float, high: float, label: Callable[[float], str], from_zero: bool
) -> tuple[float, float]:
    """Return the ends of an axis: some way from the curves, and enough for labels to differ."""
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    flat = high - low <= 1e-9 * max(abs(low), abs(high))
    room = (abs(high) / 10 or 1.0) if flat else (high - low) * _HEADROOM
    while True:
        bottom = low if from_zero else max(low - room, 0.0 if low >= 0 else -math.inf)
        top = high + room
        if len({label(bottom), label((bottom + top) / 2), label(top)}) > 2 or room > 9 + 9 * abs(
            high
        ):
            return bottom, top
        room *= 2


def _scales(least: float, closest: int, farthest: int) -> list[tuple[float, float, int]]:
    """Return ways to label an axis, finest first: value of a cell, of a step, and cells in a step.

    The value of a cell is from `least` to 2.5 times that. Multiples of a step up to 5 have at most
    two digits, and those of 1.5 only come where they are whole numbers, as labels may be rounded.
    """
    power = math.floor(math.log10(least * closest))
    steps = [
        digit * 10.0**exponent
        for exponent in range(power, power + 4)
        for digit in (1, 1.5, 2, 3, 4, 5)
        if digit != 1.5 or exponent >= 1
    ]
    scales = (
        (step / apart, step, apart) for step in steps for apart in range(closest, farthest + 1)
    )
    return sorted(scale for scale in scales if least <= scale[0] <= 2.5 * least)


@lru_cache(64)
def x_ticks(seconds: float, width: int, now: str = "now") -> tuple[Tick, ...]:
    """Return the ticks of a time axis of `width` cells from -`seconds` to 0, called `now`."""
    steps = list(_steps(seconds, width, "-"))
    before = [Tick(max(0, math.floor(width - cells)), label) for cells, label in reversed(steps)]
    return (*before, Tick(width - 1, now))


def ahead_tick(seconds: float, width: int) -> Tick:
    """Return the last tick of an axis of `width` cells that goes on into the future."""
    step = next((size for size in (3600, 60) if seconds >= 3 * size), 1)
    return Tick(width - 1, f"+{_time(seconds, step, seconds)}")


def elapsed_ticks(seconds: float, width: int) -> tuple[Tick, ...]:
    """Return the ticks of a time axis of `width` cells from 0 to `seconds`."""
    steps = _steps(seconds, width, "")
    later = (Tick(min(width - 1, math.floor(cells)), label) for cells, label in steps)
    return (Tick(0, "0 s"), *later)


def _steps(seconds: float, width: int, sign: str) -> Iterator[tuple[float, str]]:
    """Yield the distance in cells, and the label, of each tick but that of 0 seconds."""
    for step in _X_STEPS:
        cells = width * step / seconds if seconds > 0 else 0
        label = sign + _time(step * (seconds // step), step, seconds)
        if cells >= max(len(label) + 4, width / _MOST_TICKS - 1):
            for i in range(1, math.floor(seconds / step + 1e-6) + 1):
                yield i * cells, sign + _time(i * step, step, seconds)
            return


def with_room(ticks: Sequence[Tick], width: int) -> tuple[Tick, ...]:
    """Choose ticks whose labels have room below an axis; the last one always, else the later."""
    chosen: list[Tick] = []
    room = width + 1
    for tick in reversed(ticks):
        length = len(tick.label)
        start = min(tick.cell - length // 2, width - length)
        if not chosen or start + length < room:
            chosen.append(tick)
            room = start
    return tuple(reversed(chosen))


def _time(time: float, step: float, seconds: float) -> str:
    """Return a time as a label in one unit for all ticks of an axis."""
    for unit, size in (("h", 3600), ("m", 60)):
        if step % size == 0 and seconds >= 3 * size:
            return f"{time / size:.0f} {unit}"
    if step < 0.1:
        return f"{time * 1e3:.{0 if step >= 0.001 else 2}f} ms"
    return f"{time:.{0 if step >= 1 else 1}f} s"
