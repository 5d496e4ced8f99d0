"""Abilities of the terminal, by TERM, COLORTERM and the locale."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Mapping
from enum import IntEnum

from tcctui.errors import TcctuiError


class Colours(IntEnum):
    """Number of colours that a terminal can show, as far as the screen makes a difference."""

    NONE = 0
    FEW = 16
    MANY = 256
    ALL = 1 << 24


_COLOURS: Mapping[str, Colours] = {
    **dict.fromkeys(("xterm", "screen", "tmux", "rxvt", "putty", "linux"), Colours.FEW),
    **dict.fromkeys(
        ("kitty", "foot", "alacritty", "wezterm", "ghostty", "contour", "konsole", "gnome", "vte"),
        Colours.MANY,
    ),
}
"""Colours of terminals that are known to understand the screen, whatever the machine's terminfo has
of them, by the first or second word of TERM. Some of these understand more, and say so.
"""

_PROMISED: Mapping[str, Colours] = {
    "mono": Colours.NONE,
    "m": Colours.NONE,
    "256color": Colours.MANY,
    "direct": Colours.ALL,
    "truecolor": Colours.ALL,
}
"""Colours that another word of TERM promises."""

_WITHOUT_GLYPHS = ("linux", "vt", "ansi", "cons25", "wy")
"""Prefixes of TERM for terminals whose font lacks braille: curves would be blank."""

_SCREEN = 2
"""Descriptor that the screen is drawn on: standard error."""

_MEND = "Set TERM to the terminal's name, as in: export TERM=xterm-256color"


def colours(environment: Mapping[str, str]) -> Colours:
    """Colours that the terminal can show; none where the user wants none (no-color.org).

    GNU screen understands no more than 256, whatever the terminal around it says in COLORTERM, and
    the console no more than 16.

    Raises:
        TcctuiError: it can't show the screen, or it is unknown what it is.

    """
    term = environment.get("TERM", "").lower()
    words = re.split(r"[-.+]", term)
    known = [_COLOURS[word] for word in words[:2] if word in _COLOURS]
    promised = [_PROMISED[word] for word in words[1:] if word in _PROMISED]
    found = promised[0] if promised else max(known) if known else _of_terminfo(term)
    if environment.get("NO_COLOR"):
        return Colours.NONE
    if found and environment.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        found = Colours.ALL
    most = Colours.FEW if words[0] == "linux" else Colours.ALL
    return min(found, Colours.MANY if _in_screen(term, environment) else most)


def in_screen(environment: Mapping[str, str]) -> bool:
    """True if GNU screen, not tmux, is between here and the terminal."""
    return "STY" in environment and "TMUX" not in environment


def _in_screen(term: str, environment: Mapping[str, str]) -> bool:
    """Same, also where sudo or ssh leave no more than TERM of it: tmux may have it, too."""
    in_tmux = "TMUX" in environment and "STY" not in environment
    return in_screen(environment) or (term.startswith("screen") and not in_tmux)


def _of_terminfo(term: str) -> Colours:
    """Colours of a terminal by its terminfo entry (terminfo(5)).

    Raises:
        TcctuiError: there is none, or the cursor moves by other sequences than those of ECMA-48,
            which are all that is ever sent.

    """
    if not term:
        raise TcctuiError("TERM is not set: the dashboard can't draw.", _MEND)
    cursor, number = b"", 0
    try:
        import curses  # noqa: PLC0415 - few terminals need it

        curses.setupterm(term, _SCREEN)
        cursor, number = curses.tigetstr("cup") or b"", curses.tigetnum("colors")
    except ImportError:
        pass
    except curses.error as error:
        raise TcctuiError(
            f"TERM is {term}, which is unknown here: the dashboard can't draw.", _MEND
        ) from error
    if not cursor.startswith(b"\x1b["):
        raise TcctuiError(f"TERM is {term}: the dashboard can't draw.", _MEND)
    if number < 2:
        return Colours.NONE
    return max(one for one in Colours if one <= max(number, Colours.FEW))


def only_ascii(environment: Mapping[str, str], encoding: str | None) -> bool:
    """True for a terminal, or a locale, that is limited to ASCII.

    `encoding` is Python's for the terminal. An unset locale is UTF-8 to most terminals, but not to
    tmux and screen, which replace what they take for unprintable.
    """
    term = environment.get("TERM", "").lower()
    if term.startswith(_WITHOUT_GLYPHS) or not _is_utf8(encoding or "utf-8"):
        return True
    locale = _locale(environment)
    if not locale:
        inside = "TMUX" in environment or in_screen(environment)
        return inside or term.startswith(("tmux", "screen"))
    name, _, charset = locale.partition("@")[0].partition(".")
    return not _is_utf8(charset) if charset else name in ("C", "POSIX")


def _locale(environment: Mapping[str, str]) -> str:
    """Locale of characters (locale(7)), before Python put another one into the environment."""
    kind = environment.get("LC_CTYPE", "")
    if sys.flags.utf8_mode and _is_utf8(kind.rpartition(".")[2]):
        kind = ""  # PEP 538: it stands there instead of C
    return environment.get("LC_ALL") or kind or environment.get("LANG", "")


def _is_utf8(charset: str) -> bool:
    try:
        return codecs.lookup(charset).name == "utf-8"
    except LookupError:
        return False
