"""What was searched for, now and in former runs: the newest last."""

from __future__ import annotations

from collections.abc import Callable, Iterable

MOST = 200
"""Searches that are kept."""

Write = Callable[[list[str]], None]
"""Keeps searches for the next run. Raises TcctuiError."""


class Searches:
    """A list that one goes through with two keys: `older` and `newer`.

    What is searched for again moves to the end. `write` keeps all of it somewhere, if anywhere; it
    is called in whichever thread `keep` is.
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
        """All of them, the newest last."""
        return tuple(self._listed)

    def remember(self, text: str) -> bool:
        """Put a search at the end; says whether that changed anything."""
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
        """Keep them for the next run.

        Raises:
            TcctuiError: that is not possible.

        """
        if self._write is not None:
            self._write(self._listed.copy())

    def older(self, draft: str) -> str | None:
        """Give the one before the one looked at, None if there is none.

        `draft` is what is in the box: what `newer` comes back to in the end.
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
        """Give the one after it, or the draft behind the newest; None if none is looked at."""
        if self._at is None:
            return None
        self._at += 1
        if self._at < len(self._listed):
            return self._listed[self._at]
        self._at = None
        return self._draft

    def leave(self) -> None:
        """Look at none any more: the next older one is the newest."""
        self._at = None
