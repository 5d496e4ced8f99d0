"""What the traffic loses while it is watched."""

from __future__ import annotations

from statistics import median

from tests.bench.report import Section, Target, number
from tests.bench.side_by_side import ALONE, ROUNDS, SECONDS, watch


def measure(
    rounds: int = ROUNDS, seconds: float = SECONDS, alone: float = ALONE, pause: float = 0.0
) -> Section:
    """Compare requests per second with each tool to those without any."""
    watched = watch(rounds, seconds, alone, pause)
    without = median(one.requests_alone for one in watched)
    noise = max(one.difference_alone for one in watched)
    return Section(
        "What the traffic loses",
        ("of none", "tool", "requests/s", "per event"),
        [
            ("1.000", "none", number(without), ""),
            *(
                (f"{one.left:.3f}", one.name, number(one.requests), f"{one.taken * 1e6:.2f} µs")
                for one in watched
            ),
        ],
        [Target("requests/s with the dashboard, of none", watched[0].left, 0.95, at_least=True)],
        [
            "The same run as above: reader and traffic on different processors. Each tool is"
            " compared with the load alone just before it and just after; of the rates in each"
            " tenth of a second it is the ninth decile, since what else goes on on the machine can"
            " only slow it down. *Per event* is what the traffic's processor spends more. Less than"
            " what the program that counts takes, nothing that runs a BPF program on this"
            " tracepoint can take. The load alone, before a tool, differed from the load alone"
            f" after it by up to {noise:.1%}: no ratio is more exact than that.",
        ],
    )
