"""One run that two benches look at: what each tool costs, and what it takes from the traffic."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median, quantiles

from tests.bench.load import Load
from tests.bench.pseudo_terminal import PATIENCE
from tests.bench.tools import Reading, Tool, tools

ROUNDS = 3
SECONDS = 2.0
EVENTS_PER_REQUEST = 2
"""One at each end: an answer carries the acknowledgement of its request."""

ALONE = 0.8
"""Seconds that the load is measured without a tool, before and after each."""

_SETTLE = 0.5  # a tool's first moments are its start-up's


@dataclass(frozen=True)
class Window:
    """A tool's work over some seconds; requests/s with it, and without any tool around it.

    Requests per second are of each tenth of a second.
    """

    seconds: float
    work: Reading
    lost: float
    requests: list[float]
    requests_before: list[float]
    requests_after: list[float]


@dataclass(frozen=True)
class Watched:
    """All rounds of one tool."""

    name: str
    windows: tuple[Window, ...]

    def cost(self, what: str = "cpu", per: str = "events") -> float:
        """CPU seconds (`cpu`, or the `reading` thread's) per event or record: the median round's.

        Not the best one's: a tool that is woken for each event takes less for it where others keep
        it from running, since then there are many at a time.
        """
        return median(self.costs(what, per))

    def costs(self, what: str = "cpu", per: str = "events") -> list[float]:
        """The same, of each round."""
        return [
            getattr(window.work, what) / max(1, getattr(window.work, per))
            for window in self.windows
        ]

    @property
    def events_per_wakeup(self) -> float:
        """Events that were delivered each time that it was woken."""
        return median(window.work.events / max(1, window.work.wakeups) for window in self.windows)

    @property
    def events_per_second(self) -> float:
        """Events that were delivered."""
        return median(window.work.events / window.seconds for window in self.windows)

    @property
    def lost(self) -> float:
        """Share of the events that were not: the worst round's."""
        return max(window.lost for window in self.windows)

    @property
    def requests(self) -> float:
        """Requests per second with the tool, undisturbed."""
        return undisturbed(rate for window in self.windows for rate in window.requests)

    @property
    def requests_alone(self) -> float:
        """Requests per second without it, undisturbed."""
        return undisturbed(
            rate
            for window in self.windows
            for rate in window.requests_before + window.requests_after
        )

    @property
    def difference_alone(self) -> float:
        """What the load alone differs by, before the tool from after it, as a share: noise."""
        before, after = (
            undisturbed(rate for window in self.windows for rate in getattr(window, name))
            for name in ("requests_before", "requests_after")
        )
        return abs(before / after - 1)

    @property
    def left(self) -> float:
        """Share of the requests per second that is left with the tool."""
        return self.requests / self.requests_alone

    @property
    def taken(self) -> float:
        """Seconds that the traffic's processor spends for the tool, for each event."""
        return (1 / self.requests - 1 / self.requests_alone) / EVENTS_PER_REQUEST


def undisturbed(rates: Iterable[float]) -> float:
    """Rate in those tenths of a second that nothing else slowed down: the ninth decile."""
    return quantiles(rates, n=10)[-1]


@functools.cache
def watch(
    rounds: int = ROUNDS, seconds: float = SECONDS, alone: float = ALONE, pause: float = 0.0
) -> list[Watched]:
    """Run all tools on one load, one after the other, round after round.

    Each is watched for so many seconds, and the load, which may `pause`, without it for `alone`.
    """
    found: list[list[Window]] = [[] for _ in tools()]
    with Load(pause=pause) as load:
        for _ in range(rounds):
            after = load.rates(alone)
            for windows, tool in zip(found, tools(), strict=True):
                before = after
                work, taken, requests = _window(load, tool, seconds)
                after = load.rates(alone)
                windows.append(Window(taken, work, tool.lost(), requests, before, after))
    return [
        Watched(tool.name, tuple(windows)) for tool, windows in zip(tools(), found, strict=True)
    ]


def _came_on(first: Reading, last: Reading) -> bool:
    return last.events > first.events and last.reading > first.reading


def _window(load: Load, tool: Tool, seconds: float) -> tuple[Reading, float, list[float]]:
    with tool:
        time.sleep(min(_SETTLE, seconds))
        first, started = tool.reading(), time.monotonic()
        requests = load.rates(seconds)
        # A window with nothing in it says nothing.
        while not _came_on(first, last := tool.reading()):
            assert time.monotonic() < started + seconds + PATIENCE, f"{tool.name} reads nothing"
            time.sleep(0.05)
        taken = time.monotonic() - started
        return tool.between(first, last), taken, requests
