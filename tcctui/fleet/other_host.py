"""Another host's end of a connection, read beside the dashboard of the first one's."""

from __future__ import annotations

import threading

from tcctui.errors import TcctuiError
from tcctui.fleet.live_host import LiveHost
from tcctui.flows.store import Store
from tcctui.pump import deliver, polled
from tcctui.recording.timeline import Timeline
from tcctui.rewind.live_sink import LiveSink
from tcctui.rewind.rewind_log import RewindLog

_MEMORY = 32 << 20
"""Bytes that the log of one connection may have: an hour of 2,000 ACKs a second."""

_WAIT_S = 0.5


class OtherHost:
    """Reads a host in a thread of its own, from `begin` to `end`."""

    def __init__(self, host: LiveHost) -> None:
        self._host = host
        self._over = threading.Event()
        self._log: RewindLog | None = None
        self.failure: TcctuiError | None = None
        """Reason why nothing comes, or nothing more."""

    @property
    def timeline(self) -> Timeline | None:
        """Records of the host, once all that it kept is there."""
        return self._log if self._host.caught_up else None

    def begin(self) -> None:
        """Start to read."""
        threading.Thread(target=self._read, name="other host", daemon=True).start()

    def end(self) -> None:
        """Read no more, and end ssh; may be called twice."""
        self._over.set()
        self._host.end()

    def _read(self) -> None:
        try:
            source = self._host.open()
        except TcctuiError as error:
            self.failure = error
            return
        try:
            self._log = RewindLog(_MEMORY, source.origin)
            sink = LiveSink(source, Store(0), self._log)
            deliver(polled(source, lambda: _WAIT_S), sink, until=lambda _: self._over.is_set())
        except TcctuiError as error:
            self.failure = error
        except Exception as error:  # a defect: the screen stays, and reports it
            self.failure = TcctuiError(f"{type(error).__name__}: {error}")
        finally:
            source.close()
