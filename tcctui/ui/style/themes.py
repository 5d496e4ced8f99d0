"""Themes with text that can be read: ours, for colour-blind people, too, and Textual's.

Ours have colours that all can tell apart. Their hues are those of Okabe and Ito (Color Universal
Design, 2008), lighter or darker where text needs more contrast with the background: at least 4.5 to
1 (WCAG 2.1, 1.4.3). tests/ui/test_themes.py simulates eyes that lack one kind of cone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme


def _theme(
    name: str, *, dark: bool, grounds: tuple[str, str, str], text: str, muted: str, **hues: str
) -> Theme:
    """Theme whose coloured text has exactly its hues, and not Textual's mixtures."""
    background, surface, panel = grounds
    return Theme(
        name,
        **hues,  # type: ignore[arg-type]
        foreground=text,
        background=background,
        surface=surface,
        panel=panel,
        dark=dark,
        variables={
            **{f"text-{role}": hue for role, hue in hues.items()},
            "text-muted": muted,
            "text-disabled": muted,
            "footer-key-foreground": hues["primary"],
            "footer-description-foreground": text,
            "block-cursor-background": hues["primary"],
            "block-cursor-foreground": background,
        },
    )


SAFE_DARK = _theme(
    "tcctui-safe-dark",
    dark=True,
    grounds=("#101010", "#181818", "#242424"),
    text="#e8e8e8",
    muted="#b8b8b8",
    primary="#56b4e9",
    secondary="#56b4e9",
    warning="#f0e442",
    accent="#cf80ab",
    success="#009e73",
    error="#d96e1a",
)

SAFE_LIGHT = _theme(
    "tcctui-safe-light",
    dark=False,
    grounds=("#ffffff", "#f6f6f6", "#ececec"),
    text="#181818",
    muted="#686868",
    primary="#006ca9",
    secondary="#006ca9",
    warning="#503800",
    accent="#8f5575",
    success="#004734",
    error="#aa4b00",
)

OURS = (SAFE_DARK, SAFE_LIGHT)

NAMES = (*(theme.name for theme in OURS), *BUILTIN_THEMES)
"""All available themes."""

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
