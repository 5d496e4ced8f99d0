"""Rich styles of a widget's components, each worked out once for as long as it stays."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget


class ComponentStyles:
    """Gives the style of a component, `prefix`--name, by its name; "" is the widget's own.

    The widget says when its styles change (`Widget.notify_style_update`): to work its own one out
    goes through all widgets that it is in, and was a quarter of the time of a frame.
    """

    def __init__(self, widget: Widget, prefix: str) -> None:
        self._widget = widget
        self._prefix = prefix
        self._known: dict[str, Style] = {}

    def __call__(self, name: str = "") -> Style:
        """Give a style."""
        style = self._known.get(name)
        if style is None:
            style = self._known[name] = self._made(name)
        return style

    def _made(self, name: str) -> Style:
        if name:
            component = f"{self._prefix}--{name}"
            return self._widget.get_component_rich_style(component, default=self())
        return self._widget.rich_style

    def forget(self) -> None:
        """Have all of them worked out anew."""
        self._known.clear()
