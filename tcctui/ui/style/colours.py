"""Colours of all widgets: a curve, a mark or a cause has the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from rich.style import Style
from textual.widget import Widget

from tcctui.flows.diagnosis.verdicts import LIMIT_NAMES, VERDICTS
from tcctui.wire.tracepoints import MARKS, Mark


def limit_style(limit: int) -> str:
    """Name the style of what limits a flow."""
    return f"limit-{LIMIT_NAMES[limit]}"


def mark_style(mark: Mark) -> str:
    """Name the style of a mark."""
    return f"mark-{mark.word.lower()}"


COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "cwnd": "$text-primary",
        "ssthresh": "$text-warning",
        "in-flight": "$text-accent",
        "srtt": "$text-success",
        "acked": "$text-success",
        "delivery": "$text-primary",
        "pacing": "$text-warning",
        "bbr-bw": "$foreground",
        "cwnd-bytes": "$text-primary",
        "snd-wnd": "$text-warning",
        "flow-1": "$text-primary",
        "flow-2": "$text-warning",
        "flow-3": "$text-success",
        "flow-4": "$text-accent",
        **{limit_style(row.limit): row.colour for row in VERDICTS},
        **{mark_style(mark): mark.colour for mark in MARKS},
    }
)
"""Colours by style. $text-primary and the like are $primary etc. made readable on the theme's
background.
"""


def rules(widget: str, prefix: str, styles: Iterable[str]) -> str:
    """CSS that gives component classes of a widget, `prefix`--style, their colours."""
    inner = " ".join(f"& > .{prefix}--{style} {{ color: {COLOURS[style]}; }}" for style in styles)
    return f"{widget} {{ {inner} }}"


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
