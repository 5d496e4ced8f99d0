"""Charts as pictures for reports: SVG or PNG by matplotlib, on white, over the time of day.

Text is drawn as outlines, so that a picture looks the same wherever it is shown: no viewer needs a
font of this machine.
"""

from __future__ import annotations

import io
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from datetime import timezone
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tcctui.errors import TcctuiError
from tcctui.flows.diagnosis.verdicts import BY_LIMIT
from tcctui.flows.snapshot import FlowHistory
from tcctui.recording.timeline import Span
from tcctui.ui.chart.chart_data import Series
from tcctui.ui.chart.chart_kinds import Picture
from tcctui.ui.style.colours import COLOURS, limit_style, mark_style
from tcctui.ui.style.themes import SAFE_LIGHT
from tcctui.wire.tracepoints import MARKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]

COLUMNS = 1000
"""Columns of time: about as many as a page has dots."""

_SIZE, _DOTS = (10.0, 6.0), 150
"""Width and height in inches, and dots per inch of a PNG."""

_HEIGHTS = (12, 8, 1)
"""Heights of the charts and of the strip of limits, relative to each other."""

_SIGNS = ("x", "D", "v", "X", "1", "<", "d", ".")
"""Signs of marks, in their order, as on the screen."""

_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)))
"""Dashes of a chart's curves, in their order."""

_SETTINGS: dict[Any, Any] = {"svg.fonttype": "path", "svg.hashsalt": "tcctui", "font.size": 9.0}


def require_matplotlib() -> None:
    """Check that pictures can be drawn.

    Raises:
        TcctuiError: matplotlib is not installed.

    """
    if find_spec("matplotlib") is None:
        raise TcctuiError(
            "Pictures are drawn by matplotlib, which is not installed.",
            f"Install it, with {sys.executable} -m pip install matplotlib; or let the chart end in"
            " .txt.",
        )


def draw(
    caption: Sequence[str],
    pictures: Sequence[Picture],
    past: FlowHistory | None,
    span: Span,
    ending: str,
) -> bytes:
    """Draw charts of the same time below each other, as .svg or .png.

    Their curves span `span`, in nanoseconds since 1970. `past` has marks and limits until its end.
    `caption` are lines above, of which several are a table.
    """
    from matplotlib import rc_context  # noqa: PLC0415 - 0.3 s, for pictures alone
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    # Of a directory for its cache, or a process whose name has no glyphs, nothing is to be said.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure = Figure(_SIZE, layout="constrained")
        *charts, strip = figure.subplots(
            len(pictures) + 1,
            sharex=True,
            squeeze=False,
            height_ratios=_HEIGHTS[-len(pictures) - 1 :],
        )[:, 0]
        # A process may be named like a formula.
        looks = {"fontweight": "bold"} if len(caption) == 1 else {"family": "monospace"}
        title = "\n".join(caption)
        figure.suptitle(title, x=0.01, ha="left", fontsize="medium", parse_math=False, **looks)
        for axes, picture in zip(charts, pictures, strict=True):
            _chart(axes, picture, span)
        if past is not None:
            _strip(strip, past, span.last_ns)
        else:
            strip.set_visible(False)
            strip = charts[-1] if charts else strip
            strip.tick_params(labelbottom=True)
        locator = AutoDateLocator(tz=timezone.utc)  # type: ignore[no-untyped-call]
        strip.xaxis.set_major_locator(locator)
        form = ConciseDateFormatter(locator, tz=timezone.utc)  # type: ignore[no-untyped-call]
        strip.xaxis.set_major_formatter(form)
        strip.set_xlim(*_times(span, 2))
        strip.set_xlabel("UTC", loc="left")
        file = io.BytesIO()
        told = {"Title": caption[0], **({"Date": None} if ending == ".svg" else {})}
        figure.savefig(file, format=ending[1:], dpi=_DOTS, metadata=told)
    return file.getvalue()


def _chart(axes: Axes, picture: Picture, span: Span) -> None:
    quantity, curves = picture.quantity, picture.data.series
    for curve, dashes in zip(curves, _DASHES, strict=False):
        times, colour = _times(span, len(curve.last) + 1)[1:], _colour(curve.style)
        low, high, last = _held(curve)
        axes.fill_between(times, low, high, step="pre", color=colour, alpha=0.25, linewidth=0)
        axes.step(times, last, where="pre", c=colour, ls=dashes, lw=1, label=curve.name)
    unit = f" ({quantity.unit})" if quantity.unit else ""
    axes.set_ylim(0, None)
    axes.set_ylabel(quantity.title + unit)
    axes.yaxis.set_major_formatter(lambda value, _: quantity.form(value))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if curves:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(curves), frameon=False)
    else:
        axes.text(0.5, 0.5, "Nothing was measured", transform=axes.transAxes, ha="center")


def _strip(axes: Axes, past: FlowHistory, end_ns: int) -> None:
    """Limits as a strip, marks above it, and a legend of both below."""
    axes.set_ylim(0, 2)
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)
    columns = len(past.series["srtt_us"].last)
    times = _times(Span(end_ns - int(past.seconds * 1e9), end_ns), columns + 1)
    seen = set[int]()
    for first, last, limit in _runs(past.limits):
        if limit in BY_LIMIT:
            named = None if limit in seen else BY_LIMIT[limit].phrase
            seen.add(limit)
            colour = _colour(limit_style(limit))
            axes.axvspan(times[first], times[last], 0, 0.5, color=colour, label=named, linewidth=0)
    for mark, sign in zip(MARKS, _SIGNS, strict=True):
        there = times[past.marks.column[past.marks.kind == mark.kind]]
        if len(there):
            height, colour = np.full(len(there), 1.5), _colour(mark_style(mark))
            axes.plot(there, height, sign, color=colour, markersize=4, label=mark.word)
    if seen or len(past.marks.column):
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -1.4), ncols=8, frameon=False)


def _times(span: Span, count: int) -> npt.NDArray[np.datetime64]:
    """Times of day at equal distances over a span."""
    after = np.linspace(0, span.last_ns - span.first_ns, count).astype("m8[ns]")
    return np.datetime64(span.first_ns, "ns") + after


def _held(curve: Series) -> Iterator[Floats]:
    """Each of a curve's arrays, with values held where none came, and gaps off the chart."""
    there = np.maximum.accumulate(np.where(np.isnan(curve.last), -1, np.arange(len(curve.last))))
    held = np.where(there < 0, np.nan, curve.last[np.maximum(there, 0)])
    for values in (curve.low, curve.high, curve.last):
        shown = np.where(np.isnan(values), held, values)
        yield np.where(np.isfinite(shown), shown, np.nan)


def _runs(limits: npt.NDArray[np.integer[Any]]) -> Iterator[tuple[int, int, int]]:
    """First column, the one behind the last, and the limit, of each run of one limit."""
    edges = np.flatnonzero(np.diff(limits)) + 1
    begins, ends = [0, *edges.tolist()], [*edges.tolist(), len(limits)]
    for first, last in zip(begins, ends, strict=True):
        if last > first:
            yield first, last, int(limits[first])


def _colour(style: str) -> str:
    name = COLOURS[style].removeprefix("$")
    return SAFE_LIGHT.variables.get(name) or str(getattr(SAFE_LIGHT, name))
