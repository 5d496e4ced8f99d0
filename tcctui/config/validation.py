"""Validation of settings: a TOML value becomes a field of `Settings` or a fault."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple, get_args, get_type_hints

from tcctui.config.choices import Choices, nearest
from tcctui.config.settings import Settings, Units
from tcctui.fields.algorithm_state import is_member
from tcctui.printable import plain

WIDEST = 200
"""Largest width of a column in characters: wider than any screen needs."""

FASTEST, SLOWEST = 0.1, 10.0
"""Limits of the time between two frames, in seconds."""

_MOST = 500
"""Limit on elements of an array or table: more than there are columns or keys."""


class Fault(NamedTuple):
    """Mistake in the value at this path of keys and indexes."""

    path: tuple[str | int, ...]
    sentence: str


Faults = Iterator[Fault]
Into = dict[str, Any]


def take(name: str, value: Any, choices: Choices, into: Into) -> Faults:
    """Store the valid part of a value in `into`; give the faults of the rest."""
    if name in _NAMED:
        yield from _one_of(name, value, choices, into)
    elif name in _SWITCHES:
        yield from _switch(name, value, into)
    elif name == "refresh":
        yield from _refresh(value, into)
    elif name in _SEVERAL:
        yield from _several(name, value, choices, into)
    else:
        kind = "table" if isinstance(value, dict) else "setting"
        near = nearest(name, Settings.__dataclass_fields__)
        yield Fault((name,), f"There is no {kind} {_told(name)}.{near}")


def _told(text: object) -> str:
    return repr(plain(str(text)[:60]))


_NAMED: Mapping[str, tuple[str, Callable[[Choices], Collection[str]]]] = {
    "theme": ("theme", lambda choices: choices.themes),
    "group": ("grouping", lambda choices: choices.groups),
}
"""Settings that are one name of several: of what, and which there are."""


def _one_of(name: str, value: Any, choices: Choices, into: Into) -> Faults:
    """Take one of several names; any where none are known."""
    what, known = _NAMED[name][0], _NAMED[name][1](choices)
    if not isinstance(value, str):
        yield Fault((name,), f"{name} is the name of a {what}, in quotes.")
    elif value and known and value not in known:
        yield Fault((name,), f"There is no {what} {_told(value)}.{nearest(value, known)}")
    else:
        into[name] = value


_SWITCHES: Mapping[str, str] = {"ascii": 'true, false or "auto"', "mouse": "true or false"}
"""Settings that are on or off, and their values."""


def _switch(name: str, value: Any, into: Into) -> Faults:
    if isinstance(value, bool) or (value == "auto" and "auto" in _SWITCHES[name]):
        into[name] = None if value == "auto" else value
    else:
        yield Fault((name,), f"{name} is {_SWITCHES[name]}.")


def _refresh(value: Any, into: Into) -> Faults:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value == "auto":
        into["refresh"] = None
    elif number and FASTEST <= value <= SLOWEST:
        into["refresh"] = float(value)
    else:
        yield Fault(("refresh",), f'refresh is "auto", or {FASTEST:g} to {SLOWEST:g} seconds.')


def _several(name: str, value: Any, choices: Choices, into: Into) -> Faults:
    """Take the valid ones of a list's elements, or of a table's entries."""
    kind, what, check, made = _SEVERAL[name]
    if name == "sort" and isinstance(value, str):
        value = [value]
    if not isinstance(value, kind):
        form = f"list of {what}, in brackets"
        if kind is dict:
            form = f"table of {what}: [{name}] on a line of its own"
        yield Fault((name,), f"{name} is a {form}.")
        return
    kept: dict[Any, Any] = {}
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in islice(pairs, _MOST):
        if kind is list and not isinstance(one, str):
            fault = f"{name} has {what} in quotes, not {_told(one)}."
        else:
            fault = check(key, one, choices, kept)
        if fault:
            yield Fault((name, key), fault)
        else:
            kept[key] = one
    if name == "keys":
        kept = {action: _names_of(given, choices) for action, given in kept.items()}
        yield from _clashes(kept, choices)
    into[name] = made(kept)


def _column_fault(name: str, choices: Choices) -> str:
    if not choices.columns or name in choices.columns or is_member(name):
        return ""
    return f"There is no column {_told(name)}.{nearest(name, choices.columns)}"


def _shown_fault(_: int, column: str, choices: Choices, kept: Mapping[int, str]) -> str:
    twice = f"The column {_told(column)} is there twice." if column in kept.values() else ""
    return _column_fault(column, choices) or twice


def _width_fault(column: str, width: Any, choices: Choices, _: object) -> str:
    fault = _column_fault(column, choices)
    if fault or (type(width) is int and 1 <= width <= WIDEST):
        return fault
    return f"A width is a whole number from 1 to {WIDEST}, not {_told(width)}."


def _sorted_fault(_: int, key: str, choices: Choices, __: object) -> str:
    return _column_fault(key.removeprefix("-"), choices)


def _sorting(kept: Mapping[int, str]) -> tuple[str, ...]:
    """Sort keys, each column's first one; the usual ones without any."""
    first: dict[str, str] = {}
    for key in kept.values():
        first.setdefault(key.removeprefix("-"), key)
    return tuple(first.values()) or Settings().sort


def _keys_fault(action: str, given: Any, choices: Choices, _: object) -> str:
    if choices.keys and action not in choices.keys:
        return f"There is no action {_told(action)}.{nearest(action, choices.keys)}"
    texts = _key_texts(given)
    if texts is None:
        return 'Keys are text, or a list of text: ["p", "space"].'
    wrong = [text for text in texts if not choices.key(text)]
    if wrong:
        return f'There is no key {_told(wrong[0])}: keys are written as in "p", "ctrl+x", "f5".'
    return ""


def _names_of(given: Any, choices: Choices) -> tuple[str, ...]:
    return tuple(dict.fromkeys(choices.key(text) for text in _key_texts(given) or ()))


def _key_texts(given: Any) -> list[str] | None:
    """Keys from a list, or from a text with commas."""
    if isinstance(given, str):
        given = [given] if len(given.strip()) == 1 else given.split(",")
    if not isinstance(given, list) or not given:
        return None
    if not all(isinstance(one, str) and one.strip() for one in given):
        return None
    return [one.strip() for one in given]


def _clashes(wanted: dict[str, tuple[str, ...]], choices: Choices) -> Faults:
    """Drop keys that would give one key to two actions of the same place.

    The first of an action's usual keys is its own; the others give way to what is wanted.
    """
    given = {(action in choices.typing, key) for action, keys in wanted.items() for key in keys}
    for action, (own, *others) in choices.keys.items():
        left = [key for key in others if (action in choices.typing, key) not in given]
        if action not in wanted and len(left) < len(others):
            wanted[action] = (own, *left)
    while True:
        holders = {(False, key): what for key, what in choices.elsewhere.items()}
        holders |= {
            (action in choices.typing, key): action
            for action, keys in choices.keys.items()
            if action not in wanted
            for key in keys
        }
        for action, keys in wanted.items():
            typing = action in choices.typing
            taken = (holders.get((typing, key), action) for key in keys)
            key, holder = next(
                ((key, one) for key, one in zip(keys, taken, strict=True) if one != action),
                ("", ""),
            )
            if key:
                yield Fault(("keys", action), f"The key {_told(key)} already belongs to {holder}.")
                del wanted[action]  # it gets its usual keys back, which may be taken by now
                break
            holders.update(dict.fromkeys(((typing, key) for key in keys), action))
        else:
            return


def _filter_fault(name: str, text: Any, choices: Choices, _: object) -> str:
    if not isinstance(text, str):
        return f"A filter is a query in quotes, not {_told(text)}."
    fault = choices.fault(text)
    return f"The filter {_told(name)}: {fault}" if fault else ""


_UNITS: Mapping[str, tuple[str, ...]] = {
    name: get_args(hint) for name, hint in get_type_hints(Units).items()
}


def _unit_fault(name: str, unit: Any, _: Choices, __: object) -> str:
    if name not in _UNITS:
        return f"There is no quantity {_told(name)}.{nearest(name, _UNITS)}"
    if unit not in _UNITS[name]:
        choice = " or ".join(f'"{word}"' for word in _UNITS[name])
        return f"units.{name} is {choice}, not {_told(unit)}."
    return ""


class _Several(NamedTuple):
    """Setting of several values: a list of `what`, or a table.

    `check` gives the fault of an element or entry, by its index or key, given those kept before it;
    `made` makes the setting of those kept.
    """

    kind: type[list[Any]] | type[dict[Any, Any]]
    what: str
    check: Callable[[Any, Any, Choices, Mapping[Any, Any]], str]
    made: Callable[[Mapping[Any, Any]], Any] = dict


_SEVERAL: Mapping[str, _Several] = {
    "columns": _Several(list, "names of columns", _shown_fault, lambda kept: tuple(kept.values())),
    "widths": _Several(dict, "columns and their characters", _width_fault),
    "sort": _Several(list, "names of columns", _sorted_fault, _sorting),
    "keys": _Several(
        dict,
        "actions and their keys",
        _keys_fault,
        lambda kept: {action: ",".join(names) for action, names in kept.items()},
    ),
    "filters": _Several(dict, "names and queries", _filter_fault),
    "units": _Several(
        dict, "quantities and how they are written", _unit_fault, lambda kept: Units(**kept)
    ),
}

assert {*_NAMED, *_SWITCHES, "refresh", *_SEVERAL} == set(Settings.__dataclass_fields__)
