"""Keys in turn: each is released when the previous one has been handled."""

from __future__ import annotations

from collections import deque
from functools import partial

from textual import events
from textual.app import App
from textual.message import Message
from textual.timer import Timer

_ROUNDS = 5
"""Round trips of a message from the focused widget up to the application after each key. One is
behind the key itself, one more behind its consequences, and one more behind theirs: as for a key
that submits a box, which picks from a list, which closes a dialog, which opens another.
"""

_PATIENCE = 1.0
"""Seconds after which the next key is released in any case: the focused widget may be gone."""

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
    """

    class Done(Message):
        """Reached the application from a key's widget: everything before it has been handled."""

        def __init__(self, key: int, rounds: int) -> None:
            super().__init__()
            self.key, self.rounds = key, rounds

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Key | events.Paste] = deque()
        self._given_out = 0
        self._done = 0
        self._last = ""
        self._patience: Timer | None = None

    async def on_event(self, event: events.Event) -> None:
        """Queue a key until its turn."""
        if not isinstance(event, (events.Key, events.Paste)) or event.is_forwarded:
            await super().on_event(event)
            return
        self._typed.append(event)
        await self._give_out()

    async def _give_out(self) -> None:
        """Release the next key, and all its repeats if it is held down."""
        while self._typed and (self._done == self._given_out or self._repeats(self._typed[0])):
            event = self._typed.popleft()
            self._given_out += 1
            self._last = event.key if isinstance(event, events.Key) else ""
            if self._patience is not None:
                self._patience.stop()
            self._patience = self.set_timer(_PATIENCE, partial(self._end, self._given_out))
            await super().on_event(event)
            self._follow(self._given_out, _ROUNDS)

    def _repeats(self, event: events.Key | events.Paste) -> bool:
        return isinstance(event, events.Key) and event.key == self._last and event.key in _HELD

    def _follow(self, key: int, rounds: int) -> None:
        target = self.focused or self.screen
        if not target.post_message(self.Done(key, rounds - 1)):
            self.call_later(self._end, key)

    async def on_typed_ahead_done(self, message: Done) -> None:
        """Release the next key, or start another round trip."""
        if message.key < self._given_out:
            return  # everything behind a later key is behind this one
        if message.rounds:
            self._follow(message.key, message.rounds)
        else:
            await self._end(message.key)

    async def _end(self, key: int) -> None:
        """Release the key behind this one, unless that was done."""
        if self._done < key == self._given_out:
            self._done = key
            if self._patience is not None:
                self._patience.stop()
            await self._give_out()
