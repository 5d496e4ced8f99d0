"""What else goes on on the machine, so that whoever reads a result knows how noisy it is."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path


class Others:
    """Watches, from when it is made, what processes take that are not ours; as text, says it."""

    def __init__(self) -> None:
        self._started, self._busy, self._own = time.monotonic(), _busy(), _own()

    def share(self) -> float:
        """Processors that others took, of all, on average; once what we started has ended."""
        seconds = self.seconds * (os.cpu_count() or 1)
        return max(0.0, (_busy() - self._busy) - (_own() - self._own)) / seconds

    @property
    def seconds(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._started

    def __str__(self) -> str:
        return f"Meanwhile other processes took {self.share():.0%} of the machine."


def _busy() -> float:
    """CPU seconds that were not idle, since boot."""
    user, nice, system, _, _, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
