"""Writes settings as the TOML that they are read from."""

from __future__ import annotations

import json
import string
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from tcctui.config.choices import Choices
from tcctui.config.settings import Settings

_WIDTH = 96

_EXPLAINED = {
    "theme": "Colours. Empty: what suits the terminal. There are:",
    "ascii": 'Draw with ASCII alone: true, false, or "auto", where the terminal has no more.',
    "columns": "Columns of the table from left to right. None: the usual ones, as many as fit."
    " There are:",
    "sort": "What the table is sorted by, the most significant first; - is the greatest first.",
    "group": "What flows are grouped by. Empty: nothing. There are:",
    "widths": "Characters of columns that are not to be as wide as they are by themselves.",
    "keys": "Keys of actions: one, or several as a list; what is left out has its usual ones.",
    "filters": "Searches with names, to be picked from a list.",
    "units": 'rate: "bit" or "byte" per second; size: "binary" (1024, Ki) or "decimal" (1000, k).',
}
_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "widths": {"process": 14},
    "filters": {"slow": "srtt>80ms or retrans>0"},
}


def held(settings: Settings) -> str:
    """Write all settings."""
    return "\n".join(_statements(settings)) + "\n"


def default(choices: Choices, meanings: Mapping[str, str]) -> str:
    """Write a file that changes nothing, with all that can be set explained.

    `meanings` says what the actions of `choices` do.
    """
    lines = ["# Settings of tcctui; what is left out is as it is here."]
    lists = {"theme": choices.themes, "columns": choices.columns, "group": choices.groups}
    for name, value in _values(Settings()):
        lines += ["", *_comment(_EXPLAINED[name]), *_comment(", ".join(lists.get(name, ())))]
        if not isinstance(value, Mapping):
            lines.append(f"{name} = {_value(value)}")
            continue
        lines.append(f"[{name}]")
        lines += [f"# {_key(key)} = {_value(one)}" for key, one in _EXAMPLES.get(name, {}).items()]
        lines += [f"{_key(key)} = {_value(one)}" for key, one in value.items()]
        if name == "keys":
            for action, keys in choices.keys.items():
                written = [_key_of(choices, key) for key in keys]
                told = f"# {action} = {_value(written if len(keys) > 1 else written[0])}"
                lines.append(f"{told:<28}  # {_in_short(meanings.get(action, ''))}".rstrip(" #"))
    return "\n".join(lines) + "\n"


def _key_of(choices: Choices, name: str) -> str:
    """Write a key as people do, `?` and not `question_mark`, where that is read as the same."""
    return next((one for one in string.punctuation if choices.key(one) == name), name)


def _in_short(meaning: str) -> str:
    """What is said first; help and the manual page say the rest."""
    return meaning.partition(";")[0].partition(". ")[0]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )


def _statements(settings: Settings) -> Iterable[str]:
    for name, value in _values(settings):
        if not isinstance(value, Mapping):
            yield f"{name} = {_value(value)}"
            continue
        yield f"\n[{name}]"
        yield from (f"{_key(key)} = {_value(one)}" for key, one in value.items())


def _values(settings: Settings) -> list[tuple[str, Any]]:
    """Give the fields with their values, the tables last, as TOML wants it."""
    values: dict[str, Any] = {name: getattr(settings, name) for name in _EXPLAINED}
    values["units"] = asdict(settings.units)
    return sorted(values.items(), key=lambda one: isinstance(one[1], Mapping))


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else _value(name)


def _value(value: Any) -> str:
    """Write a value; JSON's strings, numbers and lists of them are TOML's too."""
    return json.dumps("auto" if value is None else value, ensure_ascii=False)
