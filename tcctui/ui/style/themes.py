"""Themes for colour-blind people, who can tell all their colours apart.

The hues are those of Okabe and Ito (Color Universal Design, 2008), lighter or darker where text
needs more contrast with the background: at least 4.5 to 1 (WCAG 2.1, 1.4.3).
tests/ui/test_themes.py simulates eyes that lack one kind of cone.
"""

from __future__ import annotations

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
