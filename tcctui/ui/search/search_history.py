"""Search history, saved in the background."""

from __future__ import annotations

from textual.widget import Widget

from tcctui.config.searches import Searches
from tcctui.errors import TcctuiError
from tcctui.ui.notices import Notice, tell


class SearchHistory:
    """Remembers searches; a failure to save them is shown once, on the widget's app."""

    def __init__(self, widget: Widget, listed: Searches) -> None:
        self._widget = widget
        self.listed = listed
        self._told = False

    def remember(self, text: str) -> None:
        """Append a search, and save the history in a thread."""
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
