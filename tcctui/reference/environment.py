"""Environment variables."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.reference.blocks import Block, entry


def blocks() -> Iterator[Block]:
    """Names and effects."""
    yield entry("NO_COLOR", "If set, the screen has no colours; no information is in colour alone.")
    yield entry(
        "TERM, COLORTERM",
        "Colours of the terminal: COLORTERM=truecolor says that it has all. GNU screen is sent 256"
        " at the most, the console 16.",
    )
    yield entry(
        "LC_ALL, LC_CTYPE, LANG",
        "Locale: where it is not UTF-8, the screen has ASCII only, unless --no-ascii is given; in"
        " tmux and screen also where it is not set.",
    )
    yield entry("TEXTUAL_THEME", "Theme, unless the settings name one.")
    yield entry("PAGER", "Program that shows pages of tcctui help on a terminal.")
    yield entry(
        "SUDO_UID, SUDO_GID, PKEXEC_UID, DOAS_USER",
        "User whose files are read and made under sudo(8), pkexec(1) and doas(1).",
    )
    yield entry(
        "TCCTUI_CACHE",
        "Directory of the compiled BPF program instead of /var/cache/tcctui; if empty, every start"
        " compiles.",
    )
    yield entry("TCCTUI_ALERT, …", "Set for the command of --alert-run; see tcctui help alerts.")
