"""The last line of the screen: the keys that do something now."""

from __future__ import annotations

from textual.binding import Binding
from textual.widgets import Footer


class KeyLine(Footer):
    """Makes its keys anew only where they are others than those that it shows.

    Textual has them made anew whenever they may have changed, which while a program starts is seven
    times, and takes longer than all else that a key does.
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)
        self._shown: list[tuple[Binding, bool]] = []

    async def recompose(self) -> None:
        """Show the keys that do something now."""
        if not self.is_attached:
            return
        active = self.screen.active_bindings.values()
        shown = [(one.binding, one.enabled) for one in active if one.binding.show]
        if shown != self._shown:
            self._shown = shown
            await super().recompose()
