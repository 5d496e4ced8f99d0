"""Search history of this and earlier runs, the newest last, and its file: a line per search."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from tcctui.config import location
from tcctui.config.location import base_directory, replace
from tcctui.errors import TcctuiError
from tcctui.files.new_file import refusal

NAME = Path("tcctui") / "searches"
"""Path of the file below the state directory."""

MOST = 200
"""Number of searches kept."""

_MOST_BYTES = 1 << 20
"""Bytes read at most: nobody typed more."""

Write = Callable[[list[str]], None]
"""Saves searches for the next run. Raises TcctuiError."""


class Searches:
    """History with a cursor moved by `older` and `newer`.

    A repeated search moves to the end. `write` saves the whole history; it is called in the thread
    that calls `keep`.
    """

    def __init__(self, former: Iterable[str] = (), write: Write | None = None) -> None:
        self._listed: list[str] = []
        for text in former:
            self._append(text)
        self._write = write
        self._at: int | None = None
        self._draft = ""

    @property
    def listed(self) -> tuple[str, ...]:
        """All searches, the newest last."""
        return tuple(self._listed)

    def remember(self, text: str) -> bool:
        """Append a search; return whether the history changed."""
        self.leave()
        text = " ".join(text.split("\n")).strip()
        if not text or self._listed[-1:] == [text]:
            return False
        self._append(text)
        return True

    def _append(self, text: str) -> None:
        if text in self._listed:
            self._listed.remove(text)
        self._listed.append(text)
        del self._listed[:-MOST]

    def keep(self) -> None:
        """Save the history for the next run.

        Raises:
            TcctuiError: it can't be written.

        """
        if self._write is not None:
            self._write(self._listed.copy())

    def older(self, draft: str) -> str | None:
        """Move to the previous search; None at the oldest.

        `draft` is the text in the box, to which `newer` finally returns.
        """
        at = len(self._listed) if self._at is None else self._at
        if self._at is None:
            self._draft = draft
        while at > 0:
            at -= 1
            if self._at is not None or self._listed[at] != draft:
                self._at = at
                return self._listed[at]
        return None

    def newer(self) -> str | None:
        """Move to the next search, or back to the draft; None if the cursor is on no search."""
        if self._at is None:
            return None
        self._at += 1
        if self._at < len(self._listed):
            return self._listed[self._at]
        self._at = None
        return self._draft

    def leave(self) -> None:
        """Reset the cursor: the next `older` gives the newest."""
        self._at = None


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
    with suppress(OSError, TcctuiError):
        text = location.read(where, _MOST_BYTES).decode("utf-8", "replace")
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
        replace(where, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise refusal(where, error) from error
