"""The application: terminal, reading thread, and exit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tcctui.flows.store import HISTORY_MEMORY, Store
from tcctui.recording.timeline import Origin, Timeline, WallClock
from tcctui.rewind.moment import Moment
from tcctui.source import Source
from tcctui.ui.app.dashboard_app import DashboardApp, Shown
from tcctui.ui.app.reading import REWIND_MEMORY, Keep, Reading, Save, unknown_origin
from tcctui.ui.style.legible import plain
from tcctui.ui.time.rewinder import Rewindable
from tcctui.ui.view import CurrentView

if TYPE_CHECKING:
    from typing_extensions import Unpack


class LiveOptions(Shown, total=False):
    """Options of a live screen, see `run`."""

    save: Save | None
    keep: Keep | None
    live_origin: Callable[[Source], Origin]
    clocks: Callable[[Source], tuple[int, int]] | None


class ReplayApp(DashboardApp):
    """Plays a recording, or any other timeline."""

    def __init__(
        self,
        timeline: Timeline,
        *,
        others: Sequence[Timeline] = (),
        remark: str = "",
        speed: float = 1.0,
        at_ns: int | None = None,
        loop: bool = False,
        **shown: Unpack[Shown],
    ) -> None:
        moment = Moment(timeline)
        super().__init__(CurrentView(None, moment), **shown)
        from tcctui.rewind.recorded_seconds import RecordedSeconds  # noqa: PLC0415 - not live

        seconds = RecordedSeconds(timeline)
        self._past = Rewindable(
            moment,
            lambda: timeline.span,
            WallClock(timeline.origin.wall_offset_ns),
            seconds=seconds,
            close=seconds.close,
            recordings=(timeline, *others),
        )
        self._remark = remark
        self._how = (at_ns, speed, loop)

    def begin(self) -> None:
        """Play."""
        self.dashboard.replay(self._past, self._remark, *self._how)


class TcctuiApp(DashboardApp):
    """Reads events in a thread of its own; the screen pulls from the store."""

    def __init__(
        self,
        open_source: Callable[[], Source],
        store: Store,
        *,
        log_memory: int = REWIND_MEMORY - HISTORY_MEMORY,
        save: Save | None = None,
        keep: Keep | None = None,
        live_origin: Callable[[Source], Origin] = unknown_origin,
        clocks: Callable[[Source], tuple[int, int]] | None = None,
        **shown: Unpack[Shown],
    ) -> None:
        super().__init__(CurrentView(store), **shown)
        self.reading = Reading(
            *(self, self.dashboard, open_source, store),
            failed=lambda _: self.exit(),
            log_memory=log_memory,
            save=save,
            keep=keep,
            live_origin=live_origin,
            clocks=clocks,
        )
        """Reader of the source."""

    def on_load(self) -> None:
        """Start reading: the screen is made meanwhile."""
        self.run_worker(self.reading.collect, thread=True, exit_on_error=False)

    def begin(self) -> None:
        """Take what there is to tell."""
        self.reading.screen_there.set()


def run(
    open_source: Callable[[], Source],
    history_memory: int,
    *,
    rewind_memory: int = REWIND_MEMORY,
    **options: Unpack[LiveOptions],
) -> int:
    """Run the dashboard until the user quits; gives the exit code.

    `open_source` is called in another thread, before there is a screen. `rewind_memory` is the
    budget for all of the past in bytes, with the `history_memory` of the store in it. `save` writes
    the log of the last minutes to a file on request; `keep` makes the recorder for the source's
    origin, which is called with each complete chunk, the last one after the screen has ended. If
    the source ended without an advice, the reason is repeated on standard error. Only what matches
    `base_query` is shown, whatever the search. `clocks` reads the source's clock and that
    of the day, which are moved apart where the machine sleeps or its clock is set.

    Raises:
        TcctuiError: the source can't be opened, or broke off, or the end could not be recorded.

    """
    log_memory = max(0, rewind_memory - history_memory)
    app = TcctuiApp(open_source, Store(history_memory), log_memory=log_memory, **options)
    reading = app.reading
    try:
        app.run()
        reading.sample_last()
    finally:
        failure = reading.close()
    failure = reading.failure or failure
    if failure is not None:
        raise failure
    if reading.end is not None and reading.end.mend:
        raise reading.end
    if reading.end is not None:
        print(plain(str(reading.end)), file=sys.stderr)
    return app.status


def play(
    timeline: Timeline,
    *,
    others: Sequence[Timeline] = (),
    remark: str = "",
    speed: float = 1.0,
    at_ns: int | None = None,
    loop: bool = False,
    **shown: Unpack[Shown],
) -> int:
    """Play a recording until the user quits; gives the exit code.

    `remark` describes missing parts; `speed` is a factor, infinite for the maximum; `at_ns` the
    moment to begin with. With `loop` it restarts at its end. Only what matches `base_query` is
    shown. `others` are recordings of other machines, for the other ends of connections.
    """
    app = ReplayApp(
        timeline, others=others, remark=remark, speed=speed, at_ns=at_ns, loop=loop, **shown
    )
    app.run()
    return app.status
