"""Lines of a TOML text that paths of keys lead to.

tomlkit keeps what a person wrote, and not where. So each place is marked, by a comment or in an
array by another text, and looked for in what tomlkit then writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Path = tuple[str | int, ...]
"""Keys from the outermost to the innermost, and places in arrays."""

_PRIVATE = range(0xE000, 0xF900)
"""Letters that Unicode leaves to whoever needs one."""


def lines_of(text: str, paths: Iterable[Path]) -> list[int]:
    """Give the line, from 1, of what each path leads to, or of the innermost that it is in.

    What is in inner arrays or in braces has no line of its own; 0 is the file. The text is one that
    tomlkit reads.
    """
    import tomlkit  # noqa: PLC0415 - costs nothing where there is no file

    document = tomlkit.parse(text)
    sign = next(letter for letter in map(chr, _PRIVATE) if letter not in text)
    wanted = list(paths)
    marks: dict[Path, tuple[str, int]] = {}
    parts = {path[:end] for path in wanted for end in range(1, len(path) + 1)}
    for path in sorted(parts, key=len):
        marks[path] = _marked(document, path, f"{sign}{len(marks)}{sign}")
    written = document.as_string()
    lines: dict[Path, int] = {(): 0}
    for path, (mark, height) in marks.items():
        at = written.find(mark) if mark else -1
        lines[path] = lines[path[:-1]] if at < 0 else written.count("\n", 0, at) + 1 - height
    return [lines[path] for path in wanted]


def _marked(document: Any, path: Path, mark: str) -> tuple[str, int]:
    """Mark what a path leads to; gives the mark, empty if there is none, and how many lines down.

    A table without a line of its own has the mark of the first thing in it.
    """
    from tomlkit import items, string  # noqa: PLC0415
    from tomlkit.container import OutOfOrderTableProxy  # noqa: PLC0415

    *outer, last = path
    item = document
    for key in outer:
        item = _inner(item, key)
    if isinstance(item, items.Array) and isinstance(last, int):
        height = item[last].as_string().count("\n") if isinstance(item[last], items.Item) else 0
        item[last] = string(mark + "\n" * height, multiline=True)  # as high as it was
        return mark, 0
    item = _inner(item, last)
    while isinstance(item, items.AoT | OutOfOrderTableProxy) or (
        isinstance(item, items.Table) and item.is_super_table()
    ):
        first = next(iter(item), None)
        item = first if first is None or isinstance(item, items.AoT) else _inner(item, first)
    if not isinstance(item, items.Item):
        return "", 0
    if item.trivia.comment[2:3] == mark[0]:
        mark = item.trivia.comment[2:]
    item.comment(mark)
    return mark, 0 if isinstance(item, items.Table) else item.as_string().count("\n")


def _inner(item: Any, key: Any) -> Any:
    """Item of a document or a table by its key; None if it has no keys."""
    from tomlkit import container, items  # noqa: PLC0415

    if isinstance(item, container.OutOfOrderTableProxy):  # what is said in several places
        return item[key]
    if isinstance(item, items.AbstractTable):
        item = item.value
    return item.item(key) if isinstance(item, container.Container) else None
