"""Lines of a plot's axes, with their ticks and labels.

The only module that imports plotext, whose one figure draws them. They stay for many frames.
"""

from __future__ import annotations

import functools
import re
import threading
from typing import Any, NamedTuple

from tcctui import memory
from tcctui.ui.chart.axes import Tick

_SGR = re.compile(r"\x1b\[[\d;]*m")
_LOADED = threading.Event()


class AxisLines(NamedTuple):
    """Text of the y axis beside each line of a plot, and of the two lines below: axis, labels."""

    beside: tuple[str, ...]
    axis: str
    labels: str


@functools.lru_cache(64)
def axis_lines(
    width: int, height: int, gutter: int, y_ticks: tuple[Tick, ...], x_ticks: tuple[Tick, ...]
) -> AxisLines:
    """Draw the axes of a plot of `width` times `height` cells, with `gutter` cells for y labels.

    Not for several threads: plotext has one figure.
    """
    figure = _figure()
    figure.plot_size(gutter + 1 + width, height + 2)
    for name, side, cells, ticks, room in (
        ("y", "left", height, y_ticks, gutter),
        ("x", "lower", width, x_ticks, 0),
    ):
        ruler = figure.ruler(name, side)
        ruler.lim(0, cells)
        labels = [tick.label.rjust(room) for tick in ticks]
        ruler.ticks([tick.cell + 0.5 for tick in ticks], labels)
    *beside, axis, labels_below = _SGR.sub("", figure.build().string()).splitlines()[: height + 2]
    return AxisLines(tuple(line[: gutter + 1] for line in beside), axis, labels_below)


def loaded() -> bool:
    """True once plotext is imported: until then the first drawing waits 0.1 to 0.3 s for it."""
    return _LOADED.is_set()


def load() -> None:
    """Import plotext ahead of the first drawing; in any thread."""
    memory.import_hashes()  # which plotext imports
    import plotext  # noqa: F401, PLC0415 - not with this module: rows are there before

    _LOADED.set()


@functools.cache
def _figure() -> Any:
    """Import plotext, with its one figure set to bare axes: left and below, without colours."""
    load()
    import plotext  # noqa: PLC0415

    plotext.terminal.limit(False, False)  # its idea of the terminal is not the widget's size
    figure = plotext.figure
    figure.clear()
    figure.theme("simple")
    figure.axes(False, axis="x", side="upper")
    figure.axes(False, axis="y", side="right")
    figure.ruler("both", "both").alignment(lim="edge")
    return figure
