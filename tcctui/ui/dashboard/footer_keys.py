"""Keys in the footer: the most important ones of a mode, as many as fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from rich.cells import cell_len
from textual.binding import ActiveBinding, Binding

from tcctui.ui.time.player import Mode

_AT_A_MOMENT = (
    ("step(-1)", 0),
    ("step(-10)", 2),
    ("oldest", 3),
    ("newest", 0),
    ("live", 0),
    ("speed(-1)", 1),
    ("zoom(1)", 1),
    ("crosshair(-1)", 3),
    ("save_past", 1),
    ("search", 4),
    ("sort_by(-1)", 6),
    ("chart", 6),
    ("details", 5),
    ("command_palette", 7),
    ("help", 0),
    ("app.quit", 0),
)
_SHOWN = {
    Mode.LIVE: (
        ("pause", 0),
        ("search", 0),
        ("sort_by(-1)", 1),
        ("step(-1)", 2),
        ("window", 1),
        ("zoom(1)", 3),
        ("chart", 1),
        ("details", 0),
        ("crosshair(-1)", 4),
        ("save_past", 4),
        ("command_palette", 5),
        ("help", 0),
        ("app.quit", 0),
    ),
    Mode.AWAY: (("resume", 0), *_AT_A_MOMENT),
    Mode.REPLAY: (("play", 0), ("halt", 0), *_AT_A_MOMENT),
}
"""Actions in display order, with the rank at which each is dropped; 0 is never."""


def chosen(
    active: Mapping[str, ActiveBinding],
    mode: Mode,
    width: int,
    display: Callable[[Binding], str],
    *,
    stopped: bool = False,
    strides: tuple[float, float] = (1.0, 10.0),
) -> dict[str, ActiveBinding]:
    """Choose among all active keys those that fit in a line of `width`.

    `display` formats a key as the footer does. With `stopped`, pausing is left out. `strides` are
    the seconds of a small step in time and of a large one.
    """
    lengths = dict(zip(_STEPS, map(_duration, strides), strict=True))
    active = {key: _labelled(one, lengths) for key, one in active.items()}
    by_action: dict[str, str] = {}
    for key, one in active.items():
        by_action.setdefault(one.binding.action, key)
    wanted = [(by_action[action], rank) for action, rank in _SHOWN[mode] if action in by_action]
    wanted = [one for one in wanted if not stopped or one[0] != by_action.get("pause")]

    def length(one: ActiveBinding) -> int:
        return cell_len(f" {display(one.binding)} {one.binding.description} ")

    while sum(length(active[key]) for key, _ in wanted) > width:
        worst = max(rank for _, rank in wanted)
        if not worst:
            break
        del wanted[max(at for at, (_, rank) in enumerate(wanted) if rank == worst)]
    shown = {key: _with(active[key], True) for key, _ in wanted}
    return shown | {key: _with(one, False) for key, one in active.items() if key not in shown}


_STEPS = ("step(-1)", "step(-10)")


def _labelled(one: ActiveBinding, labels: Mapping[str, str]) -> ActiveBinding:
    """Give a binding the label that it has here."""
    label = labels.get(one.binding.action)
    if label is None or label == one.binding.description:
        return one
    return one._replace(binding=replace(one.binding, description=label))


def _duration(seconds: float) -> str:
    """Length of a step: 10 s, 5 min, 1 h."""
    unit, size = next(one for one in (("h", 3600), ("min", 60), ("s", 1)) if seconds >= one[1])
    return f"{seconds / size:g} {unit}"


def _with(one: ActiveBinding, show: bool) -> ActiveBinding:
    return one._replace(binding=replace(one.binding, show=show))
