"""An application at rest: its keys are dealt with, and what they changed is painted.

Nothing here goes by time, or by how busy the machine is: an event loop that would wait has dealt
with every message, and a screen says itself if it has something to paint. Not so Textual's own
`Pilot`: its `press`, `click`, `hover` and `pause` wait until the process has used next to no CPU
time for 20 ms, or for a second, which beside a busy thread is two seconds for each key. Tests press
and click with `Desk`.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

from textual.app import App
from textual.events import Resize
from textual.geometry import Size
from textual.pilot import Pilot

from tcctui.ui.app.host_screen import READING
from tcctui.ui.app.typed_ahead import TypedAhead

_AGAIN = 0.01
"""Seconds until it is asked again for keys that wait for something that never comes."""


class _Selector(selectors.DefaultSelector):
    """Resolves futures when its event loop has nothing left to do but wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[asyncio.Future[None]] = []

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait as asked, unless a future is to know that there is nothing else to do."""
        if not self.waiting or (timeout is not None and timeout <= 0):
            return super().select(timeout)
        found = super().select(0)  # another thread may have called just now
        if not found:
            waiting, self.waiting = self.waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)
        return found


class Loop(asyncio.SelectorEventLoop):
    """An event loop that can be waited for."""

    def __init__(self) -> None:
        self._asked = _Selector()
        super().__init__(self._asked)

    async def would_wait(self) -> None:
        """Wait until each task waits for a time, a thread or a file, and none for another one."""
        future = self.create_future()
        self._asked.waiting.append(future)
        await future


class LoopPolicy(asyncio.DefaultEventLoopPolicy):
    """Has every event loop be one that can be waited for."""

    def new_event_loop(self) -> Loop:
        """Make one."""
        return Loop()


async def would_wait() -> None:
    """Wait until each task waits for a time, a thread or a file; nothing is woken for it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    await loop.would_wait()


async def at_rest(app: App[Any]) -> None:
    """Wait until an application has nothing left to do; what threads of its own do is no part.

    Done are then all keys and messages, all workers but those that read for as long as the
    application or a host's screen runs, and all animations. The last frame of the topmost screen is
    painted.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    while True:
        await loop.would_wait()
        if app.return_code is not None:
            return
        workers = [
            one
            for one in app.workers
            if one.node is not app and one.group != READING and not one.is_finished
        ]
        await asyncio.gather(*(one.wait() for one in workers), return_exceptions=True)
        await app.animator.wait_until_complete()
        await loop.would_wait()  # what these have left is handled before a frame is asked for
        if not await _paints(app, loop) and not workers:
            if not (isinstance(app, TypedAhead) and app.has_keys):
                return
            await asyncio.sleep(_AGAIN)


async def resized(pilot: Pilot[Any], width: int, height: int) -> None:
    """Give the terminal another size, and wait until all has its place in it."""
    size = Size(width, height)
    pilot.app.post_message(Resize(size, size))
    while pilot.app.screen.outer_size != size:  # its `size` is that of the terminal at once
        await asyncio.sleep(_AGAIN)  # Textual takes its time with sizes, as many may come in a row
    await at_rest(pilot.app)


async def _paints(app: App[Any], loop: Loop) -> bool:
    """Paint the frame that a screen at rest has due, which the tests' clock never does; else False.

    What is to be called after a refresh is called at once by a screen that has nothing to paint.
    """
    called = asyncio.Event()
    if not app.screen_stack or not app.screen.call_after_refresh(called.set):
        return False
    await loop.would_wait()
    if called.is_set() or app.return_code is not None:
        return False
    await Pilot(app).pause(0)  # paints
    return True
