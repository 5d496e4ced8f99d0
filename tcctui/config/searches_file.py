"""Search history file: a line per search, the newest last."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tcctui.config.location import as_caller, base_directory
from tcctui.config.searches import MOST, Searches
from tcctui.errors import TcctuiError
from tcctui.files.new_file import NewFile, refusal

NAME = Path("tcctui") / "searches"
"""Path of the file below the state directory."""

_MOST_BYTES = 1 << 20
"""Bytes read at most: nobody typed more."""


def searches() -> Searches:
    """Load the history if the file can be read; changes are saved to it."""
    try:
        where = path()
    except TcctuiError:
        return Searches()
    return Searches(read(where), lambda listed: keep(where, listed))


def path() -> Path:
    """Path of the history.

    Raises:
        TcctuiError: no home directory is known.

    """
    return base_directory("XDG_STATE_HOME", ".local/state") / NAME


def read(where: Path) -> list[str]:
    """Read the searches, made printable; empty if the file can't be read."""
    with suppress(OSError, TcctuiError), as_caller():
        # Never wait for the writer of a FIFO placed here.
        descriptor = os.open(where, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
        return [line.strip() for line in text.split("\n") if line.strip()][-MOST:]
    return []


def keep(where: Path, listed: list[str]) -> None:
    """Write the searches, merged with those that other processes have written.

    Raises:
        TcctuiError: the file can't be written.

    """
    known = set(listed)
    lines = [*(line for line in read(where) if line not in known), *listed][-MOST:]
    try:
        with as_caller() as who:
            os.makedirs(where.parent, 0o700, exist_ok=True)
            # The thread keeps root's supplementary groups, which may write to a directory.
            if who is not None and os.stat(where.parent).st_uid != who.uid:
                raise TcctuiError(
                    f"{where} can't be written: {where.parent} is another user's.",
                    "Give that directory to its user.",
                )
            _write(where, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise refusal(where, error) from error


def _write(where: Path, text: str) -> None:
    new = NewFile(where, force=True)
    try:
        with os.fdopen(new.descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        new.name()
    finally:
        new.discard()
