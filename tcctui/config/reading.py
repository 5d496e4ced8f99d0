"""Settings read from their file; a mistake is reported and its value ignored."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tcctui.config import location, validation
from tcctui.config.choices import Choices
from tcctui.config.settings import Settings
from tcctui.errors import TcctuiError

LARGEST = 256 << 10
"""Largest size of a settings file, in bytes."""


class Problem(NamedTuple):
    """Mistake in the file: its line, 0 for the whole file, and a sentence."""

    line: int
    sentence: str

    def told(self, path: Path) -> str:
        """Format as `file:line: sentence`, as compilers do."""
        where = f"{path}:{self.line}" if self.line else str(path)
        return f"{where}: {self.sentence}"


def read(path: Path, choices: Choices | None = None) -> tuple[Settings, list[Problem]]:
    """Read settings; a wrong or missing value keeps its default.

    Problems are sorted by line.
    """
    try:
        text = text_of(path)
        if text is None:
            return Settings(), []
        return _settings(text, choices or Choices())
    except TcctuiError as error:
        line = error.line if isinstance(error, _NoTomlError) else 0
        return Settings(), [Problem(line, f"{error} The defaults are used.")]


class _NoTomlError(TcctuiError):
    """Text that is not TOML, from this line on; 0 if it is not known."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(f"This is not TOML: {reason}.")
        self.line = line


def text_of(path: Path) -> str | None:
    """Text of the file, read with the calling user's rights; None if there is no file.

    Raises:
        TcctuiError: it can't be read, or is not UTF-8.

    """
    try:
        raw = location.read(path, LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise TcctuiError(f"This file can't be read: {reason}.") from error
    except ValueError as error:
        raise TcctuiError("This is not a valid file name.") from error
    if len(raw) > LARGEST:
        raise TcctuiError(f"This file is larger than {LARGEST >> 10} KiB: not settings.")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise TcctuiError(f"This file is not UTF-8 text: see line {line}.") from error


def document(text: str) -> Any:
    """Parse a text to tomlkit's document.

    Raises:
        TcctuiError: it is not TOML; with the line, if known.

    """
    try:
        return _parsed(text)
    except _NoTomlError as problem:
        where = f"line {problem.line}: " if problem.line else ""
        raise TcctuiError(f"{where}{problem}") from problem


def _parsed(text: str) -> Any:
    import tomlkit  # noqa: PLC0415 - costs nothing where there is no file
    from tomlkit.exceptions import ParseError, TOMLKitError  # noqa: PLC0415

    try:
        return tomlkit.parse(text)
    except ParseError as error:
        reason = (str(error).rpartition(" at line ")[0] or str(error)).rstrip(". ")
        if "\\u000a" in reason:  # tomlkit's word for a text that continues after its line
            reason = "a quote has no end"
        raise _NoTomlError(reason, error.line) from error
    except (TOMLKitError, ValueError, RecursionError) as error:
        reason = "too deep" if isinstance(error, RecursionError) else str(error).strip("\"'. ")
        raise _NoTomlError(reason) from error


def _settings(text: str, choices: Choices) -> tuple[Settings, list[Problem]]:
    """Take each valid value."""
    from tcctui.config.lines import lines_of  # noqa: PLC0415

    written: Mapping[str, Any] = _parsed(text).unwrap()
    values: dict[str, Any] = {}
    faults: list[validation.Fault] = []
    for name, value in written.items():
        faults.extend(validation.take(name, value, choices, values))
    lines = lines_of(text, [fault.path for fault in faults]) if faults else []
    problems = [Problem(line, one.sentence) for line, one in zip(lines, faults, strict=True)]
    return Settings(**values), sorted(problems)
