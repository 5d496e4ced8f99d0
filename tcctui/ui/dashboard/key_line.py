"""The last line of the screen: the keys that do something now."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import ActiveBinding
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tcctui.ui.style.kept_lines import KeptLines


class KeyLine(KeptLines, Widget):
    """Shows the keys that do something now, each of which can be clicked.

    Textual's Footer is a widget for each key, made anew whenever keys may have changed: seven times
    while a program starts.
    """

    STYLES = "key-line"
    DEFAULT_CSS = """
    KeyLine {
        dock: bottom;
        height: 1;
        color: $footer-foreground;
        background: $footer-background;

        & > .key-line--key {
            color: $footer-key-foreground;
            background: $footer-key-background;
            text-style: bold;
        }
        & > .key-line--description {
            color: $footer-description-foreground;
            background: $footer-description-background;
        }
        & > .key-line--hover { background: $block-hover-background; }
    }
    """
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[ActiveBinding] = []
        self._under_mouse: ActiveBinding | None = None

    def on_mount(self) -> None:
        """Follow the screen's keys."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def _follow(self, screen: Screen[object]) -> None:
        if not self.app.app_focus or screen is not self.screen:
            return
        keys = [one for one in screen.active_bindings.values() if one.binding.show]
        if keys != self._keys:
            self._keys = keys
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is but one
        """Return the line."""
        segments = [segment for one in self._keys for segment in self._segments(one)]
        ground = Style(bgcolor=self.styles_of().bgcolor)
        return Strip(segments).adjust_cell_length(self.size.width, ground)

    def _segments(self, one: ActiveBinding) -> Iterator[Segment]:
        """Give a key and its description."""
        more = Style(dim=True) if not one.enabled else Style()
        if one is self._under_mouse:
            more += self.styles_of("hover")
        for text, name in zip(self._texts(one), ("key", "description"), strict=True):
            yield Segment(text, self.styles_of.filtered(self.styles_of(name) + more))

    def _texts(self, one: ActiveBinding) -> tuple[str, str]:
        return f" {self.app.get_key_display(one.binding)} ", f"{one.binding.description} "

    def _at(self, x: int) -> ActiveBinding | None:
        """Find the key in a column."""
        end = 0
        for one in self._keys:
            end += sum(cell_len(text) for text in self._texts(one))
            if x < end:
                return one
        return None

    def _hover(self, one: ActiveBinding | None) -> None:
        if one is not self._under_mouse:
            self._under_mouse = one
            self.tooltip = None if one is None else one.tooltip or None
            self.refresh()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Highlight the key, and explain it."""
        self._hover(self._at(event.x))

    def on_leave(self) -> None:
        """Highlight nothing."""
        self._hover(None)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Press the key."""
        one = self._at(event.x)
        if one is not None and one.enabled:
            self.app.simulate_key(one.binding.key)
        elif one is not None:
            self.app.bell()
