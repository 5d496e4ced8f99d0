"""Thread that sends batches to the engine, oldest first, and again until it has them.

After a failure that may pass it waits, each time twice as long up to a minute, and by chance up to
twice that: after an outage not all hosts come back at once. What the engine refuses waits, too, as
long as it refuses everything: then a password, a right or a table is amiss. What it refuses again
after it took another batch is dropped and counted once it takes one more.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcctui.errors import TcctuiError
from tcctui.fleet.agent.batch import Batch
from tcctui.fleet.agent.spool import Spool
from tcctui.fleet.tables.every_table import HOST

if TYPE_CHECKING:
    from tcctui.fleet.client import Client

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
"""Seconds to wait after the first failure, and at most."""

_CLOCK_S = 60.0
"""Seconds between two looks at the engine's clock."""

_WRONG_MS = 10_000
"""Difference of the clocks that is said: rows would be found a window away."""

_TRIES = 2
"""Times that the engine takes another batch after it refused one, which is then given up."""

_LAST_S = 5.0
"""Seconds that a send under way may take at the agent's end."""


@dataclass
class _Refused:
    """A batch of which the engine refused something.

    `passed` is how often it took another one after that; since it refused this one `lately`, none.
    """

    passed: int = 0
    lately: bool = True


class Sending:
    """Sends what waits in a spool, from `start` to `close`, by a client that `connect` makes.

    `connect` is called in the thread, again where a connection could not be made.
    """

    def __init__(
        self,
        spool: Spool,
        connect: Callable[[], Client],
        *,
        first_wait_s: float = FIRST_WAIT_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._spool = spool
        self._connect = connect
        self._client: Client | None = None
        self._first_wait_s = self._wait_s = first_wait_s
        self._now = now
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="send", daemon=True)
        self._troubles: list[str] = []
        self._failing = False
        self._refused: dict[int, _Refused] = {}  # by the batch's number
        self._clock_at = 0.0
        self._clock_wrong = False
        self.clock_offset_ms: int | None = None
        """The host's clock minus the engine's, as last seen; None if unknown."""
        self.rows: Counter[str] = Counter()
        """Rows by table that the engine has acknowledged."""

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def close(self) -> None:
        """End; what is not sent stays in the spool."""
        self._over.set()
        self._spool.wake()
        self._thread.join(_LAST_S)

    def troubles(self) -> list[str]:
        """New failures, and ends of them, since the last call; a sentence each."""
        troubles, self._troubles = self._troubles, []
        return troubles

    # In the thread

    def _run(self) -> None:
        after = 0
        while not self._over.is_set():
            found = self._spool.oldest(after)
            if found is None and not self._refused:
                self._spool.wait(LONGEST_WAIT_S)
                continue
            if found is None:  # it refuses all that there is
                after = 0
                self._wait()
                continue
            number, batch = found
            early = batch.ready_s - self._now()
            if 0 < early <= LONGEST_WAIT_S:  # of a clock that was set meanwhile: not at all
                self._over.wait(early)
                if self._over.is_set():
                    return
            after = number if self._is_refused(number, batch) else 0

    def _is_refused(self, number: int, batch: Batch) -> bool:
        """Send a batch; True where the engine refuses it: the next one may be another matter."""
        from tcctui.fleet.client import Refused  # noqa: PLC0415 - the thread's first work

        refusals: dict[str, int] = {}
        try:
            client = self._client = self._client or self._connect()
            self._see_clock(client)
            for part in batch.parts:
                try:
                    client.insert(part.table, part.body, batch.token)
                except Refused as error:
                    refusals[part.table] = part.rows
                    self._fail(error)
        except TcctuiError as error:
            self._fail(error)
            self._wait()
            return False
        if refusals:
            before = self._refused.get(number)
            lost = Counter(refusals)
            if HOST.name in refusals:
                lost += Counter(batch.told)
            self._spool.refused(number, lost)
            self._refused[number] = _Refused(before.passed if before else 0)
            return True
        self._spool.done(number)
        self._refused.pop(number, None)
        self.rows += Counter(batch.rows)
        self._wait_s = self._first_wait_s
        self._give_up_refused()
        if self._failing:
            self._failing = False
            self._troubles.append("The engine takes rows again.")
        return False

    def _give_up_refused(self) -> None:
        """Drop batches that it refused twice between others that it took."""
        for number, refused in [*self._refused.items()]:
            refused.passed += refused.lately
            refused.lately = False
            if refused.passed == _TRIES:
                del self._refused[number]
                self._spool.give_up(number)

    def _fail(self, error: TcctuiError) -> None:
        if not self._failing:
            self._failing = True
            self._troubles.append(f"{error.reason} Batches wait in the spool.")

    def _wait(self) -> None:
        """Wait before the next try."""
        self._over.wait(self._wait_s * random.uniform(1, 2))  # noqa: S311 - no secret
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def _see_clock(self, client: Client) -> None:
        """Compare the clocks, now and then."""
        if time.monotonic() < self._clock_at:
            return
        self._clock_at = time.monotonic() + _CLOCK_S
        before = self._now()
        there = client.clock()
        if there is None:
            return
        self.clock_offset_ms = offset = round(((before + self._now()) / 2 - there) * 1000)
        wrong = abs(offset) >= _WRONG_MS
        if wrong != self._clock_wrong:
            self._clock_wrong = wrong
            self._troubles.append(_clocks(offset) if wrong else "The clocks agree again.")


def _clocks(offset_ms: int) -> str:
    side = "ahead of" if offset_ms > 0 else "behind"
    return (
        f"This host's clock is {abs(offset_ms) / 1000:,.0f} s {side} the engine's: its rows are at"
        " those times. Set the clock: timedatectl set-ntp true"
    )
