"""Widgets that keep each line as it was drawn, until that line is refreshed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.dom import NoScreen
from textual.errors import NoWidget
from textual.filter import LineFilter
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from tcctui.ui.style.component_styles import ComponentStyles

if TYPE_CHECKING:
    from textual.screen import Screen
    from typing_extensions import Self

    _Widget = Widget
else:
    _Widget = object  # Textual takes the style of a widget's first base alone


class TextFilter(LineFilter):
    """Changes texts, and no style: Textual's filters are the other way round.

    Those are applied once to each style (`ComponentStyles`), this one to each line that is drawn.
    """


class KeptLines(_Widget):
    """Keeps a widget's lines, which have nothing around them but padding at both sides.

    Mixed into widgets that draw with `render_line`, in the styles of their components: `STYLES` is
    what the names of these begin with, and `styles_of` gives one by the rest of its name.
    Textual works out borders, hatches, tints and opacity for each line that it draws, and applies
    its filters to every line of every widget in each frame. Lines that have none of these are kept
    here as the terminal gets them: an unchanged line costs a look into a dictionary.
    """

    STYLES: ClassVar[str]

    drawn_size: Size = Size(0, 0)
    """Size of the content that is being drawn, without a scroll bar beside it: to ask Textual for
    each line takes ten calls."""

    _place: tuple[Region, Size] | None = None
    """Region on the screen, and the size of the content in it."""

    _kept: dict[int, Strip] = {}  # noqa: RUF012 - replaced, never changed
    _kept_size: tuple[int, int] = (0, 0)

    @cached_property
    def _their_screen(self) -> Screen[object]:
        return self.screen

    @property
    def region(self) -> Region:
        """Region on the screen; to find the screen takes a way through all that this is in."""
        try:
            return self._their_screen.find_widget(self).region
        except (NoScreen, NoWidget):
            return super().region

    @property
    def size(self) -> Size:
        """Size of the content: a frame asks for it thirty times, and a layout makes new regions."""
        region = self.region
        if self._place is None or self._place[0] is not region:
            self._place = region, super().size
        return self._place[1]

    @cached_property
    def styles_of(self) -> ComponentStyles:
        """Styles of the components, by name."""
        return ComponentStyles(self, self.STYLES)

    def notify_style_update(self) -> None:
        """Draw in the new theme's colours."""
        self.styles_of.forget()
        super().notify_style_update()
        self.refresh()

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Draw lines of some regions anew, or all of them.

        The screen is told at once, not by the three messages that Textual takes for it.
        """
        if repaint:
            if not regions:
                self._kept = {}
            for _, top, _, height in regions:
                for y in range(top, top + height):
                    self._kept.pop(y, None)
        if layout or recompose or not repaint or not self._is_mounted:
            return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        if regions:
            left = self.styles.gutter.left
            self._repaint_regions.update(region.translate((left, 0)) for region in regions)
        else:
            self._repaint_regions = {self.outer_size.region}
        if self.display and self.is_attached:
            screen = self.screen
            screen._dirty_widgets.add(self)
            screen.check_idle()
        return self

    def render_lines(self, crop: Region) -> list[Strip]:
        """Give the lines of a part of the widget."""
        lines = self.lines(crop.line_range, self.region.size)
        x1, x2 = crop.column_span
        whole = (x1, x2) == (0, self._kept_size[0])
        return lines if whole else [line.crop(x1, x2) for line in lines]

    def painted_parts(self, parts: Iterable[Region]) -> Mapping[Region, list[Segment]]:  # noqa: ARG002
        """Give those of some parts that can be drawn without the rest of their lines."""
        return {}

    def lines(self, numbers: Sequence[int], size: Size) -> list[Strip]:
        """Give some lines of the widget, which has this size."""
        if size != self._kept_size:
            self._kept, self._kept_size = {}, size
        kept = self._kept
        missing = [y for y in numbers if y not in kept]
        if missing:
            kept.update(zip(missing, self._drawn_lines(missing, size.width), strict=True))
        return [kept[y] for y in numbers]

    @property
    def text_filters(self) -> list[TextFilter]:
        """Filters of the texts of all that is drawn."""
        return [one for one in self.get_line_filters() if isinstance(one, TextFilter)]

    def _drawn_lines(self, lines: list[int], width: int) -> list[Strip]:
        blank, gutter = self.styles_of(), self.gutter
        filters = self.text_filters
        room = width - gutter.width
        before, behind = Segment(" " * gutter.left, blank), Segment(" " * gutter.right, blank)
        self.drawn_size = Size(room, self.size.height)
        drawn = []
        for y in lines:
            strip = self.render_line(y)
            length, segments = _length(strip), strip._segments
            if length > room:
                segments = strip.crop(0, room)._segments
            elif length < room:
                segments = [*segments, Segment(" " * (room - length), blank)]
            if room != width:
                segments = [before, *segments, behind]
            if segments is not strip._segments:  # each strip makes seven caches
                strip = Strip(segments, width)
            for one in filters:
                strip = strip.apply_filter(one, self.styles_of.background)
            drawn.append(strip)
        return drawn


def _length(strip: Strip) -> int:
    """Cells of a strip, which knows them or not; quickly where each character takes one."""
    if strip._cell_length is None:
        texts = [segment.text for segment in strip._segments]
        return sum([len(text) if text.isascii() else cell_len(text) for text in texts])
    return strip._cell_length


def cropped(line: Strip, x1: int, x2: int) -> list[Segment]:
    """Give the segments of a line between two cells; makes no strip with its many caches."""
    if (x1, x2) == (0, line.cell_length):
        return line._segments
    found, at = [], 0
    for segment in line._segments:
        text = segment.text
        begin, at = at, at + (len(text) if text.isascii() else cell_len(text))
        if at <= x1:
            continue
        if begin >= x2:
            break
        inside = begin >= x1 and at <= x2
        found.append(segment if inside else _cut(segment, at - begin, x1 - begin, x2 - begin))
    return found


def _cut(segment: Segment, cells: int, x1: int, x2: int) -> Segment:
    text, style, _ = segment
    if len(text) == cells:
        return Segment(text[max(x1, 0) : x2], style)
    return Strip([segment], cells).crop(x1, x2)._segments[0]  # some characters take two cells
