"""Reads the settings from their file; what is wrong in there is told, and does not hold."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tcctui.config import validation
from tcctui.config.choices import Choices
from tcctui.config.location import as_caller
from tcctui.config.settings import Settings
from tcctui.errors import TcctuiError

LARGEST = 256 << 10
"""Bytes beyond which a file is no list of settings."""


class Problem(NamedTuple):
    """Something that is wrong: the line, 0 for the whole file, and a sentence."""

    line: int
    sentence: str

    def told(self, path: Path) -> str:
        """The whole of it, as compilers tell theirs."""
        where = f"{path}:{self.line}" if self.line else str(path)
        return f"{where}: {self.sentence}"


def read(path: Path, choices: Choices | None = None) -> tuple[Settings, list[Problem]]:
    """Read settings; where a value is wrong, or nothing is there, what holds is the default.

    Problems come in the order of their lines.
    """
    try:
        text = text_of(path)
        if text is None:
            return Settings(), []
        return _settings(text, choices or Choices())
    except _UnreadableError as problem:
        return Settings(), [Problem(problem.line, f"{problem} The defaults hold.")]
    except TcctuiError as error:
        return Settings(), [Problem(0, f"{error} The defaults hold.")]


class _UnreadableError(Exception):
    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line


def text_of(path: Path) -> str | None:
    """Give the text of the file, read as the calling user would; None if there is no file.

    Raises:
        TcctuiError: it can't be read, or is no text.

    """
    try:
        raw = _raw(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise TcctuiError(f"This file can't be read: {reason}.") from error
    except ValueError as error:
        raise TcctuiError("That is no name of a file.") from error
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise TcctuiError(f"This file is not UTF-8 text: see line {line}.") from error


def _raw(path: Path) -> bytes:
    with as_caller() as who:
        # A FIFO is not waited for, and a terminal not taken.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise TcctuiError("This is a directory, not a file of settings.")
        if not stat.S_ISREG(status.st_mode):
            raise TcctuiError("This is not an ordinary file.")
        # The thread still has root's further groups, and what is read is told when it is wrong.
        if who is not None and status.st_uid != who.uid and not status.st_mode & stat.S_IROTH:
            raise OSError(errno.EACCES, "")
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise TcctuiError(f"This file is larger than {LARGEST >> 10} KiB: not settings.")
    return raw


def document(text: str) -> Any:
    """Parse a text to tomlkit's document.

    Raises:
        TcctuiError: it is not TOML; with the line, where that is known.

    """
    try:
        return _parsed(text)
    except _UnreadableError as problem:
        where = f"line {problem.line}: " if problem.line else ""
        raise TcctuiError(f"{where}{problem}") from problem


def _parsed(text: str) -> Any:
    import tomlkit  # noqa: PLC0415 - costs nothing where there is no file
    from tomlkit.exceptions import ParseError, TOMLKitError  # noqa: PLC0415

    try:
        return tomlkit.parse(text)
    except ParseError as error:
        reason = str(error).rpartition(" at line ")[0] or str(error)
        if "\\u000a" in reason:  # tomlkit's word for a text that goes on behind its line
            reason = "a quote has no end"
        raise _UnreadableError(f"This is not TOML: {reason}.", error.line) from error
    except (TOMLKitError, ValueError, RecursionError) as error:
        reason = "too deep" if isinstance(error, RecursionError) else str(error).strip("\"'. ")
        raise _UnreadableError(f"This is not TOML: {reason}.") from error


def _settings(text: str, choices: Choices) -> tuple[Settings, list[Problem]]:
    """Take each value that is right."""
    from tcctui.config.lines import lines_of  # noqa: PLC0415

    written: Mapping[str, Any] = _parsed(text).unwrap()
    values: dict[str, Any] = {}
    faults: list[validation.Fault] = []
    for name, value in written.items():
        faults.extend(validation.take(name, value, choices, values))
    lines = lines_of(text, [fault.path for fault in faults]) if faults else []
    problems = [Problem(line, one.sentence) for line, one in zip(lines, faults, strict=True)]
    for name, value in values.items():
        values[name] = MappingProxyType(value) if isinstance(value, dict) else value
    return Settings(**values), sorted(problems)
