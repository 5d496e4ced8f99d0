"""Rich styles of a widget's components, each worked out at its first use and then kept."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.dom import DOMNode
from textual.widget import Widget


class ComponentStyles(dict[str, Style]):
    """Styles of components, `prefix`--name, by their names; "" is the widget's own.

    One that is not there is worked out: a component without a rule has the widget's. So a line asks
    for each of its pieces without a call.

    The widget says when its styles change (`Widget.notify_style_update`): to work its own one out
    goes through all widgets that it is in, and was a quarter of the time of a frame. Textual works
    out all `COMPONENT_CLASSES` of all widgets at each change of style, which was a tenth of a
    start: a chart has 29 and uses five. So there are none, and a component is styled here instead.
    """

    def __init__(self, widget: Widget, prefix: str) -> None:
        super().__init__()
        self._widget = widget
        self._prefix = prefix
        self._unfiltered: Style | None = None
        self._background: Color | None = None

    def __call__(self, name: str = "") -> Style:
        """Give a style."""
        return self[name]

    def __missing__(self, name: str) -> Style:
        style = self[name] = self.filtered(self._made(name))
        return style

    def filtered(self, style: Style) -> Style:
        """A style as Textual's filters give it to the terminal: each line need not pass them."""
        segments = [Segment(" ", style)]
        for line_filter in self._widget.get_line_filters():
            segments = line_filter.apply(segments, self.background)
        return segments[0].style or style

    def _made(self, name: str) -> Style:
        if not name:
            return self._own()
        component = DOMNode(classes=f"{self._prefix}--{name}")
        component._attach(self._widget)  # as Textual's Stylesheet does it, in no public way
        self._widget.app.stylesheet.apply(component, animate=False)
        return component.styles.rich_style if component.styles.get_rules() else self._own()

    def _own(self) -> Style:
        if self._unfiltered is None:
            self._unfiltered = self._widget.rich_style
        return self._unfiltered

    @property
    def background(self) -> Color:
        """Background of the widget, over those of all that it is in."""
        if self._background is None:
            _, self._background = self._widget.background_colors
        return self._background

    def forget(self) -> None:
        """Have all of them worked out anew."""
        self.clear()
        self._unfiltered = self._background = None
