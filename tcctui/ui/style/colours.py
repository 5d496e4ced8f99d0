"""What has which colour, in every widget: a curve, a mark, a cause have the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

COLOURS: Mapping[str, str] = MappingProxyType(
    {
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
        "flow-1": "$text-primary",
        "flow-2": "$text-warning",
        "flow-3": "$text-success",
        "flow-4": "$text-accent",
        "limit-cwnd": "$text-primary",
        "limit-rwnd": "$text-warning",
        "limit-sndbuf": "$text-success",
        "limit-app": "$text-muted",
        "limit-recovery": "$text-error",
        "limit-receives": "$text-muted",
        "mark-reset": "$text-error",
        "mark-rto": "$text-error",
        "mark-recovery": "$text-error",
        "mark-cwr": "$text-warning",
        "mark-retransmit": "$text-warning",
    }
)
"""Colours by style. $text-primary and its like are $primary etc. made readable on the theme's
background."""


def rules(widget: str, prefix: str, styles: Iterable[str]) -> str:
    """CSS that gives component classes of a widget, `prefix`--style, their colours."""
    inner = " ".join(f"& > .{prefix}--{style} {{ color: {COLOURS[style]}; }}" for style in styles)
    return f"{widget} {{ {inner} }}"
