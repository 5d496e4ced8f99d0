"""Text from elsewhere, made harmless for a terminal."""

from __future__ import annotations

from rich.cells import cell_len

from tcctui.printable import REPLACED, plain

__all__ = ["legible", "plain"]


def legible(name: bytes) -> str:
    """Make text of a name that a process or an administrator gave, whatever its bytes are.

    Terminals don't agree on how wide marks are that stand on other characters: those are replaced,
    so that what is beside the name keeps its place.
    """
    if name.isascii():
        return plain(name.decode("ascii"))
    return "".join(
        character if cell_len(character) else REPLACED
        for character in plain(name.decode("utf-8", "replace"))
    )
