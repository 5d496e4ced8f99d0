"""Keys in turn: each is released when the previous one has been handled."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from textual import events
from textual.app import App
from textual.message import Message
from textual.message_pump import MessagePump
from textual.timer import Timer
from textual.widget import Widget

from tcctui import right_of_way

_PATIENCE, _BEATS = 1.0, 10
"""Seconds without a sign of a key after which the next key is released in any case, since the
focused widget may be gone; and the number of beats in which they pass. A program that is held up
misses beats: a slow consequence of a key is not a lost one.
"""

_HELD = frozenset(
    {
        *("up", "down", "left", "right", "shift+left", "shift+right", "shift+up", "shift+down"),
        *("pageup", "pagedown", "j", "k", "comma", "full_stop", "plus", "minus"),
        *("backspace", "delete"),
    }
)
"""Keys that repeat when held down: they may come faster than their effect is drawn. A repeated key
need not wait for the key before, since it takes the same route.
"""


class TypedAhead(App[None]):
    """Queue of keys: typing ahead is safe, however fast it is or slow the line.

    Textual dispatches all pending keys before the first of them is handled: those after one that
    opens or closes a dialog would go to the old focus, and those that the application handles
    itself would overtake letters that a box has yet to take in.

    So a message follows each key, from the focused widget up to the application: the key has been
    handled before it. Then, as long as the queue of any part of the screen is not empty, or a part
    has yet to be mounted, the message goes behind that. When all queues are empty, all consequences
    of the key are handled: as of one that submits a box, which picks from a list, which closes a
    dialog, which opens another.
    """

    @dataclass
    class Done(Message):
        """Reached the application from its widget: everything before it has been handled."""

        key: int

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Key | events.Paste] = deque()
        self._given_out = 1  # the start: what it mounts and focuses is done as if by a key
        self._done = 0
        self._awaiting: list[Callable[[], object]] = []
        self._last = ""
        self._patience: Timer | None = None
        self._beats = 0

    @property
    def has_keys(self) -> bool:
        """True while a key waits for its turn, or its consequences are not all handled."""
        return bool(self._typed) or self._done < self._given_out

    @property
    def waiting(self) -> int:
        """Keys and messages that wait for their turn; may be asked in any thread."""
        return len(self._typed) + self.message_queue_size

    def when_there(self, call: Callable[[], object]) -> None:
        """Call a function once all parts are there: at once, except during the start."""
        if self._done:
            call()
        else:
            self._awaiting.append(call)

    def on_mount(self) -> None:
        """Release what has been typed since the program was started, once all parts are there."""
        self._be_patient(self._given_out)
        self.post_message(self.Done(self._given_out))

    def on_unmount(self) -> None:
        """Give the way back: the last key is not painted, and the background is to end."""
        right_of_way.give_back()

    async def on_event(self, event: events.Event) -> None:
        """Queue a key until its turn."""
        if not isinstance(event, (events.Key, events.Paste)) or event.is_forwarded:
            await super().on_event(event)
            return
        right_of_way.take()
        self._typed.append(event)
        await self._give_out()

    async def _give_out(self) -> None:
        """Release the next key, and all its repeats if it is held down; none behind the end."""
        if self.return_code is not None:
            self._typed.clear()
        while self._typed and (self._done == self._given_out or self._repeats(self._typed[0])):
            event = self._typed.popleft()
            self._given_out += 1
            self._last = event.key if isinstance(event, events.Key) else ""
            self._be_patient(self._given_out)
            await super().on_event(event)
            target = self.focused or self.screen
            if not target.post_message(self.Done(self._given_out)):
                self.post_message(self.Done(self._given_out))

    def _repeats(self, event: events.Key | events.Paste) -> bool:
        return isinstance(event, events.Key) and event.key == self._last and event.key in _HELD

    async def on_typed_ahead_done(self, message: Done) -> None:
        """Release the next key, or go behind the messages that are left."""
        if message.key < self._given_out:
            return  # everything behind a later key is behind this one
        self._beats = 0
        if not any(part.post_message(self.Done(message.key)) for part in self._busy()):
            await self._end(message.key)

    def _busy(self) -> Iterator[MessagePump]:
        """Parts of the screen with messages left, or not mounted yet."""
        if self.message_queue_size:
            yield self
        for screen in reversed(self.screen_stack):
            for part in screen.walk_children(Widget, with_self=True):
                if part.message_queue_size or not part.is_mounted:
                    yield part

    async def _end(self, key: int) -> None:
        """Release the key behind this one, unless that was done."""
        if self._done < key == self._given_out:
            self._done = key
            self._stop_patience()
            while self._awaiting:
                self._awaiting.pop(0)()
            await self._give_out()
            if not self.has_keys:
                self.call_after_refresh(right_of_way.give_back)

    def _be_patient(self, key: int) -> None:
        self._stop_patience()
        self._beats = 0
        self._patience = self.set_interval(_PATIENCE / _BEATS, partial(self._beat, key))

    def _stop_patience(self) -> None:
        if self._patience is not None:
            self._patience.stop()

    def _beat(self, key: int) -> None:
        self._beats += 1
        if self._beats == _BEATS:
            self.call_later(self._end, key)
