"""Text from elsewhere, made harmless for a terminal.

Names of processes, of files and of machines may have anything in them, and recordings may say
anything: none of it is to move the cursor, or set the title, or turn the writing round.
"""

from __future__ import annotations

REPLACED = "\ufffd"


def plain(text: str) -> str:
    """Replace what is not printable, each character by one: no text can be taken for an escape."""
    return "".join(character if character.isprintable() else REPLACED for character in text)


def plain_lines(text: str) -> str:
    """Do so in each line of a text; tabs become spaces."""
    return "\n".join(map(plain, text.expandtabs().split("\n")))
