"""Sort key of the table: a column and a direction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class SortKey(NamedTuple):
    """A column, by its name, and whether the greatest comes first."""

    column: str
    descending: bool

    @classmethod
    def read(cls, texts: Iterable[str]) -> tuple[SortKey, ...]:
        """Read them as settings have them: `-rate` is the greatest rate first."""
        return tuple(cls(text.removeprefix("-"), text.startswith("-")) for text in texts)

    def __str__(self) -> str:
        return f"-{self.column}" if self.descending else self.column
