"""Compositor that sends changed lines to the terminal as their widget has them.

For each update Textual's own one asks every widget on the screen for its lines, cuts them at all
widgets' edges and puts them together again. None of that is needed for a widget that nothing
covers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain
from typing import NamedTuple

from rich.color import ColorSystem
from rich.console import Console, ConsoleOptions, RenderResult
from rich.control import Control
from rich.segment import Segment
from rich.style import Style
from textual._compositor import Compositor, CompositorUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tcctui.ui.style.kept_lines import KeptLines, cropped


class Piece(NamedTuple):
    """Part of a line of the screen: the cell where it begins, and its text."""

    x: int
    y: int
    segments: list[Segment]


class LinesUpdate(CompositorUpdate):
    """Update of parts of lines."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = pieces

    def render_segments(self, console: Console) -> str:
        """Make control sequences and text for the terminal; its rendition is reset at the end."""
        colours = console._color_system or ColorSystem.TRUECOLOR
        sequences, last = [], ""
        for x, y, segments in self._pieces:
            sequences.append(f"\x1b[{y + 1};{x + 1}H")
            for text, style, _ in segments:
                wanted = _rendition(style, colours) if style is not None else ""
                if wanted != last:
                    sequences.append(f"\x1b[0;{wanted}m" if wanted else "\x1b[0m")
                    last = wanted
                sequences.append(text)
        if last:
            sequences.append("\x1b[0m")
        return "".join(sequences)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the same to Rich."""
        for x, y, segments in self._pieces:
            yield Control.move_to(x, y).segment
            yield from segments


def _rendition(style: Style, colours: ColorSystem) -> str:
    """Numbers that set a style, kept in it by Textual."""
    kept = style._ansi
    return Strip.render_ansi(style, colours) if kept is None else kept


class _Place(NamedTuple):
    """Region of a widget on the screen, and what covers parts of it."""

    region: Region
    covers: list[Region]

    def shows(self, parts: Iterable[Region]) -> bool:
        """True if all of these parts of the widget are in sight."""
        return not self.covers or not any(
            cover.overlaps(part.translate(self.region.offset))
            for cover in self.covers
            for part in parts
        )


class DirectCompositor(Compositor):
    """Updates lines of widgets by themselves where nothing covers them."""

    def __init__(self) -> None:
        super().__init__()
        self._direct: dict[Widget, dict[Region, Region]] = {}
        self._places: dict[Widget, _Place | None] = {}
        self._places_in: object = None
        # Lines as this has sent them, by widget and number, while nothing else painted there.
        self._sent: dict[KeptLines, dict[int, list[Segment]]] = {}

    def update_widgets(self, widgets: set[Widget]) -> None:
        """Take in what is to be painted anew."""
        visible = self.visible_widgets
        if visible is not self._places_in:
            self._places, self._places_in, self._direct, self._sent = {}, visible, {}, {}
        others = set()
        for widget in widgets:
            place = self._place(widget)
            if place and place.shows(widget._repaint_regions):
                offset, parts = place.region.offset, widget._exchange_repaint_regions()
                placed = self._direct.setdefault(widget, {})
                placed.update((part.translate(offset), part) for part in parts)
                self._dirty_regions.update(placed)
            else:
                others.add(widget)
        super().update_widgets(others)

    def _place(self, widget: Widget) -> _Place | None:
        """Find where a widget is; None if not all of it is on the screen."""
        if widget not in self._places:
            self._places[widget] = self._placed(widget)
        return self._places[widget]

    def _placed(self, widget: Widget) -> _Place | None:
        region, clip = self.visible_widgets.get(widget, (_NOWHERE, _NOWHERE))
        if not region or not clip.intersection(self.size.region).contains_region(region):
            return None
        covers = []
        for other, (its, cut) in self.visible_widgets.items():  # from the front
            if other is widget:
                break
            if cover := its.intersection(cut).intersection(region):
                covers.append(cover)
        return _Place(region, covers)

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """Update all there is."""
        self._direct.clear()
        self._sent.clear()
        return super().render_full_update(simplify)

    def render_partial_update(self) -> CompositorUpdate | None:  # type: ignore[override]
        """Update what has changed; None if nothing has."""
        direct, self._direct = self._direct, {}
        dirty = self._dirty_regions
        if not dirty or self.visible_widgets is not self._places_in or not _all_in(dirty, direct):
            self._sent.clear()
            return super().render_partial_update()
        dirty.clear()
        pieces = (
            self._pieces(widget, parts) if isinstance(widget, KeptLines) else _drawn(widget, parts)
            for widget, parts in direct.items()
        )
        return LinesUpdate(list(chain.from_iterable(pieces)))

    def _pieces(self, widget: KeptLines, parts: Mapping[Region, Region]) -> Iterator[Piece]:
        """Parts of a widget's lines, by where they are on the screen."""
        region, _ = self.visible_widgets[widget]
        size, sent = region.size, self._sent.setdefault(widget, {})
        painted = widget.painted_parts(parts.values())
        rest = (part for part in parts.values() if part not in painted)
        numbers = sorted({y for _, top, _, high in rest for y in range(top, top + high)})
        lines = dict(zip(numbers, widget.lines(numbers, size), strict=True))
        for where, part in parts.items():
            if part in painted:
                sent.pop(part.y, None)
                yield Piece(where.x, where.y, painted[part])
                continue
            whole = part.column_span == (0, size.width)
            for down, number in enumerate(part.line_range):
                line, before = lines[number], sent.pop(number, None)
                if not whole:
                    yield Piece(where.x, where.y + down, cropped(line, *part.column_span))
                    continue
                sent[number] = line._segments
                x, text = (0, line._segments)
                if before is not None:
                    x, text = differing(before, line._segments)
                if text:
                    yield Piece(where.x + x, where.y + down, text)


def differing(before: Sequence[Segment], now: Sequence[Segment]) -> tuple[int, list[Segment]]:
    """Part of a line that is not as before: its first cell, and its segments.

    Both lines are of one length. What is equal is left out as far as that takes little time.
    """
    first, most = 0, min(len(before), len(now))
    while first < most and before[first] == now[first]:
        first += 1
    most, last = most - first, 0
    while last < most and before[-1 - last] == now[-1 - last]:
        last += 1
    x = sum(segment.cell_length for segment in now[:first])
    changed = [*now[first : len(now) - last]]
    if not changed or first == len(before):
        return x, changed
    (old, old_style, _), (text, style, _) = before[first], changed[0]
    if old_style == style and changed[0].cell_length == len(text):  # one cell for a character
        pairs = enumerate(zip(old, text, strict=False))
        same = next((at for at, (one, other) in pairs if one != other), min(len(old), len(text)))
        x, changed[:1] = x + same, [Segment(text[same:], style)] * (same < len(text))
    return x, changed


def _drawn(widget: Widget, parts: Mapping[Region, Region]) -> Iterator[Piece]:
    """Parts of a widget that keeps no lines, such as a scroll bar."""
    for where, part in parts.items():
        for y, line in enumerate(widget.render_lines(part), where.y):
            yield Piece(where.x, y, line._segments)


def _all_in(dirty: Set[Region], direct: Mapping[Widget, Mapping[Region, Region]]) -> bool:
    """True if all dirty regions are of those widgets."""
    return set().union(*direct.values()) >= dirty


_NOWHERE = Region(0, 0, 0, 0)
