"""Signs of the time axis and of the table's rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tcctui.reference.blocks import Block, Heading, entry
from tcctui.ui.sequence.signs import SIGNS
from tcctui.ui.style.signs import MARKS, ROWS, Sign


def blocks() -> Iterator[Block]:
    """Glyph, word and meaning of each sign."""
    parts: Sequence[tuple[str, Mapping[Any, Sign]]] = (
        ("Marks on the time axis", MARKS),
        ("In front of a row", ROWS),
        ("Time–sequence diagram", SIGNS),
    )
    for title, signs in parts:
        yield Heading(title)
        for sign in signs.values():
            yield entry(f"{sign.glyph} {sign.word}", sign.meaning)
