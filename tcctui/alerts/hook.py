"""Command run for each raised alert."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from tcctui.alerts.alert import Turns
from tcctui.alerts.background import Errands, Troubles
from tcctui.alerts.command import Runner
from tcctui.alerts.payload import variables

AT_A_TIME = 4
"""Commands that run at the same time."""

MOST_WAITING = 100
"""Alerts waiting for their command; more than these are dropped."""


class Hook:
    """Runs a command for each raised alert, `AT_A_TIME`, in the background.

    The alert is in `TCCTUI_*`.
    """

    def __init__(self, runner: Runner, troubles: Troubles) -> None:
        self._runner = runner
        self._troubles = troubles
        self._running: list[int] = []
        self._lock = threading.Lock()
        self.dropped = 0
        """Number of alerts dropped because too many were waiting."""
        self._errands = Errands("alert hook", MOST_WAITING, self._start, ready=self._has_room)

    def tell(self, turns: Turns) -> None:
        """Queue the command for each raised alert."""
        for alert in turns.raised:
            if not self._errands.add(variables(alert)):
                self.dropped += 1
        if self.dropped:
            self._troubles.tell(
                "hooks dropped",
                f"More alerts than {self._runner.name} can keep up with: it is not run for some"
                f" ({self.dropped:,} so far).",
            )

    @property
    def idle(self) -> bool:
        """True when no command waits or runs; finished ones are reaped."""
        self._has_room()
        return not self._running and self._errands.idle

    def close(self) -> None:
        """Start the waiting commands, briefly; running ones continue on their own."""
        self._errands.close(2)
        self._has_room()

    def _has_room(self) -> bool:
        """Reap finished commands; True if another may start."""
        with self._lock:
            codes = {pid: self._runner.poll(pid) for pid in self._running}
            self._running = [pid for pid, code in codes.items() if code is None]
            room = len(self._running) < AT_A_TIME
        for code in codes.values():
            if code:
                how = f"exit code {code}" if code > 0 else f"signal {-code}"
                self._troubles.tell("hook failed", f"{self._runner.name} ended with {how}.")
        return room

    def _start(self, told: object) -> None:
        assert isinstance(told, Mapping)
        try:
            with self._lock:
                self._running.append(self._runner.start(told))
        except OSError as error:
            reason = error.strerror or str(error)
            self._troubles.tell("hook", f"{self._runner.name} can't be run: {reason}.")
