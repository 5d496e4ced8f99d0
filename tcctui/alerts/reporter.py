"""Alerts reported to the log and the hook, where requested."""

from __future__ import annotations

from pathlib import Path

from tcctui.alerts.alert import Turns
from tcctui.alerts.background import Troubles
from tcctui.alerts.command import Runner
from tcctui.alerts.hook import Hook
from tcctui.alerts.log import AlertLog


class Reporter:
    """Passes alerts on without waiting; `troubles` has the errors.

    Raises:
        TcctuiError: the file can't be opened.

    """

    def __init__(self, log: Path | None = None, hook: Runner | None = None) -> None:
        self._troubles = Troubles()
        self._log = None if log is None else AlertLog(log, self._troubles)
        self._hook = None if hook is None else Hook(hook, self._troubles)

    def tell(self, turns: Turns) -> None:
        """Pass alerts on."""
        for to in (self._log, self._hook):
            if to is not None:
                to.tell(turns)

    def troubles(self) -> list[str]:
        """New errors, each kind once."""
        return self._troubles.take()

    def close(self) -> None:
        """Finish what was passed on, briefly."""
        for to in (self._hook, self._log):
            if to is not None:
                to.close()
