"""Tells alerts to a file and to a command, where that is wanted."""

from __future__ import annotations

from pathlib import Path

from tcctui.alerts.alert import Turns
from tcctui.alerts.background import Troubles
from tcctui.alerts.hook import Hook
from tcctui.alerts.log import AlertLog


class Reporter:
    """Passes on what has changed. Waits for nothing; what goes wrong, `troubles` has.

    Raises:
        TcctuiError: the file can't be opened.

    """

    def __init__(self, log: Path | None = None, hook: list[str] | None = None) -> None:
        self._troubles = Troubles()
        self._log = None if log is None else AlertLog(log, self._troubles)
        self._hook = None if hook is None else Hook(hook, self._troubles)

    def tell(self, turns: Turns) -> None:
        """Pass it on."""
        for to in (self._log, self._hook):
            if to is not None:
                to.tell(turns)

    def troubles(self) -> list[str]:
        """What went wrong since, each thing once."""
        return self._troubles.take()

    def close(self) -> None:
        """Let what was passed on come to its end; not for long."""
        for to in (self._hook, self._log):
            if to is not None:
                to.close()
