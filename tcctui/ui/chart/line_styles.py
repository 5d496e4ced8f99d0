"""Line styles of curves: solid, dotted, dashed, to distinguish them without colours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CURVES = (
    *("cwnd", "ssthresh", "in-flight", "srtt"),
    *("acked", "delivery", "pacing", "bbr-bw", "cwnd-bytes", "snd-wnd"),
)
"""Styles of curves."""

FLOWS = ("flow-1", "flow-2", "flow-3", "flow-4")
"""Styles of flows that are compared."""

_DOTTED = {"ssthresh", "pacing", "bbr-bw", "cwnd-bytes", "snd-wnd", "flow-2", "flow-4"}
"""Those of limits, and every second flow; theirs are thin where they are steep, too."""

_GAPS: Mapping[str, int] = MappingProxyType({"flow-3": 4, "flow-4": 3})
"""Period of the gaps in a dashed line, in cells."""

_THIN = str.maketrans("⠉⠒⠤⣀", "⠁⠂⠄⡀")
_LINE = "⠒⠒"
_LEFT = 0x47
"""The bits of a braille character that are its dots on the left."""
_THINNEST = {0x2800 + dots: 0x2800 + (dots & _LEFT or dots) for dots in range(256)}


def lined(text: str, style: str, at: int) -> str:
    """Draw a piece of a curve, which begins in column `at` of the plot, with its kind of line."""
    if style in _DOTTED:
        text = text.translate(_THINNEST if style in FLOWS else _THIN)
    gap = _GAPS.get(style)
    if gap is None:
        return text
    return "".join(
        " " if (at + place) % gap == gap - 1 else cell for place, cell in enumerate(text)
    )


def sample(style: str) -> str:
    """Sample of a line for the legend."""
    line = _LINE.translate(_THIN) if style in _DOTTED else _LINE
    return f"{line} {line[:1]}" if style in _GAPS else line
