"""Input of a terminal: its bytes as messages. Bytes that are neither text nor a known sequence go.

Textual's own parser takes an unknown sequence for keys, waits for the rest of a mouse report among
the keys after it, and stops for good at a number that is too large. So sequences are told apart
here, by ECMA-48, 5.4 and 5.6, and Textual is asked for the names of keys alone.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator

from textual import events, messages
from textual._keyboard_protocol import FUNCTIONAL_KEYS
from textual._xterm_parser import FOCUSIN, FOCUSOUT, XTermParser
from textual.keys import Keys
from textual.message import Message

LONGEST_PASTE = 1 << 20
"""Bytes that are kept of a paste."""

_LONGEST_SEQUENCE = 1 << 12
"""Bytes of a sequence without an end that are kept: nothing of such a long one is used."""

_PASTE_ENDS = 10
"""Pauses after which a paste without an end is over, as otherwise no key would be one any more."""

_WHOLE = re.compile(
    rb"(?P<rxvt>\x1b\[\d+\$)"  # with Shift
    rb"|(?P<dropped>\x1b\[M[\x00-\xff]{3}"  # a mouse report as X10 made them, which is no UTF-8
    rb"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, DCS, SOS, PM and APC: strings
    rb"|\x1b[\]PX^_][^\x07\x1b]+(?=\x1b)"
    rb"|\x1b(?:O|\[[0-?]*[ -/]*)(?=[^ -~]))"  # broken off
    rb"|(?P<paste>\x1b\[200~)"
    rb"|(?P<sequence>\x1b\[\[[A-E]"  # F1 to F5 of Linux's console
    rb"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    rb"|\x1bO[ -~])"  # SS3
    rb"|\x1b(?P<alt>[\x00-\x1a\x1c-\x7f]|[\xc2-\xf4][\x80-\xbf]{1,3})"
    rb"|(?P<escape>\x1b)"
    rb"|(?P<text>[^\x1b]+)"
)
_BEGUN = re.compile(
    rb"\x1b(?:O|\[(?:M[\x00-\xff]{0,2}|\[|(?!\d+\$)[0-?]*[ -/]*)|[\]PX^_][^\x07\x1b]*\x1b?"
    rb"|[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})?\Z"
)
_PASTED = b"\x1b[201~"
_MOUSE = re.compile(r"\x1b\[<\d{1,4};\d{1,4};\d{1,4}[Mm]")  # SGR
_NUMBERED = re.compile(r"\x1b\[(\d+)[\d:;]*([~A-Z])")
_SYNCHRONIZED = re.compile(r"\x1b\[\?2026;[1-4]\$y")  # DECRPM: the terminal knows the mode


class TerminalInput:
    """Takes bytes in whatever pieces they come, and gives the messages that they stand for."""

    def __init__(self) -> None:
        self._names = XTermParser()
        self._decode = getincrementaldecoder("utf-8")("ignore").decode
        self._rest = b""
        self._pasting = False
        self._pauses = 0

    def feed(self, data: bytes) -> Iterator[Message]:
        """Give the messages for all that is complete."""
        self._pauses = 0
        self._rest += data
        while self._rest:
            if self._pasting:
                if _PASTED not in self._rest:
                    self._cut(LONGEST_PASTE)
                    return
                text, _, self._rest = self._rest.partition(_PASTED)
                yield self._pasted(text)
                continue
            found = None if _BEGUN.match(self._rest) else _WHOLE.match(self._rest)
            if found is None:
                self._cut(_LONGEST_SEQUENCE)
                return
            self._rest = self._rest[found.end() :]
            yield from self._messages(found)

    @property
    def waits(self) -> bool:
        """True while the rest of something is to come, or nothing, which ends it."""
        return bool(self._rest) or self._pasting

    def pause(self) -> Iterator[Message]:
        """Give the messages for what has begun: for ESCDELAY nothing has come."""
        self._pauses += 1
        if self._pasting:
            if self._pauses < _PASTE_ENDS:
                return
            text, self._rest = self._rest, b""
            yield self._pasted(text)
        elif self._rest:
            begun, self._rest = self._rest, b""
            if begun == b"\x1b":
                yield events.Key("escape", "\x1b")
            elif len(begun) == len("\x1b["):  # Alt and a character that begins sequences, too
                yield from self._keys(begun[1:].decode("ascii", "ignore"), alt=True)

    def _cut(self, length: int) -> None:
        """Forget what follows a beginning, but for what may be part of an end."""
        if len(self._rest) > length:
            begun = self._rest[:length] if self._pasting else self._rest[:2] + b"?"  # no key's
            self._rest = begun + self._rest[1 - len(_PASTED) :]

    def _pasted(self, text: bytes) -> events.Paste:
        self._pasting = False
        return events.Paste(text[:LONGEST_PASTE].decode("utf-8", "ignore").replace("\0", ""))

    def _messages(self, found: re.Match[bytes]) -> Iterable[Message]:
        match found.lastgroup:
            case "text":
                return self._text(self._decode(found[0]))
            case "escape":
                return [events.Key("escape", "\x1b")]
            case "alt":
                return self._keys(found["alt"].decode("utf-8", "ignore"), alt=True)
            case "sequence" | "rxvt":
                return self._sequence(found[0].decode("ascii"))
            case "paste":
                self._pasting = True
        return ()

    def _text(self, text: str) -> Iterator[Message]:
        for character in text:
            yield from self._keys(character)

    def _sequence(self, sequence: str) -> Iterable[Message]:
        if sequence == FOCUSIN:
            return [events.AppFocus()]
        if sequence == FOCUSOUT:
            return [events.AppBlur()]
        if _SYNCHRONIZED.fullmatch(sequence):
            return [messages.TerminalSupportsSynchronizedOutput()]
        if _MOUSE.fullmatch(sequence):
            event = self._names.parse_mouse_code(sequence)
            return [] if event is None else [event]
        number = _NUMBERED.fullmatch(sequence)
        if number and number[1] + number[2] not in FUNCTIONAL_KEYS:
            return []  # Textual takes the number for a character's
        return self._keys(sequence)

    def _keys(self, sequence: str, *, alt: bool = False) -> list[Message]:
        """Keys of a character or a sequence; none if it has numbers that no key has."""
        try:
            keys = [*self._names._sequence_to_key_events(sequence, alt=alt)]
            for key in keys:
                (key.character or "").encode()  # no surrogates
        except (ValueError, OverflowError):
            return []
        return [key for key in keys if key.key != Keys.Ignore and key.key.isprintable()]
