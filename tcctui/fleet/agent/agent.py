"""`tcctui agent`: reads a source, and hands rows of each window over to the spool.

Windows are those of the wall clock: they begin at multiples of their length since 1970, on all
hosts at once. The one in which the agent starts is not told, as it is not whole.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from tcctui.fleet.agent.collecting import Collecting, Most, Telling
from tcctui.fleet.agent.rows import Alerted, Columns
from tcctui.fleet.agent.sending import Sending
from tcctui.fleet.agent.spool import MOST_BYTES, Spool
from tcctui.headless.busiest import Watched, busiest
from tcctui.headless.read_loop import Ending, announce
from tcctui.pump import Sink, deliver, polled
from tcctui.source import Source
from tcctui.sources.sock_diag import process_memory
from tcctui.wire.batch import Batch

if TYPE_CHECKING:
    from tcctui.alerts.alert import Alerts
    from tcctui.fleet.agent.alerting import Raised
    from tcctui.fleet.agent.rewinding import Rewind, Rewinding
    from tcctui.fleet.client import Client

WAIT_S, _LOOK_S = 5.0, 1.0
"""Seconds between two polls of the source, and between those where alerts are looked for. A
connection has a record each two seconds: a batch of several costs hardly more than one of one.
"""

_WATCHED, _WATCH_NS = 64, 5_000_000_000
"""Number of connections that are sampled most often, those with the newest event, and nanoseconds
between two choices of them."""


class Asked(NamedTuple):
    """Command line: windows in seconds, limits on rows, spool, the host's name, its last minutes.

    An empty name is the machine's own.
    """

    every_s: int
    most: Most
    spool: Path
    spool_bytes: int = MOST_BYTES
    host: str = ""
    rewind: Rewind | None = None


class Windows:
    """A sink that ends each window at its time by the wall clock.

    `ended` is called with its beginning, in seconds since 1970, and with what makes nanoseconds
    since 1970 of the source's clock.
    """

    def __init__(
        self,
        every_s: int,
        ended: Callable[[int, int], object],
        source: Source,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._every_ns = every_s * 1_000_000_000
        self._ended = ended
        self._source = source
        self._wall_ns = wall_ns
        self._number = self._now()

    def take(self, _: Batch) -> None:
        """End the window if its time is over, or the clock was set."""
        number = self._now()
        if number == self._number:
            return
        began_s = self._number * self._every_ns // 1_000_000_000
        self._number = number
        self._ended(began_s, self._wall_ns() - self._source.now_ns())

    def left_s(self) -> float:
        """Seconds to the end of the window."""
        return (self._every_ns - self._wall_ns() % self._every_ns) / 1e9

    def _now(self) -> int:
        return self._wall_ns() // self._every_ns


@dataclass
class _Agent:
    """Work at a window's end."""

    asked: Asked
    source: Source
    collecting: Collecting
    spool: Spool | None
    sending: Sending | None
    raised: Raised | None
    rewinding: Rewinding | None
    expose: Callable[[Columns], object] | None
    remarks: TextIO
    whole: bool = False
    """False until the window in which the agent began is over."""

    def window_ended(self, began_s: int, wall_offset_ns: int) -> None:
        """Make rows of the window, and hand them over if it was whole."""
        alerts: Sequence[Alerted] = ()
        if self.raised is not None:
            self.raised.wall_offset_ns = wall_offset_ns
            alerts = self.raised.taken()
        tables = self.collecting.window(began_s, wall_offset_ns, alerts, self._telling)
        whole, self.whole = self.whole, True
        spool = self.spool
        if whole and self.expose is not None:
            self.expose(tables[0][1])
        if whole and spool is not None:
            end_s = began_s + self.asked.every_s
            ready_s = end_s + self.collecting.spread_s(self.asked.every_s)
            spool.put(self.collecting.batch(tables, ready_s))
        self._say()

    def _telling(self) -> Telling:
        spool, sending = self.spool, self.sending
        events = self.collecting.store.totals().events
        lost = self.source.lost() + self.source.skipped()
        if spool is None or sending is None:
            return Telling(events, lost, Counter(), 0, None)
        return Telling(events, lost, spool.dropped(), spool.nbytes, sending.clock_offset_ms)

    def _say(self) -> None:
        for one in (self.spool, self.sending, self.raised, self.rewinding):
            for trouble in one.troubles() if one is not None else ():
                print(trouble, file=self.remarks, flush=True)


def agent(
    source: Source,
    asked: Asked,
    connect: Callable[[], Client] | None,
    *,
    alerts: Alerts | None = None,
    expose: Callable[[Columns], object] | None = None,
    memory: Callable[[], int] = process_memory.own,
    remarks: TextIO,
) -> int:
    """Read an open source until a signal; gives the exit code.

    `connect` makes the client, in a thread of its own; without one, nothing is sent. `expose` is
    called with each window's rows of groups. `memory` gives the bytes that the agent takes.

    Raises:
        TcctuiError: the source is gone, or the spool or the last minutes can't be read.

    """
    announce(source, remarks)
    collecting = Collecting(asked.most, asked.host, lifecycle=source.interval_ns > 0, memory=memory)
    spool = sending = raised = rewinding = None
    if connect is not None:
        spool = Spool(asked.spool, asked.spool_bytes)
        sending = Sending(spool, connect)
    if alerts is not None:
        from tcctui.fleet.agent.alerting import Raised  # noqa: PLC0415 - only where it was asked

        raised = Raised(alerts, collecting.store, time.time_ns() - source.now_ns())
    if asked.rewind is not None:
        from tcctui.fleet.agent.rewinding import Rewinding  # noqa: PLC0415 - only where it was asked

        rewinding = Rewinding(source, asked.rewind)
    at_end = _Agent(asked, source, collecting, spool, sending, raised, rewinding, expose, remarks)
    windows = Windows(asked.every_s, at_end.window_ended, source)
    sinks: list[Sink] = [
        collecting.store,
        Watched(source, collecting.store, _WATCH_NS, lambda store: busiest(store)[:_WATCHED]),
        *([] if raised is None else [raised]),
        *([] if rewinding is None else [rewinding]),
        windows,
    ]
    with Ending() as ending:
        if sending is not None:
            sending.start()
        try:
            wait_s = WAIT_S if raised is None else _LOOK_S
            batches = polled(source, lambda: min(wait_s, windows.left_s()))
            deliver(batches, *sinks, until=lambda _: ending.asked)
        finally:
            if sending is not None:
                sending.close()
            if rewinding is not None:
                rewinding.close()
    return 0
