"""Foreign text made harmless for a terminal.

Names of processes, files and machines, and anything in a recording, may contain characters that
move the cursor, set the title or reverse the direction of writing.
"""

from __future__ import annotations

REPLACED = "\ufffd"


def plain(text: str) -> str:
    """Replace each unprintable character by one printable one, so that no escape survives."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else REPLACED for character in text)


def plain_lines(text: str) -> str:
    """Apply `plain` to each line; tabs become spaces."""
    return "\n".join(map(plain, text.expandtabs().split("\n")))
