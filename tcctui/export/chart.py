"""Charts of one flow as a picture or as text, by the screen's own drawing code."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.widgets import Static

from tcctui.export.attribution import Attribution
from tcctui.export.selection import Selection, ends
from tcctui.flows.snapshot import FlowHistory
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.chunks import Chunk
from tcctui.ui.chart import chart_kinds
from tcctui.ui.chart.chart_kinds import Picture
from tcctui.ui.chart.time_chart import TimeChart
from tcctui.ui.style.legible import legible

WIDTH, HEIGHT = 120, 18
"""Size of each of both charts in cells."""

_MEMORY = 16 << 20  # for the history of one flow
_SHORT = 60.0  # seconds for which every 100 ms are known


def draw(
    cookie: int, chosen: Selection, lives: Attribution, chunks: Iterable[Chunk], ending: str
) -> str:
    """Draw cwnd and srtt over the selected part of a flow's life, as .svg or .txt."""
    life = lives.all()
    life = life[life["cookie"] == np.uint64(cookie)]
    end_ns = min(chosen.end_ns, int(life["last_ns"].max()))
    chosen = replace(chosen, end_ns=end_ns)
    store = Store(_MEMORY)
    store.hold([cookie])
    for chunk in chunks:
        deliver(chosen.pieces(chosen.of(chunk, lives.cookies(chunk.events))), store)
    begin_ns = max(chosen.begin_ns, int(life["first_ns"].min()))
    seconds = max(1.0, (end_ns - begin_ns) / 1e9)
    local, remote = ends(cookie, lives.all())
    texts = store.some_flows(np.array([cookie], "u8"), ["cc", "comm"])
    notes = [f"{local} → {remote}"]
    notes += [legible(texts[name][0]) for name in ("cc", "comm") if texts.count]
    notes += [f"cookie {cookie}", f"{seconds:.1f} s"]
    past = store.history(cookie, seconds if seconds <= _SHORT else None, 2 * WIDTH)
    sheet = _Sheet(" · ".join(filter(None, notes)), past)
    sheet.run(headless=True, size=(WIDTH, 2 * HEIGHT + 1))
    return sheet.picture if ending == ".svg" else sheet.text


class _Sheet(App[None]):
    """A caption above the charts of cwnd and of srtt."""

    CSS = "Static { height: 1; text-style: bold; } TimeChart { height: 1fr; }"

    def __init__(self, caption: str, past: FlowHistory | None) -> None:
        super().__init__()
        self._caption = caption
        pictures = [] if past is None else [chart_kinds.cwnd(past), chart_kinds.srtt(past)]
        self._charts = [_chart(picture) for picture in pictures]
        self.picture = ""
        self.text = ""

    def compose(self) -> ComposeResult:
        yield Static(self._caption, markup=False)
        yield from self._charts

    def on_ready(self) -> None:
        self.call_after_refresh(self._take)

    def _take(self) -> None:
        picture = self.export_screenshot(title=self._caption)
        self.picture = _settled(picture)
        lines = [self._caption]
        for chart in self._charts:
            lines += [chart.render_line(y).text for y in range(chart.size.height)]
        self.text = "".join(line.rstrip() + "\n" for line in lines)
        self.exit()


_CELL = 12.2  # units of rich's SVG
_GAP = "&#160;"
_TEXT = re.compile(
    r'<text class="([^"]*)" x="([\d.]+)" y="([^"]*)" textLength="[^"]*"([^>]*)>([^<]*)<'
)


def _settled(picture: str) -> str:
    """Remove random ids, and position each word: not all viewers keep the gaps between them."""

    def placed(match: re.Match[str]) -> str:
        kind, x, y, rest, line = match.groups()
        at, texts = float(x), []
        for word in re.split(f"((?:{_GAP})+)", line):
            width = cell_len(html.unescape(word)) * _CELL
            if word and not word.startswith(_GAP):
                texts.append(
                    f'<text class="{kind}" x="{at:g}" y="{y}" textLength="{width:g}"{rest}>{word}'
                )
            at += width
        return "</text>".join(texts or [match[0][:-1]]) + "<"

    return _TEXT.sub(placed, re.sub(r"terminal-\d+", "terminal", picture))


def _chart(picture: Picture) -> TimeChart:
    chart = TimeChart(replace(picture.quantity, tell=None))
    chart.data = picture.data
    chart.message = "Nothing was measured"
    return chart
