"""Signs of the time–sequence diagram: retransmits by cause, SACKs, drops."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tcctui.ui.style.signs import Sign
from tcctui.wire.retransmits import CAUSE_WORDS, Cause

SACK, DROP, DUPLICATE = 8, 9, 10
"""Kinds of strokes beside the `Cause`s of retransmissions."""


def _by(cause: Cause, glyph: str, style: str, meaning: str) -> Sign:
    return Sign(glyph, CAUSE_WORDS[cause], style, meaning)


SIGNS: Mapping[int, Sign] = MappingProxyType(
    {
        Cause.TIMEOUT: _by(
            Cause.TIMEOUT, "R", "mark-rto", "retransmitted by the retransmission timer"
        ),
        Cause.AFTER_TIMEOUT: _by(
            Cause.AFTER_TIMEOUT, "r", "mark-rto", "retransmitted in Loss, as ACKs allow"
        ),
        Cause.FAST: _by(
            Cause.FAST,
            "F",
            "mark-recovery",
            "retransmitted in Recovery: dup ACKs, SACK or RACK",
        ),
        Cause.REORDERING: _by(
            Cause.REORDERING, "K", "mark-recovery", "retransmitted by RACK's reordering timer"
        ),
        Cause.PROBE: _by(Cause.PROBE, "P", "mark-tlp", "tail loss probe with data sent before"),
        Cause.SYN: _by(Cause.SYN, "S", "mark-retransmit", "SYN, or data with it"),
        Cause.OTHER: _by(Cause.OTHER, "O", "mark-retransmit", "retransmitted for another reason"),
        Cause.UNKNOWN: Sign(
            "•", "retransmit", "mark-retransmit", "retransmitted; the kernel does not tell why"
        ),
        DROP: Sign("⊗", "dropped here", "mark-dropped", "dropped by this machine"),
        DUPLICATE: Sign("D", "DSACK", "mark-undone", "the peer got a segment twice (DSACK)"),
        SACK: Sign("¦", "SACK", "in-flight", "range that the peer has, beyond a gap"),
    }
)
"""Signs by kind, the most important first: it wins in a shared cell.

A drop gives way to the retransmit that it caused, as zoomed out they share a cell; the crosshair
names both.
"""
