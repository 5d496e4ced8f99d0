"""Counts of a run that have to reconcile, each in one identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_MORE = 48 << 20
"""Bytes by which the memory of the last third of a run may be above that of the second."""

_SLOWEST = 0.2
"""Seconds that a key may take, on a terminal that reads."""

_SETTLED = 1800.0
"""Seconds from which on memory, descriptors and keys are judged: budgets of the past are spent by
then.
"""


@dataclass(frozen=True)
class Figures:
    """Figures of one run.

    Of the run's own connections, `seen` is the number of tcp_probe events by a program of its own
    (bpftrace), `kept` that in the recording; `lost` and `skipped` are the dashboard's counts of all
    events of all connections. `status` is its exit code, `left` what it left in the kernel.
    `memory` is its resident size in bytes and `descriptors` its number of files, each second;
    `keys` are the seconds that keys took.
    """

    seconds: float
    seen: int
    kept: int
    lost: int
    skipped: int
    status: int
    left: int
    memory: Sequence[int]
    descriptors: Sequence[int]
    keys: Sequence[float]
    acts: dict[str, int]

    def told(self) -> str:
        """Say all of it in some lines."""
        keys = sorted(self.keys) or [0.0]
        mebibytes = [nbytes >> 20 for nbytes in self.memory] or [0]
        acts = ", ".join(f"{count} {name}" for name, count in sorted(self.acts.items()))
        return (
            f"{self.seconds:.0f} s: {acts}\n"
            f"{self.seen:,} events seen, {self.kept:,} kept, {self.lost:,} lost,"
            f" {self.skipped:,} skipped\n"
            f"memory {mebibytes[0]} MiB at first, {max(mebibytes)} at most, {mebibytes[-1]} at the"
            f" end; descriptors {min(self.descriptors or [0])} to {max(self.descriptors or [0])}\n"
            f"{len(self.keys)} keys: median {median(keys) * 1e3:.0f} ms, slowest"
            f" {keys[-1] * 1e3:.0f} ms"
        )


def wrong(figures: Figures) -> list[str]:
    """Say what does not reconcile; a sentence each.

    Attempted = delivered + lost + skipped. The dashboard counts what is lost and skipped of all
    connections, so that what is missing of these can be less, and never more.
    """
    found = []
    missing = figures.seen - figures.kept
    if missing < 0:
        found.append(f"{-missing:,} events were kept that never were.")
    if missing > figures.lost + figures.skipped:
        counted = figures.lost + figures.skipped
        found.append(f"{missing:,} events are missing, of which {counted:,} are counted.")
    if figures.status:
        found.append(f"The dashboard ended with {figures.status}.")
    if figures.left:
        found.append(f"{figures.left} BPF objects are left in the kernel.")
    if figures.seconds >= _SETTLED:
        found += _drifted(figures)
    return found


def _drifted(figures: Figures) -> list[str]:
    """Say what grows, or takes too long, in a run that is long enough for that."""
    found = []
    memory, descriptors = (_thirds(each) for each in (figures.memory, figures.descriptors))
    if median(memory[2]) > median(memory[1]) + _MORE:
        grown = int(median(memory[2]) - median(memory[1])) >> 20
        found.append(f"Memory grows: {grown} MiB more in the last third than in the one before.")
    if median(descriptors[2]) > median(descriptors[1]) + 8:
        found.append("Descriptors grow.")
    if figures.keys and max(figures.keys) > _SLOWEST:
        found.append(f"A key took {max(figures.keys):.2f} s.")
    return found


def _thirds(values: Sequence[int]) -> list[Sequence[int]]:
    third = max(1, len(values) // 3)
    return [values[:third], values[third : 2 * third] or values, values[2 * third :] or values]
