"""Privileges of this process: BPF needs root, or CAP_BPF with CAP_PERFMON."""

from __future__ import annotations

import sys
from pathlib import Path

from tcctui.errors import TcctuiError

_CAP_SYS_ADMIN, _CAP_PERFMON, _CAP_BPF = 21, 38, 39


def may_trace(status: str) -> bool:
    """Check a /proc/PID/status text for the effective capabilities that allow BPF on tracepoints.

    CAP_SYS_ADMIN, or CAP_BPF with CAP_PERFMON (include/uapi/linux/capability.h, since 5.8).
    """
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            effective = int(line.split()[1], 16)
            if effective >> _CAP_SYS_ADMIN & 1:
                return True
            return bool(effective >> _CAP_BPF & 1 and effective >> _CAP_PERFMON & 1)
    return False


def sudo_command(arguments: list[str]) -> str:
    """The `sudo` command that runs this very program; `arguments` as in sys.argv.

    Its path is absolute, and Python imports nothing from the working directory.
    """
    import shlex  # noqa: PLC0415 - only where privileges are missing

    program = Path(arguments[0])
    if program.name == "__main__.py":
        isolated = [sys.executable, "-I", "-m", program.parent.name]
        return shlex.join(["sudo", *isolated, *arguments[1:]])
    return shlex.join(["sudo", str(program.absolute()), *arguments[1:]])


def require() -> None:
    """Require the privileges for BPF.

    Raises:
        TcctuiError: they are missing; `mend` is the command that has them.

    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        status = ""
    if not may_trace(status):
        raise TcctuiError(
            "Reading the kernel's tracepoints needs root.", f"Run: {sudo_command(sys.argv)}"
        )
