"""Reading a source where there is no screen: round by round, until a signal or its time ends it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from tcctui.errors import TcctuiError
from tcctui.flows.store import Store
from tcctui.headless.matching import Followed
from tcctui.source import Source
from tcctui.wire.events import Events
from tcctui.wire.records import pick
from tcctui.wire.samples import Samples

_WAIT = 0.1
"""Seconds between two looks at the source."""

_PATIENCE = 10
"""Seconds that what is left to do may take once a signal has come."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class GivenUpError(TcctuiError):
    """What was left to do after a signal took too long."""


class Ending:
    """Takes note of the signals that end a command, in the main thread, while the context lasts.

    After the first one there is time to finish; a second one, or 10 s, ends it where it is. What is
    ignored from the start stays so, as nohup wants it.
    """

    def __init__(self) -> None:
        self.asked = False
        """Whether a signal has come."""

    def __enter__(self) -> Ending:
        self._previous = {
            number: signal.signal(number, self._ask)
            for number in _SIGNALS
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        self._previous[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._give_up)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.alarm(0)
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _ask(self, *_: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        signal.alarm(_PATIENCE)

    def _give_up(self, *_: object) -> None:
        raise GivenUpError(f"The output takes nothing any more: given up after {_PATIENCE} s.")


@dataclass(frozen=True, eq=False)
class Round:
    """What came at one look at a source; `now_ns` is its clock then."""

    events: Events
    samples: list[Samples]
    now_ns: int

    def of(self, followed: Followed) -> Round:
        """Choose what is of connections that have matched."""
        return Round(*followed.choose(self.events, self.samples, self.now_ns), self.now_ns)

    def into(self, store: Store) -> None:
        """Let a store take it in."""
        store.ingest(self.events, self.now_ns)
        for samples in self.samples:
            store.ingest_samples(samples, self.now_ns)


def rounds(
    source: Source, ending: Ending, begin_ns: int, duration: float | None
) -> Iterator[Round]:
    """Look at a source ten times a second, until `duration` seconds after `begin_ns` or a signal.

    What happened until then is in the rounds, events of later are not.

    Raises:
        TcctuiError: the source is gone.

    """
    end_ns = None if duration is None else begin_ns + int(duration * 1e9)
    while True:
        # Whether it is the last round is decided before reading; see trace.Trace.
        now = source.now_ns()
        if ending.asked:
            end_ns = min(now, end_ns or now)
        last = end_ns is not None and now >= end_ns
        wait = 0.0 if last else _WAIT
        if end_ns is not None:
            wait = min(wait, max(0.0, (end_ns - now) / 1e9))
        events = source.read(wait)
        if end_ns is not None and (later := events["ts_ns"] >= end_ns).any():
            events = pick(events, ~later)
        samples = []
        while len(part := source.sampled()):
            samples.append(part)
        yield Round(events, samples, source.now_ns())
        if last and not len(events):
            return
