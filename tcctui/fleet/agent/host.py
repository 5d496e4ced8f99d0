"""Facts of this host: name, boot, settings of TCP, and what the agent itself takes."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tcctui import __version__
from tcctui.sources.sock_diag import process_memory

_SYS = Path("/proc/sys")
_IPV4 = _SYS / "net/ipv4"
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Settings(NamedTuple):
    """Kernel's release, version of tcctui, and settings of this network namespace."""

    kernel: str
    version: str
    cc_default: str
    tcp_rmem: tuple[int, ...]
    tcp_wmem: tuple[int, ...]


def name() -> str:
    """Name of the host."""
    return socket.gethostname()


def boot_id() -> str:
    """Identify this boot of the kernel."""
    return (_SYS / "kernel/random/boot_id").read_text().strip()


def settings() -> Settings:
    """Read the settings; what is not there is empty."""
    return Settings(
        os.uname().release,
        __version__,
        _text("tcp_congestion_control"),
        _numbers("tcp_rmem"),
        _numbers("tcp_wmem"),
    )


def _text(setting: str) -> str:
    with suppress(OSError):
        return (_IPV4 / setting).read_text().strip()
    return ""


def _numbers(setting: str) -> tuple[int, ...]:
    return tuple(int(number) for number in _text(setting).split())


class Own:
    """CPU time and memory of the agent and of its processes apart.

    `memory` gives bytes, of all of them together.
    """

    def __init__(self, memory: Callable[[], int] = process_memory.own) -> None:
        self.memory = memory
        self._since = self._now()

    def cpu(self) -> float:
        """Share of a core since the last call."""
        before, self._since = self._since, self._now()
        (began, used), (now, uses) = before, self._since
        return (uses - used) / max(now - began, 1e-3)

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.monotonic(), time.process_time() + sum(map(_used, _children()))


def _children() -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return []


def _used(pid: str) -> float:
    """Seconds of CPU time of a process."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return 0.0
