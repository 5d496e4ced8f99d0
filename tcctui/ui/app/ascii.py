"""Screen of ASCII-only terminals: every other character is replaced by an ASCII one.

A single place for all of it: everything that the screen draws, lines, bars, blocks and dots, passes
through here on its way to the terminal. Characters keep their widths, so that nothing moves.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from tcctui.flows.diagnosis.verdicts import VERDICTS
from tcctui.ui.style.kept_lines import TextFilter
from tcctui.wire.tracepoints import MARKS

_GLYPHS: Mapping[str, str] = {
    **{chr(code): "+" for code in range(0x2500, 0x2580)},  # corners and crossings; below, lines
    # Sparklines, from the lowest to the highest; the strip of limits shares some of these.
    **dict(zip("▁▂▃▄▅▆▇█", "_.-=+*%#", strict=True)),
    **dict(zip("▀▓·", '"#.', strict=True)),
    **dict(zip("✕▼▽▲△●○▶◀▾▸✓❚■", "xvu^^*o><v>x|#", strict=True)),
    **dict.fromkeys("─━═╌╍┄┅┈┉╴╶╸╺╼╾", "-"),
    **dict.fromkeys("│┃║╎╏┆┇┊┋╵╷╹╻╽╿▌▐▎▏▍▋▊▉▕", "|"),
    **dict.fromkeys("▖▗▘▝▙▟▛▜▚▞", "+"),
    **dict(zip("╱╲╳", "/\\x", strict=True)),
    "▔": '"',
    "¦": "!",
    **dict(zip("←→↑↓↕⇧⏎⌫", "<>^v|^<<", strict=True)),
    **dict(zip("−–—…∞×±µ≥≤≈", "---~*x~u><~", strict=True)),
    **dict(zip("‘’“”\u00a0²³°", "''\"\" 23o", strict=True)),
    "\ufffd": "?",
    **{verdict.glyph: verdict.ascii for verdict in VERDICTS},
    **{mark.glyph: mark.ascii for mark in MARKS},
}
"""Replacement of each glyph, ours and the widgets': ∞ is *, truncated text ends in ~."""

_BRAILLE = 0x2800
_LEFT, _RIGHT = (0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)
"""Bits of a braille character's dots, from the top."""


def _dots(bits: int) -> str:
    """Character for a cell of a curve, from its dots: a line, by its height and its slope."""
    left = [row for row, bit in enumerate(_LEFT) if bits & bit]
    right = [row for row, bit in enumerate(_RIGHT) if bits & bit]
    count = len(left) + len(right)
    if not count:
        return " "
    if count > 5:
        return "#"
    if not left or not right:
        height = (left + right)[0]
        return "|" if count > 1 else "''.."[height]
    rise = sum(left) / len(left) - sum(right) / len(right)
    if count > 2 and abs(rise) < 1:
        return "|"
    if abs(rise) >= 1:
        return "/" if rise > 0 else "\\"
    return '"--_'[min(3, round((left[0] + right[0]) / 2))]


_TABLE = str.maketrans({**_GLYPHS, **{chr(_BRAILLE + bits): _dots(bits) for bits in range(256)}})


@functools.lru_cache(4096)
def ascii_of(text: str) -> str:
    """Convert a text to ASCII of the same width; an unknown character becomes ?."""
    drawn = text.translate(_TABLE)
    if drawn.isascii():
        return drawn
    return "".join(one if one.isascii() else "?" * cell_len(one) for one in drawn)


class AsciiFilter(TextFilter):
    """Converts lines to ASCII."""

    def apply(
        self,
        segments: list[Segment],
        background: Color,  # noqa: ARG002 - Textual's
    ) -> list[Segment]:
        """Convert the segments of a line."""
        return [
            segment
            if segment.text.isascii()
            else Segment(ascii_of(segment.text), segment.style, segment.control)
            for segment in segments
        ]
