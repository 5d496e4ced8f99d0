"""The keys of the table."""

from __future__ import annotations

from textual.binding import Binding, BindingType

KEYS: tuple[BindingType, ...] = (
    Binding(
        *("G", "group", "Group"),
        show=False,
        id="group",
        tooltip="Group the flows by process, remote host or net, local port, algorithm, netns",
    ),
    Binding(
        *("enter", "fold", "Fold"),
        show=False,
        id="fold",
        tooltip="Fold the group that is selected, or unfold it; or click ▾",
    ),
    Binding(
        *("E", "fold_all", "Fold all"),
        show=False,
        id="fold-all",
        tooltip="Fold all groups, or unfold them",
    ),
    Binding(
        *("H", "histogram", "Histogram"),
        show=False,
        id="histogram",
        tooltip="Histogram of srtt over the flows shown, or over those of the selected group",
    ),
    Binding("up,k", "move(-1)", "Up", show=False, id="up", tooltip="The flow above"),
    Binding("down,j", "move(1)", "Down", show=False, id="down", tooltip="The flow below"),
    Binding(
        *("pageup", "move_page(-1)", "Page up"),
        show=False,
        id="page-up",
        tooltip="Go up by a screenful",
    ),
    Binding(
        *("pagedown", "move_page(1)", "Page down"),
        show=False,
        id="page-down",
        tooltip="Go down by a screenful",
    ),
    Binding(
        *("g", "move_to_end(-1)", "First"),
        show=False,
        id="first",
        tooltip="Select the first flow",
    ),
    Binding(
        *("less_than_sign", "sort_by(-1)", "Sort"),
        key_display="< >",
        id="sort-left",
        tooltip="Sort by the column to the left; or click a title",
    ),
    Binding(
        *("greater_than_sign", "sort_by(1)", "Sort by the column to the right"),
        show=False,
        id="sort-right",
        tooltip="Sort by the column to the right; Shift- or Ctrl-click adds a further column",
    ),
    Binding("r", "reverse", "Reverse", show=False, id="reverse", tooltip="Reverse the order"),
    Binding(
        *("F", "follow", "Follow"),
        show=False,
        id="follow",
        tooltip="Scroll with the selected flow wherever it goes; arrows, F or Esc end it",
    ),
    Binding(
        *("asterisk", "pin", "Pin"),
        key_display="*",
        show=False,
        id="pin",
        tooltip="Keep the selected flow on top of the table, whatever is searched for, or not",
    ),
    Binding(
        *("tab", "cell(1)", "Next cell"),
        show=False,
        id="cell-right",
        tooltip="Move the cell cursor to the right, for = and !; Esc hides it",
    ),
    Binding(
        *("shift+tab", "cell(-1)", "Cell before"),
        show=False,
        id="cell-left",
        tooltip="Move the cell cursor to the left",
    ),
    Binding(
        *("equals_sign", "filter(False)", "Search for the cell"),
        key_display="=",
        show=False,
        id="filter-add",
        tooltip="Search for what the cell says, of what is measured no less; or right-click it",
    ),
    Binding(
        *("exclamation_mark", "filter(True)", "Exclude the cell"),
        key_display="!",
        show=False,
        id="filter-exclude",
        tooltip="Search for anything but that: something else, or less",
    ),
    Binding(
        *("Y", "copy", "Copy"),
        show=False,
        id="copy",
        tooltip="Copy the flow's ends, its row, a search or ss filter for it, or the table",
    ),
)
