"""Directory of what an agent keeps on its host."""

from __future__ import annotations

import os
import sys
from pathlib import Path

TEXT = "/var/lib/tcctui/{0} of root, else ~/.local/state/tcctui/{0}"
"""Default place of a directory, for help."""


_OWN = ".local/state"


def state_directory(name: str) -> Path:
    """Directory of a name: in systemd's StateDirectory, root's, or the user's own."""
    if state := os.environ.get("STATE_DIRECTORY"):
        return Path(state.split(":")[0]) / name
    if os.geteuid() == 0:
        return Path("/var/lib/tcctui") / name
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / _OWN)
    return Path(state) / "tcctui" / name


def written_by_agents(name: str) -> list[Path]:
    """Directories of a name that agents of root, a service or the user behind sudo write to.

    To be called before rights are given up.
    """
    found = [state_directory(name)]
    if sys.platform == "linux" and "STATE_DIRECTORY" not in os.environ:
        from tcctui.privileges import identity  # noqa: PLC0415 - few ask

        if (user := identity.caller()) is not None:
            found.append(user.home / _OWN / "tcctui" / name)
    return found
