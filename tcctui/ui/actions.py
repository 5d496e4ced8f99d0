"""Actions of keys: name, keys and meaning, derived from the bindings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from textual import events
from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys

from tcctui.ui.style.legible import plain

_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "meta", "hyper"})
_FUNCTION_KEYS = frozenset(f"f{number}" for number in range(1, 25))
_NAMED = frozenset(
    {
        *("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete"),
        *("tab", "enter", "escape", "space", "backspace", *_FUNCTION_KEYS),
        *(str(key.value) for key in Keys),
    }
)
_SPOKEN: Mapping[str, str] = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "home": "Home",
    "end": "End",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "tab": "Tab",
    "enter": "Enter",
    "escape": "Esc",
    "space": "space",
    "insert": "Ins",
    "delete": "Del",
}
_KEYPAD: Mapping[str, str] = dict(
    zip(
        ("add", "subtract", "multiply", "divide", "decimal", "equal", "separator"),
        "+-*/.=,",
        strict=True,
    )
)
"""Textual's names of the keypad's keys, under the kitty keyboard protocol, with what they type."""

_PRIVATE = range(0xE000, 0xF900)
"""Numbers of that protocol's keys without a character, some of which Textual takes for one."""

_ARROWS = str.maketrans({"↑": "Up ", "↓": "Down ", "←": "Left ", "→": "Right ", "⇧": "Shift "})


class Action(NamedTuple):
    """Action of keys; `keys` are its default keys."""

    id: str
    keys: tuple[str, ...]
    meaning: str


def key(  # noqa: PLR0917 - a row of a table
    keys: str,
    action: str,
    name: str,
    meaning: str,
    label: str = "",
    display: str | None = None,
    *,
    priority: bool = False,
) -> Binding:
    """Bind keys, by their `name` in the settings, to an action with a `meaning` for the help.

    The footer may show those with a `label`, as `display` if that is not the key itself.
    """
    return Binding(keys, action, label, bool(label), display, priority, meaning, name)


def key_name(text: str) -> str:
    """Canonical name of a key as people write it, `?` or `Ctrl-X`; empty for an invalid one."""
    text = text.strip()
    *modifiers, key = text.replace("-", "+").split("+") if len(text) > 1 else [text]
    if not key or not set(modifiers := [one.lower() for one in modifiers]) <= _MODIFIERS:
        return ""
    if len(key) > 1:
        key = key.lower()
        names = {character_name(chr(code)) for code in range(33, 127)}
        if key not in _NAMED | names:
            return ""
    elif not key.isprintable():
        return ""
    elif modifiers == ["shift"] and key.isalpha():
        return key.upper()
    elif modifiers:
        key = character_name(key.lower() if "shift" not in modifiers else key)
    else:
        key = character_name(key)
    return "+".join([*sorted(set(modifiers)), key])


def character_name(character: str) -> str:
    """Textual's name of a character."""
    if character == " ":
        return "space"
    if character == ",":
        return "comma"
    (binding,) = Binding.make_bindings([Binding(character, "none")])
    return binding.key


def plain_key(event: events.Key) -> events.Key | None:
    """Key of the keypad as the one of the same character elsewhere; None for an unknown key."""
    character = event.character
    if character and ord(character[0]) in _PRIVATE:
        return None
    *modifiers, last = event.key.split("+")
    if last in _KEYPAD:
        character = character or (None if modifiers else _KEYPAD[last])
        last = character_name(character or _KEYPAD[last])
        return events.Key("+".join([*modifiers, last]), character)
    if character is None and len(event.key) == 1:  # with Num Lock, from terminals that send no text
        return events.Key(event.key, event.key)
    return event


def actions(owners: Iterable[type[DOMNode]]) -> Iterator[Action]:
    """Actions with an id of some classes and their bases; each once."""
    found: dict[str, Action] = {}
    for one in dict.fromkeys(base for owner in owners for base in owner.__mro__):
        for binding in Binding.make_bindings(list(vars(one).get("BINDINGS", ()))):
            if binding.id is None:
                continue
            action = found.get(binding.id, Action(binding.id, (), ""))
            keys = tuple(dict.fromkeys((*action.keys, binding.key)))
            told = binding.tooltip or binding.description
            meaning = action.meaning or told[:1].upper() + told[1:]
            found[binding.id] = Action(binding.id, keys, meaning)
    yield from found.values()


def in_force(action: Action, keys: Mapping[str, str]) -> tuple[str, ...]:
    """Keys of an action, with the user's choices in `keys`."""
    return tuple(keys[action.id].split(",")) if keys.get(action.id) else action.keys


def spoken(app: App[Any], keys: Iterable[str]) -> str:
    """Format keys as printed on a keyboard: `p  space`, `Ctrl-P`."""
    return "  ".join(_spoken(app, key) for key in keys)


def function_key(key: str) -> str:
    """Name of a function key, F1; empty for any other."""
    return key.upper() if key in _FUNCTION_KEYS else ""


def _spoken(app: App[Any], key: str) -> str:
    *modifiers, last = key.split("+")
    named = _SPOKEN.get(last) or function_key(last) or None
    word = app.get_key_display(Binding(last, "none", key_display=named))
    if modifiers and len(word) == 1:
        word = word.upper()
    return plain("-".join([*(one.title() for one in modifiers), word]))


def worded(display: str) -> str:
    """Spell out the arrows of a key's display, for terminals without arrows."""
    return "/".join(display.translate(_ARROWS).split()) if not display.isascii() else display


def meanings(all_actions: Iterable[Action]) -> Mapping[str, str]:
    """Meanings of actions, by their ids."""
    return {action.id: action.meaning for action in all_actions}
