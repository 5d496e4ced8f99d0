"""Content of the command palette: all actions of keys, and the themes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from textual.app import App, SystemCommand
from textual.screen import Screen

from tcctui.ui.actions import spoken
from tcctui.ui.dialogs import Choice, Pick
from tcctui.ui.notices import Notice


def commands(
    app: App[Any],
    screen: Screen[Any],
    change_theme: Callable[[], object],
    choose_theme: Callable[[str], object],
) -> Iterable[SystemCommand]:
    """List each action that a key has on the screen, with its keys, and every theme."""
    keys: dict[str, list[str]] = {}
    found = {}
    others = getattr(app, "MEANINGS", {}) if screen is app.screen_stack[0] else {}
    for key, one in screen.active_bindings.items():
        binding = one.binding
        ours = binding.id is not None and binding.id != "palette" and one.enabled
        if ours:
            keys.setdefault(binding.action, []).append(key)
            found[binding.action] = one
    for action, one in found.items():
        usual = one.binding.tooltip or one.binding.description
        told = others.get(one.binding.id or "", usual).partition(". ")[0]
        if not told:
            continue
        yield SystemCommand(
            told[:1].upper() + told[1:],
            f"Key: {spoken(app, keys[action])}",
            partial(app.run_action, action, one.node),
        )
    yield SystemCommand("Theme: pick one of a list", "Kept in the settings", change_theme)
    for name in _themes(app):
        yield SystemCommand(
            f"Theme: {name}", _meaning(app, name), partial(choose_theme, name), discover=False
        )


def _themes(app: App[Any]) -> Iterator[str]:
    yield from (name for name in app.available_themes if name != "textual-ansi")


def _meaning(app: App[Any], name: str) -> str:
    theme = app.available_themes[name]
    words = ["the terminal's own colours," if theme.ansi else "", "dark" if theme.dark else "light"]
    words.append("safe for colour-blind people" if name.startswith("tcctui-safe") else "")
    return " ".join(filter(None, words))


def pick_theme(app: App[Any]) -> Pick:
    """List of themes, ours first."""
    names = sorted(_themes(app), key=lambda name: (not name.startswith("tcctui"), name))
    return Pick(
        f"Theme (now {app.theme})", [Choice(name, name, _meaning(app, name)) for name in names]
    )


def problems(sentences: Sequence[str]) -> Notice:
    """Notice of the mistakes in the settings file."""
    told = [sentences[0]]
    if len(sentences) > 1:
        told.append(f"and {len(sentences) - 1} more: tcctui config --check")
    return Notice("Settings that do not hold", "\n".join(told), "warning", seconds=20)
