"""Files of tcctui."""

from __future__ import annotations

from collections.abc import Iterator

from tcctui.reference.blocks import Block, entry


def blocks() -> Iterator[Block]:
    """Paths and contents."""
    yield entry(
        "~/.config/tcctui/config.toml",
        "Settings: keys, columns, theme, filters, units. Under sudo, those of the calling user;"
        " $XDG_CONFIG_HOME is respected.",
    )
    yield entry(
        "~/.local/state/tcctui/searches",
        "History of the search box; $XDG_STATE_HOME is respected.",
    )
    yield entry(
        "/var/cache/tcctui/program",
        "The compiled BPF program; may be removed at any time. It is read only if nobody but root"
        " can write it or any directory above it.",
    )
