"""Where searches are kept from one run to the next: a line each, the newest last."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tcctui.config.location import as_caller, base_directory
from tcctui.config.searches import MOST, Searches
from tcctui.errors import TcctuiError
from tcctui.files.new_file import NewFile, refusal

NAME = Path("tcctui") / "searches"
"""The file, from the directory that is for such files."""

_MOST_BYTES = 1 << 20
"""More of the file is not read: nobody typed that."""


def searches() -> Searches:
    """Give those of former runs, if that file can be read, and a list that is kept in it."""
    try:
        where = path()
    except TcctuiError:
        return Searches()
    return Searches(read(where), lambda listed: keep(where, listed))


def path() -> Path:
    """Where they are.

    Raises:
        TcctuiError: nobody knows which home is meant.

    """
    return base_directory("XDG_STATE_HOME", ".local/state") / NAME


def read(where: Path) -> list[str]:
    """Read them; none where that can't be done. Whatever is there is text, and harmless."""
    with suppress(OSError, TcctuiError), as_caller():
        # Nobody waits for the other end of a pipe that somebody has put there.
        descriptor = os.open(where, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
        return [line.strip() for line in text.split("\n") if line.strip()][-MOST:]
    return []


def keep(where: Path, listed: list[str]) -> None:
    """Write them, besides those that others have kept there meanwhile.

    Raises:
        TcctuiError: that is not possible.

    """
    known = set(listed)
    lines = [*(line for line in read(where) if line not in known), *listed][-MOST:]
    try:
        with as_caller() as who:
            os.makedirs(where.parent, 0o700, exist_ok=True)
            # The thread still has root's further groups: a directory may be writable by those.
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
