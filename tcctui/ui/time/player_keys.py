"""Keys that move through time."""

from __future__ import annotations

from textual.binding import Binding, BindingType

_PAUSE = "Pause at this moment, while events are still taken in; live again; pause a recording"
_BEGIN = "Go to the oldest moment; while live, to the first flow"
_END = "Return to live, or go to a recording's end; while live, to the last flow"

KEYS: tuple[BindingType, ...] = (
    # Bindings of one key share one id: changing the key changes all of them.
    Binding("p,space", "pause", "Pause", id="pause", tooltip=_PAUSE),
    Binding("p,space", "resume", "Live", id="pause", tooltip=_PAUSE),
    Binding("p,space", "play", "Play", id="pause", tooltip=_PAUSE),
    Binding("p,space", "halt", "Pause", id="pause", tooltip=_PAUSE),
    Binding(
        *("left", "step(-1)", "1 s"),
        key_display="←→",
        id="back",
        tooltip="Back 1 s; pauses a live screen",
    ),
    Binding("right", "step(1)", "1 s", show=False, id="on", tooltip="Forward 1 s"),
    Binding(
        *("shift+left", "step(-10)", "10 s"),
        key_display="⇧",
        id="back-10",
        tooltip="Back 10 s",
    ),
    Binding("shift+right", "step(10)", "10 s", show=False, id="on-10", tooltip="Forward 10 s"),
    Binding("home", "oldest", "Oldest", key_display="Home", id="begin", tooltip=_BEGIN),
    Binding("end", "newest", "Newest", key_display="End", id="end", tooltip=_END),
    Binding("end", "live", "Live", key_display="End", id="end", tooltip=_END),
    Binding("home", "row(-1)", "First flow", show=False, id="begin", tooltip=_BEGIN),
    Binding("end", "row(1)", "Last flow", show=False, id="end", tooltip=_END),
    Binding(
        *("left_square_bracket", "speed(-1)", "Speed"),
        key_display="[]",
        id="slower",
        tooltip="Play a recording more slowly",
    ),
    Binding(
        *("right_square_bracket", "speed(1)", "Faster", False),
        id="faster",
        tooltip="Play a recording faster",
    ),
    Binding(
        *("S", "save_past", "Save"),
        id="save-past",
        tooltip="Save the last minutes as a recording",
    ),
)
