"""Directory of what is saved on request, under names that begin with `tcctui-`."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

NAMES = r"tcctui-[^/]*"
"""Pattern of their names."""

_chosen: Path | None = None


def save_directory() -> Path:
    """First writable one of the working, home and temporary directories, as an absolute path.

    The last of them if none is writable.
    """
    if _chosen is not None:
        return _chosen
    candidates = [Path("."), Path(os.path.expanduser("~"))]
    for candidate in candidates:
        with suppress(OSError):  # the working directory is gone
            if os.access(candidate, os.W_OK | os.X_OK):
                return candidate.absolute()
    return Path(tempfile.gettempdir()).absolute()


def save_in(directory: Path) -> None:
    """Save there from now on: this process can't tell any more."""
    global _chosen  # noqa: PLW0603 - as the process's disk is one
    _chosen = directory
