"""The keys of the table."""

from __future__ import annotations

from textual.binding import BindingType

from tcctui.ui.actions import key

_SORT_RIGHT = "Sort by the column to the right; Shift- or Ctrl-click adds a further column"
_FOLLOW = "Scroll with the selected flow wherever it goes; arrows, F or Esc end it"
_PIN = "Keep the selected flow on top of the table, whatever is searched for, or not"
_FILTER = "Search for what the cell says, of what is measured no less; or right-click it"
_EXCLUDE = "Search for anything but that: something else, or less"
_COPY = "Copy the flow's ends, its row, a search or ss filter for it, or the table"
_GROUP = "Group the flows by process, remote host or net, local port, algorithm, netns"
_HISTOGRAM = (
    "Heat map of srtt over the last minute; of the flows shown, of the selected flow, group or net,"
    " or of its algorithm; h there: the histogram of this moment"
)

KEYS: tuple[BindingType, ...] = (
    key("up,k", "move(-1)", "up", "The flow above"),
    key("down,j", "move(1)", "down", "The flow below"),
    key("pageup", "move_page(-1)", "page-up", "Go up by a screenful"),
    key("pagedown", "move_page(1)", "page-down", "Go down by a screenful"),
    key("g", "move_to_end(-1)", "first", "Select the first flow"),
    key(
        *("less_than_sign", "sort_by(-1)", "sort-left"),
        *("Sort by the column to the left; or click a title", "Sort", "< >"),
    ),
    key("greater_than_sign", "sort_by(1)", "sort-right", _SORT_RIGHT),
    key("r", "reverse", "reverse", "Reverse the order"),
    key("F", "follow", "follow", _FOLLOW),
    key("asterisk", "pin", "pin", _PIN),
    key(
        "tab",
        "cell(1)",
        "cell-right",
        "Move the cell cursor to the right, for = and !; Esc hides it",
    ),
    key("shift+tab", "cell(-1)", "cell-left", "Move the cell cursor to the left"),
    key("equals_sign", "filter(False)", "filter-add", _FILTER),
    key("exclamation_mark", "filter(True)", "filter-exclude", _EXCLUDE),
    key("Y", "copy", "copy", _COPY),
    key("G", "group", "group", _GROUP),
    key("enter", "fold", "fold", "Fold the group that is selected, or unfold it; or click ▾"),
    key("E", "fold_all", "fold-all", "Fold all groups, or unfold them"),
    key("H", "histogram", "histogram", _HISTOGRAM),
)
