"""Verdicts: limits of a connection, their evidence and their remedies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tcctui.flows.diagnosis.causes import Limit
from tcctui.reference.blocks import Block, Paragraph, entry
from tcctui.ui.style.signs import LIMITS

_REMEDIES: Mapping[int, str] = MappingProxyType(
    {
        Limit.CWND: "Look at the path: queueing delay, retransmits.",
        Limit.RWND: "Look at the peer: its application reads slowly, or its receive buffer is"
        " small for the path.",
        Limit.SNDBUF: "Raise tcp_wmem or SO_SNDBUF.",
        Limit.APP: "Look at the application.",
        Limit.RECOVERY: "Look at the path.",
        Limit.RECEIVES: "Run tcctui on the sender.",
    }
)


def blocks() -> Iterator[Block]:
    """Sign, word, meaning and remedy of each verdict."""
    yield Paragraph(
        "LIMITED is the verdict on the last two seconds, and the strip under the charts has that"
        " of each second of the last minute. It rests on the clocks that the kernel keeps for each"
        " socket (busy, rwnd_limited and sndbuf_limited in ss -i), on its app-limited flag, and on"
        " the states of congestion control. The details beside the charts explain it in two"
        " sentences with their figures."
    )
    for limit, sign in LIMITS.items():
        yield entry(
            f"{sign.glyph} {sign.word}",
            f"{sign.meaning[:1].upper()}{sign.meaning[1:]}.",
            _REMEDIES.get(limit, ""),
        )
    yield Paragraph(
        "The kernel's clocks move in steps of 4 ms: a verdict rests on a quarter of a second at"
        " least."
    )
