"""Signs of the time axis and of the table's rows."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.reference.blocks import Block, Heading, entry
from tcctui.ui.style.signs import MARKS, ROWS


def blocks() -> Iterator[Block]:
    """Glyph, word and meaning of each sign."""
    for title, signs in (("Marks on the time axis", MARKS), ("In front of a row", ROWS)):
        yield Heading(title)
        for sign in signs.values():
            yield entry(f"{sign.glyph} {sign.word}", sign.meaning)
