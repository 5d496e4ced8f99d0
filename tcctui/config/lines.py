"""Line numbers of keys and array elements in a TOML text.

tomlkit keeps what a person wrote, but not where. tomlkit has parsed the text already, so that only
strings, brackets and comments have to be told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]
"""Keys from the outermost to the innermost, and indexes in arrays."""

_TOKEN = re.compile(
    r"""
    (?P<comment>\#[^\n]*)
    | (?P<string>\"\"\"(?:\\.|[^\\])*?\"{3,5} | '''.*?'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
    | (?P<open>[\[{]) | (?P<close>[\]}]) | (?P<comma>,) | (?P<equals>=) | (?P<newline>\n)
    | (?P<blank>[ \t\r]+) | (?P<other>[^\s\#"'\[\]{},=]+)
    """,
    re.VERBOSE | re.DOTALL,
)


def lines(text: str) -> dict[Path, int]:
    """Map each key, table and array element to its line, counted from 1.

    The insides of inner arrays and of braces are left out.
    """
    found: dict[Path, int] = {}
    table: Path = ()
    for head, line, elements in _statements(text):
        if head.startswith("["):
            path = table = _path(head)
        else:
            path = (*table, *_path(f"{head} = 0"))
        for length in range(1, len(path) + 1):
            found.setdefault(path[:length], line)
        for place, at in enumerate(elements):
            element: Path = (*path, place)
            found[element] = at
    return found


def line_of(found: Mapping[Path, int], path: Path) -> int:
    """Line of a path, or of its innermost enclosing table; 0 for the file itself."""
    while path and path not in found:
        path = path[:-1]
    return found.get(path, 0)


def _path(statement: str) -> Path:
    """Keys of a table header, or of a key with a value."""
    import tomlkit  # noqa: PLC0415 - costs nothing where there is no file

    names: list[str] = []
    inner: Any = tomlkit.parse(statement).unwrap()
    while inner:
        if isinstance(inner, list):
            (inner,) = inner
            continue
        ((name, inner),) = inner.items()
        names.append(name)
    return tuple(names)


def _statements(text: str) -> Iterator[tuple[str, int, list[int]]]:
    """Header of each statement, its line, and the lines of its array's elements."""
    line, depth, begun = 1, 0, 1
    head, elements = "", list[int]()
    value, array, expecting = False, False, False
    for token in _TOKEN.finditer(text):
        kind, told = token.lastgroup, token[0]
        if kind == "newline" and not depth:
            if head.strip():
                yield head.strip(), begun, elements
            head, elements, value, array = "", [], False, False
        elif kind == "equals" and not depth:
            value = True
        elif kind not in ("comment", "newline"):
            if not value:
                begun = begun if head else line
                head += told
            elif kind == "comma" and depth == 1:
                expecting = True
            elif kind == "open" and not depth:
                array = expecting = told == "["
            elif array and depth == 1 and expecting and kind not in ("blank", "close"):
                elements.append(line)
                expecting = False
        if kind in ("open", "close"):
            depth += 1 if kind == "open" else -1
        line += told.count("\n")
    if head.strip():
        yield head.strip(), begun, elements
