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
        " least. Where congestion control is the limit, srtt above its minimum, retransmits, marks"
        " and SO_MAX_PACING_RATE say why: what last reduced cwnd counts until cwnd is twice"
        " ssthresh. ACKs say whether the window was used between two samples; without them"
        " (--source sock_diag) the rate in the busy time does."
    )
    yield Paragraph(
        "A policer is a guess: the rate from one loss to the next is the same each time, however"
        " long that takes, and there is no queue (after Flach et al., SIGCOMM 2016). It takes seven"
        " losses with events, and some five seconds with samples alone or with BBR. A verdict gives"
        " way to another that has a tenth of the time more. Slow start after idle is shown from a"
        " twentieth of the time on: the pauses beside it have nothing to mend."
    )
