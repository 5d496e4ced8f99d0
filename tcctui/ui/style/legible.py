"""Foreign text made harmless for a terminal."""

from __future__ import annotations

from rich.cells import cell_len

from tcctui.printable import REPLACED, plain

__all__ = ["legible", "plain"]


def legible(name: bytes) -> str:
    """Printable text of a name given by a process or an administrator, in any bytes.

    Terminals disagree about the width of combining marks: those are replaced, so that text beside
    the name keeps its place.
    """
    if name.isascii():
        return plain(name.decode("ascii"))
    return "".join(
        character if cell_len(character) else REPLACED
        for character in plain(name.decode("utf-8", "replace"))
    )
