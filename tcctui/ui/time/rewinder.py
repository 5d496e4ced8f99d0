"""The past that can be shown, and the thread that computes its moments, so that no key waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tcctui.errors import TcctuiError
from tcctui.flows.history.host_seconds import HostPast
from tcctui.flows.index import Keys
from tcctui.recording.timeline import Span, Timeline, WallClock
from tcctui.ui.view import PastView

_PATIENCE = 1.0
"""Seconds that the end waits for a moment that is being computed."""


class Rewindable(NamedTuple):
    """Available past.

    `moment` computes a moment, `span` is its range, `reach` extends the timeline to a moment, and
    `save` writes it to a file, where that is useful: all, or of some flows and nothing of others.
    `wall` has the times of day. `seconds` gives the totals of each second between two moments;
    `close` ends what that began. `strides` are the seconds of a small step and of a large one.
    `saves` begins to save in another way than to a recording. `recordings` are what can be read of
    it, and of other machines at the same time: in these are the other ends of some connections.
    """

    moment: PastView
    span: Callable[[], Span]
    wall: WallClock = WallClock()
    reach: Callable[[int], None] = lambda _: None  # all moments of a recording are there
    save: Callable[[Keys | None], Path] | None = None
    seconds: Callable[[int, int], HostPast] | None = None
    close: Callable[[], None] = lambda: None
    recordings: Sequence[Timeline] = ()
    strides: Callable[[], tuple[float, float]] = lambda: (1.0, 10.0)
    saves: Callable[[], object] | None = None


class Wish(NamedTuple):
    """Requested moment, and the seconds before it for some flows."""

    at_ns: int
    cookies: tuple[int, ...]
    seconds: float | None


class Rewinder:
    """Computes a moment, one request at a time: a newer one replaces those waiting.

    `reach` extends the timeline to the moment first. `arrived` and `failed` are called in this
    thread: `arrived` twice if the history of flows takes longer than their table, the first time
    with False. `worked` is the duration of the last computation in seconds. `names` are columns
    that will be read, of which some, such as the text of word searches, take long.
    """

    def __init__(
        self,
        moment: PastView,
        reach: Callable[[int], None],
        arrived: Callable[[Wish, bool], object],
        failed: Callable[[str], object],
    ) -> None:
        self._moment = moment
        self._reach = reach
        self._arrived = arrived
        self._failed = failed
        self._at_ns: int | None = None
        self._wish: Wish | None = None
        self._over = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.worked = 0.0
        self.names: Collection[str] = ()

    def wish(self, wish: Wish) -> None:
        """Request a moment; returns at once."""
        with self._changed:
            self._wish = wish
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="rewinder", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Cancel all requests; a result in progress is dropped.

        It is waited for, as Python's end is the process's abortion if the thread is in Arrow then.
        """
        with self._changed:
            self._over = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _work(self) -> None:
        while (wish := self._next()) is not None:
            begun = time.monotonic()
            try:
                self._fulfil(wish)
            except TcctuiError as error:
                self._failed(str(error))
            except MemoryError:
                self._failed("This moment takes more memory than it may: see --reading-memory.")
            except Exception as error:  # a defect: the screen stays, and reports it
                self._failed(f"{type(error).__name__}: {error}")
            else:
                self.worked = time.monotonic() - begun
                if not self._over:
                    self._arrived(wish, True)

    def _next(self) -> Wish | None:
        with self._changed:
            self._changed.wait_for(lambda: self._wish is not None or self._over)
            wish, self._wish = self._wish, None
            return None if self._over else wish

    def _fulfil(self, wish: Wish) -> None:
        if wish.at_ns != self._at_ns:
            self._at_ns = None
            self._reach(wish.at_ns)
            self._moment.go(wish.at_ns)
            self._moment.flows(self.names)
            self._at_ns = wish.at_ns
            if self._moment.pending and not self._over:
                self._arrived(wish, False)
        self._moment.look_at(np.array(wish.cookies, "u8"), wish.seconds)
