"""Textual's own themes, with coloured text as much darker or lighter as their grounds need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

CONTRAST = 4.5
"""Least contrast of text (WCAG 2.1, 1.4.3); some light themes' keys have 1.8."""

GROUNDS = ("background", "surface", "panel")

TEXTS = {
    **{f"text-{role}": GROUNDS for role in ("primary", "warning", "accent", "success", "error")},
    "footer-key-foreground": ("footer-background",),
    "footer-description-foreground": ("footer-background",),
}
"""Variables of text, each with those of what it may be on."""

_STEPS = 20


@cache
def readable(name: str) -> Theme:
    """Theme of that name, of which all `TEXTS` have the contrast; those of ANSI are left alone."""
    theme = BUILTIN_THEMES[name]
    made = theme.to_color_system().generate()
    changed = {}
    for text, grounds in TEXTS.items():
        if not made[text].startswith(("ansi", "auto")):
            behind = [Color.parse(made[ground]) for ground in grounds]
            changed[text] = _changed(Color.parse(made[text]), behind).hex6
    return replace(theme, variables={**theme.variables, **changed})


def _changed(text: Color, grounds: Sequence[Color]) -> Color:
    """Colour nearest to a text's, of those towards black and white, that has the contrast.

    The one with most of it, where none has.
    """
    ends = Color(0, 0, 0), Color(255, 255, 255)
    tried = [text.blend(end, step / _STEPS) for step in range(_STEPS + 1) for end in ends]
    found = (one for one in tried if _least(one, grounds) >= CONTRAST)
    return next(found, None) or max(tried, key=lambda one: _least(one, grounds))


def _least(text: Color, grounds: Sequence[Color]) -> float:
    return min(contrast(text, ground) for ground in grounds)


def contrast(one: Color, other: Color) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2.1)."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
