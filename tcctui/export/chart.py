"""Charts of one flow, or of some: a picture, or text by the screen's own drawing code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from textual.app import App, ComposeResult
from textual.widgets import Static

from tcctui.export import picture
from tcctui.export.event_curves import EventCurves
from tcctui.export.selection import Selection, ends
from tcctui.flows.snapshot import Extremes, FlowHistory
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.attribution import Attribution
from tcctui.recording.chunks import Chunk
from tcctui.recording.timeline import Span
from tcctui.ui.chart import chart_kinds
from tcctui.ui.chart.chart_data import ChartData, Series
from tcctui.ui.chart.chart_kinds import Picture
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.compare.figures import table
from tcctui.ui.compare.subjects import COLUMNS, Subject, kinds, subjects
from tcctui.ui.style.legible import legible
from tcctui.wire.records import pick

WIDTH, HEIGHT = 120, 18
"""Size of each of both charts in cells."""

_MEMORY = 16 << 20  # for the history of one flow
_SHORT = 60.0  # seconds for which every 100 ms are known


def draw(
    cookies: Sequence[int],
    chosen: Selection,
    lives: Attribution,
    chunks: Iterable[Chunk],
    *,
    ending: str,
    wall_offset_ns: int,
) -> bytes:
    """Draw cwnd and srtt over the selected part of the flows' lives, as .svg, .png or .txt.

    Several share the axes, and have their figures above. `wall_offset_ns` is the time of day at 0
    of the recording's clock.
    """
    life = lives.all()
    life = life[np.isin(life["cookie"], np.array(cookies, "u8"))]
    end_ns = min(chosen.end_ns, int(life["last_ns"].max()))
    chosen = replace(chosen, end_ns=end_ns)
    begin_ns = max(chosen.begin_ns, int(life["first_ns"].min()))
    store = Store(_MEMORY * len(cookies))
    columns = 2 * WIDTH if ending == ".txt" else picture.COLUMNS
    curves = {cookie: EventCurves(begin_ns, end_ns, columns) for cookie in cookies}
    store.hold(cookies)
    for chunk in chunks:
        own = chosen.of(chunk, lives.cookies(chunk.events))
        for cookie, of_one in curves.items():
            of_one.add(pick(own.events, own.events["sock_cookie"] == cookie))
        deliver(chosen.pieces(own), store)
    seconds = max(1.0, (end_ns - begin_ns) / 1e9)
    strip = None
    if len(cookies) == 1:
        strip = store.history(cookies[0], seconds if seconds <= _SHORT else None, 2 * WIDTH)
        caption = [_told(cookies[0], seconds, lives, store)]
        fine = None if strip is None else replace(strip, series=curves[cookies[0]].series())
        pictures = _of_one(strip if ending == ".txt" else fine)
    else:
        known = subjects(cookies, store.some_flows(np.array(cookies, "u8"), COLUMNS))
        pasts = [
            (one, past)
            for one in known
            if (past := store.history(one.cookie, seconds, 2 * WIDTH)) is not None
        ]
        caption = [*(one.name(WIDTH) for one in known), *table(pasts, WIDTH)]
        pictures = _of_some(
            [
                (one, curves[one.cookie].series(until_ns=end_ns - int((one.age - one.until) * 1e9)))
                for one in known
            ],
            seconds,
        )
    if ending != ".txt":
        span = Span(begin_ns + wall_offset_ns, end_ns + wall_offset_ns)
        return picture.draw(caption, pictures, strip, span, ending)
    sheet = _Sheet(caption, pictures)
    sheet.run(headless=True, size=(WIDTH, 2 * HEIGHT + len(caption)))
    return sheet.text.encode()


def _told(cookie: int, seconds: float, lives: Attribution, store: Store) -> str:
    """Ends of a flow, its algorithm and process, and the length of what is drawn."""
    local, remote = ends(cookie, lives.all())
    texts = store.some_flows(np.array([cookie], "u8"), ["cc", "comm"])
    notes = [f"{local} → {remote}"]
    notes += [legible(texts[name][0]) for name in ("cc", "comm") if texts.count]
    return " · ".join(filter(None, [*notes, f"cookie {cookie}", f"{seconds:.1f} s"]))


def _of_one(past: FlowHistory | None) -> list[Picture]:
    if past is None:
        return []
    left = chart_kinds.cwnd(past)
    if not left.data.series:  # of a capture, which has no cwnd
        left = chart_kinds.in_flight(past)
    return [left, chart_kinds.srtt(past)]


def _of_some(
    known: Sequence[tuple[Subject, Mapping[str, Extremes]]], seconds: float
) -> list[Picture]:
    """Cwnd of each flow on one chart, and srtt on another."""
    pictures = []
    for kind in kinds()[:2]:
        found = []
        for one, series in known:
            curve = kind.curve(series)
            seen = curve.last[np.isfinite(curve.last)]
            now = float(seen[-1]) if len(seen) else None
            found.append(Series(one.short, curve.low, curve.high, curve.last, one.style, now))
        count = len(found[0].last) if found else 0
        data = ChartData(seconds, tuple(found), columns=count)
        pictures.append(Picture(kind.scales[0][1], data))
    return pictures


class _Sheet(App[None]):
    """A caption above the charts of cwnd and of srtt."""

    CSS = "Static { height: 1; text-style: bold; } TimeChart { height: 1fr; }"

    def __init__(self, caption: Sequence[str], pictures: Sequence[Picture]) -> None:
        super().__init__()
        self._caption = caption
        self._charts = [_chart(picture) for picture in pictures]
        self.text = ""

    def compose(self) -> ComposeResult:
        yield from (Static(line, markup=False) for line in self._caption)
        yield from self._charts

    def on_ready(self) -> None:
        self.call_after_refresh(self._take)

    def _take(self) -> None:
        lines = [*self._caption]
        for chart in self._charts:
            lines += [chart.render_line(y).text for y in range(chart.size.height)]
        self.text = "".join(line.rstrip() + "\n" for line in lines)
        self.exit()


def _chart(picture: Picture) -> TimeChart:
    chart = TimeChart(replace(picture.quantity, tell=None))
    chart.data = picture.data
    chart.message = "Nothing was measured"
    return chart
