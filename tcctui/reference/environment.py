"""Environment variables."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.reference.blocks import Block, entry


def blocks() -> Iterator[Block]:
    """Names and effects."""
    yield entry("NO_COLOR", "If set, the screen has no colours; no information is in colour alone.")
    yield entry("TEXTUAL_THEME", "Theme, unless the settings name one.")
    yield entry("PAGER", "Program that shows pages of tcctui help on a terminal.")
    yield entry("SUDO_UID, SUDO_GID", "User whose files are read and made under sudo(8).")
    yield entry(
        "TCCTUI_CACHE",
        "Directory of the compiled BPF program instead of /var/cache/tcctui; if empty, every start"
        " compiles.",
    )
    yield entry("TCCTUI_ALERT, …", "Set for the command of --alert-run; see tcctui help alerts.")
