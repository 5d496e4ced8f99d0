"""What keys do while a search is typed."""

from __future__ import annotations

from textual.binding import Binding

KEYS = (
    Binding("escape", "escape", "Clear", tooltip="Close the suggestions, or clear the search"),
    Binding(
        *("tab", "complete", "Complete", False),
        id="complete",
        tooltip="Take the suggestion that is highlighted, or list what there is",
    ),
    Binding(
        *("down", "newer", "Choose", False),
        id="search-newer",
        tooltip="Choose among the suggestions, or go on to a newer search",
    ),
    Binding(
        *("up", "older", "Older search", False),
        id="search-older",
        tooltip="Go back to an older search",
    ),
    Binding(
        *("ctrl+s", "save_filter", "Save", False),
        id="save-filter",
        tooltip="Save the search under a name",
    ),
)
