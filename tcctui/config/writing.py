"""Changed settings written back to their file, preserving the rest of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from tcctui.config import reading
from tcctui.config.location import replace
from tcctui.errors import TcctuiError
from tcctui.files.disk import disk
from tcctui.files.new_file import refusal


def keep(path: Path, changes: Mapping[str, Any]) -> None:
    """Write changed fields of `Settings` into the file, creating it if needed.

    Comments and order stay. The file is replaced atomically; for a link, its target is.

    Raises:
        TcctuiError: it can't be written, or its content is not TOML.

    """
    try:
        text = reading.text_of(path)
        document = reading.document(text or "")
    except TcctuiError as error:
        raise TcctuiError(
            f"{path} can't be changed: {error.reason}", "See what is wrong: tcctui config --check"
        ) from error
    for name, value in changes.items():
        _put(document, name, _written(value))
    new: str = document.as_string()
    if new == text:
        return
    try:
        target = disk().realpath(path)
        replace(target, new, _mode(target))
    except OSError as error:
        raise refusal(path, error) from error


def _mode(path: Path) -> int:
    try:
        return disk().lstat(path).st_mode & 0o777
    except FileNotFoundError:
        return 0o600


def _written(value: Any) -> Any:
    """TOML form of a value; None for the default of an absent one."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _put(table: Any, name: str, value: Any) -> None:
    """Set changed values only, so that comments of the others stay."""
    if value is None:
        table.pop(name, None)
    elif isinstance(value, dict):
        if not isinstance(table.get(name), dict):
            table[name] = {}
        inner = table[name]
        for old in [old for old in inner if old not in value]:
            del inner[old]
        for key, one in value.items():
            _put(inner, key, one)
    elif name not in table or table[name] != value:
        table[name] = value
