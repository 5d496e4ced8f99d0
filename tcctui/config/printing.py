"""Settings as TOML text."""

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

EXPLAINED = {
    "theme": "Colours. Empty: chosen for the terminal. Available:",
    "ascii": 'Draw with ASCII only: true, false, or "auto", if the terminal has no more.',
    "mouse": "Rows, titles, keys and charts take the mouse. false leaves it to the terminal, whose"
    " own selection works then.",
    "refresh": 'Seconds between two frames, or "auto": 0.5; 0.25 while you move or a chart shows'
    " 10 s; 1 while the terminal says that it has lost the focus.",
    "columns": "Columns of the table from left to right. None: the usual ones, as many as fit."
    " There are:",
    "sort": "Sort order of the table, the most significant column first; - sorts descending.",
    "group": "Grouping of connections. Empty: none. Available:",
    "widths": "Widths of resized columns, in characters.",
    "keys": "Keys of actions: one, or several as a list; an action left out keeps its usual keys.",
    "filters": "Named searches, to pick from a list.",
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
    """Write a file that documents every setting and changes none.

    `meanings` describes the actions of `choices`.
    """
    lines = ["# Settings of tcctui; a setting left out has the value shown here."]
    lists = {"theme": choices.themes, "columns": choices.columns, "group": choices.groups}
    for name, value in _values(Settings()):
        lines += ["", *_comment(EXPLAINED[name]), *_comment(", ".join(lists.get(name, ())))]
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
    """Spell a key as people type it, `?` for `question_mark`, if that reads back the same."""
    return next((one for one in string.punctuation if choices.key(one) == name), name)


def _in_short(meaning: str) -> str:
    """First part of a meaning; help and the manual page have the rest."""
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
    """Fields with their values, the tables last, as TOML requires."""
    values: dict[str, Any] = {name: getattr(settings, name) for name in EXPLAINED}
    values["units"] = asdict(settings.units)
    return sorted(values.items(), key=lambda one: isinstance(one[1], Mapping))


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else _value(name)


def _value(value: Any) -> str:
    """Write a value; JSON's strings, numbers and lists of them are valid TOML."""
    return json.dumps("auto" if value is None else value, ensure_ascii=False)
