"""Searches that are remembered from one run to the next, without anybody waiting for that."""

from __future__ import annotations

from textual.widget import Widget

from tcctui.config.searches import Searches
from tcctui.errors import TcctuiError
from tcctui.ui.notices import Notice, tell


class SearchHistory:
    """Remembers what was searched for; what can't be written is said once, on the widget's app."""

    def __init__(self, widget: Widget, listed: Searches) -> None:
        self._widget = widget
        self.listed = listed
        self._told = False

    def remember(self, text: str) -> None:
        """Put a search at the end of the list, and write that in a thread."""
        if self.listed.remember(text):
            self._widget.run_worker(self._keep, thread=True, exit_on_error=False)

    def _keep(self) -> None:
        try:
            self.listed.keep()
        except TcctuiError as error:
            if not self._told:
                self._told = True
                notice = Notice("Searches are not remembered", str(error), "warning")
                self._widget.app.call_from_thread(tell, self._widget, notice)
