"""Keys of the search box."""

from __future__ import annotations

from textual.binding import Binding

KEYS = (
    Binding("escape", "escape", "Clear", tooltip="Close the suggestions, or clear the search"),
    Binding(
        *("tab", "complete", "Complete", False),
        id="complete",
        tooltip="Take the highlighted suggestion, or list suggestions",
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
