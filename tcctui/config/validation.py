"""Validation of settings: a TOML value becomes a field of `Settings` or a fault."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple, get_args, get_type_hints

from tcctui.config.choices import Choices, nearest
from tcctui.config.settings import Settings, Units
from tcctui.printable import plain

WIDEST = 200
"""Largest width of a column in characters: wider than any screen needs."""

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
    if name not in _TAKERS:
        kind = "table" if isinstance(value, dict) else "setting"
        yield Fault((name,), f"There is no {kind} {_told(name)}.{nearest(name, _TAKERS)}")
        return
    yield from _TAKERS[name](value, choices, into)


def _told(text: object) -> str:
    return repr(plain(str(text)[:60]))


def _theme(value: Any, choices: Choices, into: Into) -> Faults:
    said = "the name of a theme", "There is no theme"
    return _one_of("theme", value, choices.themes, said, into)


def _group(value: Any, choices: Choices, into: Into) -> Faults:
    said = "the name of a grouping", "There is no grouping"
    return _one_of("group", value, choices.groups, said, into)


def _one_of(
    name: str, value: Any, known: Collection[str], said: tuple[str, str], into: Into
) -> Faults:
    """Take one of several names; any where none are known."""
    meaning, unknown = said
    if not isinstance(value, str):
        yield Fault((name,), f"{name} is {meaning}, in quotes.")
    elif value and known and value not in known:
        yield Fault((name,), f"{unknown} {_told(value)}.{nearest(value, known)}")
    else:
        into[name] = value


def _ascii(value: Any, _: Choices, into: Into) -> Faults:
    if value == "auto":
        into["ascii"] = None
    elif isinstance(value, bool):
        into["ascii"] = value
    else:
        yield Fault(("ascii",), 'ascii is true, false or "auto".')


def _strings(name: str, value: Any, what: str) -> Iterator[Fault | tuple[int, str]]:
    """Elements with their indexes, and faults for those that are not text."""
    if not isinstance(value, list):
        yield Fault((name,), f"{name} is a list of {what}, in brackets.")
        return
    for place, element in enumerate(value[:_MOST]):
        if isinstance(element, str):
            yield place, element
        else:
            yield Fault((name, place), f"{name} has {what} in quotes, not {_told(element)}.")


def _columns(value: Any, choices: Choices, into: Into) -> Faults:
    names: list[str] = []
    for one in _strings("columns", value, "names of columns"):
        if isinstance(one, Fault):
            yield one
            continue
        place, column = one
        fault = _no_column(column, choices)
        if fault:
            yield Fault(("columns", place), fault)
        elif column in names:
            yield Fault(("columns", place), f"The column {_told(column)} is there twice.")
        else:
            names.append(column)
    if isinstance(value, list):
        into["columns"] = tuple(names)


def _no_column(name: str, choices: Choices) -> str:
    if not choices.columns or name in choices.columns:
        return ""
    return f"There is no column {_told(name)}.{nearest(name, choices.columns)}"


def _sort(value: Any, choices: Choices, into: Into) -> Faults:
    if isinstance(value, str):
        value = [value]
    keys: list[str] = []
    for one in _strings("sort", value, "names of columns"):
        if isinstance(one, Fault):
            yield one
            continue
        place, key = one
        fault = _no_column(key.removeprefix("-"), choices)
        if fault:
            yield Fault(("sort", place), fault)
        elif key.removeprefix("-") not in [other.removeprefix("-") for other in keys]:
            keys.append(key)
    if keys:
        into["sort"] = tuple(keys)


def _entries(name: str, value: Any, what: str) -> Iterator[Fault | tuple[str, Any]]:
    if not isinstance(value, dict):
        yield Fault((name,), f"{name} is a table of {what}: [{name}] on a line of its own.")
        return
    yield from list(value.items())[:_MOST]


def _widths(value: Any, choices: Choices, into: Into) -> Faults:
    widths: dict[str, int] = {}
    for one in _entries("widths", value, "columns and their characters"):
        if isinstance(one, Fault):
            yield one
            continue
        column, width = one
        fault = _no_column(column, choices)
        if fault:
            yield Fault(("widths", column), fault)
        elif not isinstance(width, int) or isinstance(width, bool) or not 1 <= width <= WIDEST:
            sentence = f"A width is a whole number from 1 to {WIDEST}, not {_told(width)}."
            yield Fault(("widths", column), sentence)
        else:
            widths[column] = width
    into["widths"] = widths


def _keys(value: Any, choices: Choices, into: Into) -> Faults:
    wanted: dict[str, tuple[str, ...]] = {}
    for one in _entries("keys", value, "actions and their keys"):
        if isinstance(one, Fault):
            yield one
            continue
        action, given = one
        if choices.keys and action not in choices.keys:
            near = nearest(action, choices.keys)
            yield Fault(("keys", action), f"There is no action {_told(action)}.{near}")
            continue
        texts = _several(given)
        if texts is None:
            yield Fault(("keys", action), 'Keys are text, or a list of text: ["p", "space"].')
            continue
        names = tuple(choices.key(text) for text in texts)
        wrong = [text for text, name in zip(texts, names, strict=True) if not name]
        if wrong:
            yield Fault(
                ("keys", action),
                f'There is no key {_told(wrong[0])}: keys are written as in "p", "ctrl+x", "f5".',
            )
        else:
            wanted[action] = tuple(dict.fromkeys(names))
    yield from _clashes(wanted, choices)
    into["keys"] = {action: ",".join(names) for action, names in wanted.items()}


def _several(given: Any) -> list[str] | None:
    """Keys from a list, or from a text with commas."""
    if isinstance(given, str):
        given = [given] if len(given.strip()) == 1 else given.split(",")
    if not isinstance(given, list) or not given:
        return None
    if not all(isinstance(one, str) and one.strip() for one in given):
        return None
    return [one.strip() for one in given]


def _clashes(wanted: dict[str, tuple[str, ...]], choices: Choices) -> Faults:
    """Drop keys that would give one key to two actions of the same place."""
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


def _filters(value: Any, choices: Choices, into: Into) -> Faults:
    filters: dict[str, str] = {}
    for one in _entries("filters", value, "names and queries"):
        if isinstance(one, Fault):
            yield one
            continue
        name, text = one
        if not isinstance(text, str):
            yield Fault(("filters", name), f"A filter is a query in quotes, not {_told(text)}.")
            continue
        fault = choices.fault(text)
        if fault:
            yield Fault(("filters", name), f"The filter {_told(name)}: {fault}")
        else:
            filters[name] = text
    into["filters"] = filters


_UNITS: Mapping[str, tuple[str, ...]] = {
    name: get_args(hint) for name, hint in get_type_hints(Units).items()
}


def _units(value: Any, _: Choices, into: Into) -> Faults:
    chosen: dict[str, str] = {}
    for one in _entries("units", value, "quantities and how they are written"):
        if isinstance(one, Fault):
            yield one
            continue
        name, unit = one
        if name not in _UNITS:
            near = nearest(name, _UNITS)
            yield Fault(("units", name), f"There is no quantity {_told(name)}.{near}")
        elif unit not in _UNITS[name]:
            choice = " or ".join(f'"{word}"' for word in _UNITS[name])
            yield Fault(("units", name), f"units.{name} is {choice}, not {_told(unit)}.")
        else:
            chosen[name] = unit
    into["units"] = Units(**chosen)  # type: ignore[arg-type]


_TAKERS: Mapping[str, Callable[[Any, Choices, Into], Faults]] = {
    "theme": _theme,
    "ascii": _ascii,
    "columns": _columns,
    "widths": _widths,
    "sort": _sort,
    "group": _group,
    "keys": _keys,
    "filters": _filters,
    "units": _units,
}

assert set(_TAKERS) == set(Settings.__dataclass_fields__)
