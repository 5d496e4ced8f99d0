"""The application: the terminal, the thread that reads events, and the end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.worker import get_current_worker

from tcctui import memory
from tcctui.errors import TcctuiError
from tcctui.flows.store import Store
from tcctui.source import Source
from tcctui.ui.dashboard import Dashboard
from tcctui.ui.view import View

_WAIT = 0.1
"""Seconds between two looks at the source: batches large enough to be cheap, small enough to be
live, on a screen that is painted four times a second."""

_FIRST_WAIT, _FIRST_LOOKS = 0.02, 50
"""The same until something has come, for a second at most."""

_SETTLED = 3.0
"""Seconds after which all is loaded that will be needed."""

_PATIENCE = 3
"""Seconds after which SIGALRM ends a process that waits for its terminal to take what it writes."""


class TcctuiApp(App[None]):
    """Reads events in a thread of its own; the screen pulls from the store."""

    TITLE = "tcctui"
    CSS_PATH = "tcctui.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(self, open_source: Callable[[], Source], store: Store) -> None:
        super().__init__()
        self._open_source = open_source
        self._store = store
        self._dashboard = Dashboard(View(store))
        self.source: Source | None = None
        """What is read, once it is open."""
        self.failure: TcctuiError | None = None
        """Why it could not be opened."""

    async def on_mount(self) -> None:
        """Show the dashboard, and begin to read once it can say what goes wrong."""
        few = self.console.color_system == "standard" and not self.is_headless
        if few and "TEXTUAL_THEME" not in os.environ:
            self.theme = "ansi-dark"  # of 16 colours; other themes' would be rounded to white
        await self.push_screen(self._dashboard)
        self.run_worker(self._collect, thread=True, exit_on_error=False)
        self.set_timer(_SETTLED, memory.settle)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        signal.signal(signal.SIGHUP, lambda *_: self._hang_up(loop))

    def _leave(self) -> None:
        """Quit, and give the terminal back; not even a terminal that is stuck can prevent it."""
        signal.alarm(_PATIENCE)
        self.exit()

    def _hang_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """End with the window: at once if it is gone, since writing to it would never end."""
        if not os.isatty(2):
            os._exit(128 + signal.SIGHUP)  # the kernel takes back what the source holds
        loop.call_soon_threadsafe(self._leave)

    def _collect(self) -> None:
        """Open the source, and take batches from it to the store until the end; runs in a thread.

        The screen is painted meanwhile: a program compiles for longer than that takes.
        """
        worker = get_current_worker()
        try:
            self.source = source = self._open_source()
        except TcctuiError as error:
            self.failure = error
            self.call_from_thread(self.exit)
            return
        except Exception as error:  # a defect: told as one that comes later is
            self._tell(self._dashboard.source_failed, f"{type(error).__name__}: {error}")
            return
        try:
            self._tell(self._dashboard.source_opened, source)
            for _ in range(_FIRST_LOOKS):
                self._take(source, _FIRST_WAIT)
                if worker.is_cancelled or self._store.totals().flows:
                    break
            self._tell(self._dashboard.look)  # the first rows at once
            while not worker.is_cancelled:
                self._take(source, _WAIT)
        except TcctuiError as error:
            reason = str(error)
        except Exception as error:  # a defect: the screen stays, and says what happened
            reason = f"{type(error).__name__}: {error}"
        else:
            return
        source.close()  # nobody takes what it has any more
        self._tell(self._dashboard.source_failed, reason)

    def _take(self, source: Source, seconds: float) -> None:
        """Take what comes within some time to the store."""
        events = source.read(seconds)
        self._store.ingest(events, source.now_ns())
        while len(samples := source.sampled()):
            self._store.ingest_samples(samples, source.now_ns())

    def _tell(self, callback: Callable[..., object], *values: object) -> None:
        """Call something in the screen's thread, unless the end has come."""
        if not get_current_worker().is_cancelled:
            self.call_from_thread(callback, *values)


def run(open_source: Callable[[], Source], history_memory: int) -> int:
    """Run the dashboard until somebody quits; gives the exit code.

    `open_source` is called in another thread, once there is a screen.

    Raises:
        TcctuiError: the source can't be opened.

    """
    app = TcctuiApp(open_source, Store(history_memory))
    try:
        app.run()
    finally:
        if app.source is not None:
            app.source.close()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0
