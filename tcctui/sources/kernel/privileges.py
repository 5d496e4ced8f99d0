"""Privileges of this process, and the capabilities (capabilities(7)) that each view takes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

from tcctui.errors import TcctuiError
from tcctui.privileges.identity import caller

_NUMBERS = {
    "dac_override": 1,
    "dac_read_search": 2,
    "net_admin": 12,
    "sys_ptrace": 19,
    "sys_admin": 21,
    "perfmon": 38,
    "bpf": 39,
}
"""Bits of CapEff, by the names of setpriv(1): include/uapi/linux/capability.h."""

_INSTEAD = {"dac_read_search": "dac_override", "perfmon": "sys_admin", "bpf": "sys_admin"}
"""Wider capabilities that the kernel takes instead of these."""

_NOBODY = 65534


class View(NamedTuple):
    """Part of what tcctui shows, the capabilities that it takes, and what it takes them for."""

    name: str
    capabilities: tuple[str, ...]
    purpose: str

    def given(self, effective: int) -> bool:
        """Check effective capabilities, as bits."""
        return all(
            effective >> _NUMBERS[one] & 1 or effective >> _NUMBERS[_INSTEAD.get(one, one)] & 1
            for one in self.capabilities
        )


EVERY_ACK = View(
    "every ACK",
    ("bpf", "perfmon", "dac_read_search"),
    "BPF on tracepoints. CAP_DAC_READ_SEARCH is for tracefs, which is mounted for root alone; it"
    " is not needed where a group may read /sys/kernel/tracing (mount options gid= and mode=)."
    " Linux before 5.11 takes CAP_SYS_RESOURCE, too, as it counts maps as locked memory.",
)

VIEWS = (
    EVERY_ACK,
    View(
        "other users' processes",
        ("sys_ptrace", "dac_read_search"),
        "the open files of each process in /proc/PID/fd.",
    ),
    View(
        "other network namespaces",
        ("sys_admin", "sys_ptrace"),
        "setns(2), and /proc/PID/ns of other users' processes.",
    ),
    View(
        "last values of many connections that close at once",
        ("net_admin",),
        "a buffer for the kernel's notices that is larger than net.core.rmem_max.",
    ),
)
"""Every view that takes privileges; sampling this namespace's sockets takes none."""


def effective(status: str) -> int:
    """Effective capabilities, as bits, of a /proc/PID/status text."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def may_trace(status: str) -> bool:
    """Check a /proc/PID/status text for the effective capabilities that allow BPF on tracepoints.

    CAP_SYS_ADMIN, or CAP_BPF with CAP_PERFMON (include/uapi/linux/capability.h, since 5.8).
    """
    return EVERY_ACK._replace(capabilities=("bpf", "perfmon")).given(effective(status))


def sudo_command(arguments: list[str]) -> str:
    """The `sudo` command that runs this very program; `arguments` as in sys.argv.

    Its path is absolute, and Python imports nothing from the working directory.
    """
    import shlex  # noqa: PLC0415 - only where privileges are missing

    return shlex.join(["sudo", *_program(arguments[0]), *arguments[1:]])


def setpriv_command(view: View, program: str) -> str:
    """The command that runs a program (as in sys.argv) with the capabilities of one view alone.

    It runs as the user who asks: under sudo the calling one, and for root itself nobody.
    """
    import pwd  # noqa: PLC0415 - there is none on Windows
    import shlex  # noqa: PLC0415
    import shutil  # noqa: PLC0415

    called = caller()
    asking = os.getuid() or (_NOBODY if called is None else called.uid)
    try:
        entry = pwd.getpwuid(asking)
        user = [f"--reuid={entry.pw_name}", f"--regid={entry.pw_gid}", "--init-groups"]
    except KeyError:
        user = [f"--reuid={asking}", f"--regid={asking}", "--clear-groups"]
    names = view.capabilities
    if view == EVERY_ACK and _before_5_11(os.uname().release):
        names = (*names, "sys_resource")
    capabilities = ",".join(f"+{one}" for one in names)
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin") or "/usr/bin/setpriv"
    rights = [f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"]
    # Of root's environment, HOME has settings that the user may not read.
    return shlex.join(["sudo", setpriv, *user, "--reset-env", *rights, *_program(program)])


def _before_5_11(release: str) -> bool:
    major, _, rest = release.partition(".")
    minor = rest.partition(".")[0].partition("-")[0]
    return major.isdecimal() and minor.isdecimal() and (int(major), int(minor)) < (5, 11)


def _program(path: str) -> list[str]:
    program = Path(path)
    if program.name == "__main__.py":
        return [sys.executable, "-I", "-m", program.parent.name]
    return [str(program.absolute())]


def own_status() -> str:
    """Text of /proc/self/status; empty without /proc."""
    try:
        return Path("/proc/self/status").read_text()
    except OSError:
        return ""


def require() -> None:
    """Require the privileges for BPF.

    Raises:
        TcctuiError: they are missing; `mend` is the command that has them.

    """
    if not may_trace(own_status()):
        raise TcctuiError(
            "Reading the kernel's tracepoints needs root.", f"Run: {sudo_command(sys.argv)}"
        )
