"""Verdicts: limits of a connection, their evidence and their remedies."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.flows.diagnosis.verdicts import VERDICTS
from tcctui.reference.blocks import Block, Paragraph, entry


def blocks() -> Iterator[Block]:
    """Sign, word, meaning and remedy of each verdict."""
    yield Paragraph(
        "LIMITED is the verdict on the last two seconds, and the strip under the charts has that"
        " of each second of the last minute. It rests on the clocks that the kernel keeps for each"
        " socket (busy, rwnd_limited and sndbuf_limited in ss -i), on its app-limited flag, and on"
        " the states of congestion control. The details beside the charts explain it in two"
        " sentences with their figures."
    )
    for row in VERDICTS:
        meaning = f"{row.meaning[:1].upper()}{row.meaning[1:]}."
        yield entry(f"{row.glyph} {row.name}", meaning, row.advice)
    yield Paragraph(
        "The kernel's clocks move in steps of 4 ms: a verdict rests on a quarter of a second at"
        " least."
    )
