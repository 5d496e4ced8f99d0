"""Command that has a host of the fleet record, over ssh."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from tcctui.errors import TcctuiError, UsageError
from tcctui.printable import plain

SSH = "ssh -o BatchMode=yes -o ConnectTimeout=10"
"""Default command; it must not ask for anything: there is a screen on the terminal."""

RECORD = ("sudo", "-n", "tcctui", "record")
"""Command on the host, whose output is read."""

_HOST = re.compile(r"[A-Za-z0-9_\[:][A-Za-z0-9._:%\]\[-]{0,252}")
"""Names and addresses. Others, which may come from a stranger's host, would be a program's options,
or commands in ssh's configuration (%h in ProxyCommand).
"""


def words(ssh: str) -> list[str]:
    """Words of a command for ssh, as a shell would split it.

    Raises:
        UsageError: there are none, or a quote is not closed.

    """
    try:
        found = shlex.split(ssh)
    except ValueError as error:
        raise UsageError(f"--ssh {ssh[:80]!r} is no command: {error}.") from None
    if not found:
        raise UsageError("--ssh is empty.", f"Give a command such as {SSH!r}.")
    return found


def is_host(name: str) -> bool:
    """True for a name or address of a host that can be given to ssh."""
    return _HOST.fullmatch(name) is not None


def command(ssh: Sequence[str], host: str, query: str, last_s: int = 0) -> list[str]:
    """Command that records a host's connections that match a query, as arguments.

    It begins with the last `last_s` seconds, as far as the host keeps them.

    No shell on this machine reads them. The host's own shell gets the query quoted.

    Raises:
        TcctuiError: the host has no name that can be given to ssh.

    """
    if not is_host(host):
        raise TcctuiError(
            f"{plain(host)[:80]!r} is no name of a host for ssh.",
            "Name hosts by letters, digits, dots and hyphens: tcctui agent --host NAME",
        )
    before = ["--last", f"{last_s}s"] if last_s else []
    recorded = [*RECORD, *before, *(["--filter", query] if query.strip() else []), "-"]
    return [*ssh, "--", host, shlex.join(recorded)]
