"""Colours of all widgets: a curve, a mark or a cause has the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from tcctui.flows.diagnosis.verdicts import LIMIT_NAMES, VERDICTS
from tcctui.wire.tracepoints import MARKS, Mark


def limit_style(limit: int) -> str:
    """Name the style of what limits a flow."""
    return f"limit-{LIMIT_NAMES[limit]}"


def mark_style(mark: Mark) -> str:
    """Name the style of a mark."""
    return f"mark-{mark.word.lower()}"


CURVES = {
    "cwnd": "$text-primary",
    "ssthresh": "$text-warning",
    "in-flight": "$text-accent",
    "srtt": "$text-success",
    "acked": "$text-success",
    "delivery": "$text-primary",
    "pacing": "$text-warning",
    "bbr-bw": "$foreground",
    "cwnd-bytes": "$text-primary",
    "snd-wnd": "$text-warning",
    "retransmitted": "$text-warning",
    "before": "$foreground",
    "ahead": "$text-muted",
}
"""Colours of curves by style."""

FLOWS = {
    "flow-1": "$text-primary",
    "flow-2": "$text-warning",
    "flow-3": "$text-success",
    "flow-4": "$text-accent",
}
"""Colours of flows that are compared."""

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        **CURVES,
        **FLOWS,
        **{limit_style(row.limit): row.colour for row in VERDICTS},
        **{mark_style(mark): mark.colour for mark in MARKS},
    }
)
"""Colours by style. $text-primary and the like are $primary etc. made readable on the theme's
background.
"""


def rules(widget: str, prefix: str, styles: Iterable[str]) -> str:
    """CSS that gives component classes of a widget, `prefix`--style, their colours."""
    inner = " ".join(f"& > .{prefix}--{style} {{ color: {COLOURS[style]}; }}" for style in styles)
    return f"{widget} {{ {inner} }}"
