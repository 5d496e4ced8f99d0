"""Keys in turn: each is given out when what the one before it did is done."""

from __future__ import annotations

from collections import deque
from functools import partial

from textual import events
from textual.app import App
from textual.message import Message
from textual.timer import Timer

_ROUNDS = 5
"""How often a message goes from what is typed into up to the application behind each key. Once is
behind the key itself; again, behind what the key gave rise to; again, behind what that did: as a
key that submits a box, which picks from a list, which closes a dialog, which opens another."""

_PATIENCE = 1.0
"""Seconds after which the next key is given out in any case: what was typed into may be gone."""

_HELD = frozenset(
    {
        *("up", "down", "left", "right", "shift+left", "shift+right", "shift+up", "shift+down"),
        *("pageup", "pagedown", "j", "k", "comma", "full_stop", "plus", "minus"),
        *("backspace", "delete"),
    }
)
"""Keys that somebody holds: they may come faster than what each does is drawn. One that only
repeats the key before need not wait for it, since it goes the same way."""


class TypedAhead(App[None]):
    """Lets nobody be too fast for it, nor a line too slow: many keys may come at once.

    Textual gives out all keys that have come before the first of them is dealt with: those behind
    one that opens a dialog, or leaves one, would go to where the focus was before, and those that
    the application itself acts on would overtake letters that a box has yet to take in.
    """

    class Done(Message):
        """Has come to the application from where a key was sent: so has all that was before it."""

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
        """Keep what is typed until it is its turn."""
        if not isinstance(event, (events.Key, events.Paste)) or event.is_forwarded:
            await super().on_event(event)
            return
        self._typed.append(event)
        await self._give_out()

    async def _give_out(self) -> None:
        """Give out what has its turn: a key, and where it is held, all that repeat it."""
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
        """Go on, or go round once more."""
        if message.key < self._given_out:
            return  # what is behind a later key is behind this one
        if message.rounds:
            self._follow(message.key, message.rounds)
        else:
            await self._end(message.key)

    async def _end(self, key: int) -> None:
        """Give out the key behind this one, unless that was done."""
        if self._done < key == self._given_out:
            self._done = key
            if self._patience is not None:
                self._patience.stop()
            await self._give_out()
