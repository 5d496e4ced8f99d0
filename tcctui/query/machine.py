"""Patterns as machines that take one step per letter, for all rows at the same time.

What is regular in the strict sense (no references, no looking around) needs no going back: the
machine is worked out once, and 100,000 rows then take as long for any pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.query.evaluation import Mask

_MOST_STATES = 250
_MOST_PLACES = 600
_MOST_WORK = 200_000  # steps looked at while it is made: 50 ms
_PIECE = 1 << 14

_ALL = frozenset(range(1, 128)) - {10}
_DIGITS = frozenset(b"0123456789")
_WORDS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_SPACES = frozenset(b" \t\r\f\v")
_SETS = {
    **{"d": _DIGITS, "w": _WORDS, "s": _SPACES},
    **{"D": _ALL - _DIGITS, "W": _ALL - _WORDS, "S": _ALL - _SPACES},
}
_REPEAT = re.compile(r"\{([0-9]{1,3})(,?)([0-9]{0,3})\}")
_END = 0
"""The letter behind the end of each line: numpy fills lines up with it."""


class IrregularError(Exception):
    """A pattern that is not regular in the strict sense, or would need too large a machine."""


@dataclass
class _Places:
    """Places of a machine that can be at several of them: steps by letters, steps by themselves."""

    by: list[tuple[frozenset[int], int] | None] = field(default_factory=list)
    free: list[list[int]] = field(default_factory=list)

    def new(self) -> int:
        if len(self.by) >= _MOST_PLACES:
            raise IrregularError
        self.by.append(None)
        self.free.append([])
        return len(self.by) - 1

    def reached(self, places: frozenset[int]) -> frozenset[int]:
        """These, and where they lead without a letter."""
        seen, waiting = set(places), [*places]
        while waiting:
            for following in self.free[waiting.pop()]:
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
        return frozenset(seen)


class _Reader:
    """Reads a pattern into places; each part begins at one and ends at another."""

    def __init__(self, pattern: str, places: _Places) -> None:
        self._pattern, self._places = pattern, places
        self._at = self._depth = 0

    def whole(self) -> tuple[int, int]:
        part = self._either()
        if self._at < len(self._pattern):
            raise IrregularError
        return part

    def _take(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _either(self) -> tuple[int, int]:
        begin, end = self._places.new(), self._places.new()
        while True:
            first, last = self._row()
            self._places.free[begin].append(first)
            self._places.free[last].append(end)
            if not self._take("|"):
                return begin, end

    def _row(self) -> tuple[int, int]:
        begin = end = self._places.new()
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            first, last = self._repeated()
            self._places.free[end].append(first)
            end = last
        return begin, end

    def _repeated(self) -> tuple[int, int]:
        start = self._at
        part = self._atom()
        stop = self._at
        low, high = 1, 1
        if repeat := _REPEAT.match(self._pattern, self._at):
            low = int(repeat[1])
            high = int(repeat[3]) if repeat[3] else (-1 if repeat[2] else low)
            self._at = repeat.end()
        elif self._at < len(self._pattern) and self._pattern[self._at] in "*+?":
            low, high = {"*": (0, -1), "+": (1, -1), "?": (0, 1)}[self._pattern[self._at]]
            self._at += 1
        else:
            return part
        if self._take("?"):
            pass  # as few as possible: what is found is the same
        if self._at < len(self._pattern) and self._pattern[self._at] in "*+?{":
            raise IrregularError
        end = self._at
        parts = [part, *(self._again(start, stop) for _ in range(max(low, high, 1) - 1))]
        self._at = end
        return self._chained(parts, low, high)

    def _again(self, start: int, stop: int) -> tuple[int, int]:
        self._at = start
        part = self._atom()
        assert self._at == stop
        return part

    def _chained(self, parts: list[tuple[int, int]], low: int, high: int) -> tuple[int, int]:
        free = self._places.free
        begin, end = self._places.new(), self._places.new()
        at = begin
        for number, (first, last) in enumerate(parts):
            if number >= low:
                free[at].append(end)
            free[at].append(first)
            at = last
        free[at].append(end)
        if high < 0:
            free[parts[-1][1]].append(parts[-1][0])
        if high == 0:
            free[begin] = [end]
        return begin, end

    def _atom(self) -> tuple[int, int]:
        if self._take("("):
            self._depth += 1
            if self._depth > 30 or (self._take("?") and not self._take(":")):
                raise IrregularError
            part = self._either()
            if not self._take(")"):
                raise IrregularError
            self._depth -= 1
            return part
        begin, end = self._places.new(), self._places.new()
        if self._take("^"):
            # Only where nothing was read: there is no letter before a line, so it is a mark.
            raise IrregularError
        self._places.by[begin] = (self._letters(), end)
        return begin, end

    def _letters(self) -> frozenset[int]:
        char = self._pattern[self._at]
        self._at += 1
        if char == ".":
            return _ALL
        if char == "$":
            return frozenset({_END})
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escaped()
        if char in "{}*+?])" or not 0 < ord(char) < 128 or char == "\n":
            raise IrregularError
        return _either_case(char)

    def _escaped(self) -> frozenset[int]:
        if self._at >= len(self._pattern):
            raise IrregularError
        char = self._pattern[self._at]
        self._at += 1
        if char in _SETS:
            return _SETS[char]
        if char.isalnum() or not 0 < ord(char) < 128 or char == "\n":
            raise IrregularError
        return frozenset({ord(char)})

    def _class(self) -> frozenset[int]:
        opposite = self._take("^")
        letters: set[int] = set()
        empty = True
        while not self._take("]"):
            if self._at >= len(self._pattern) or (empty and self._pattern[self._at] == "]"):
                raise IrregularError
            empty = False
            char = self._pattern[self._at]
            if char == "[" or self._pattern[self._at : self._at + 2] in ("--", "&&", "||", "~~"):
                raise IrregularError
            self._at += 1
            one = self._escaped() if char == "\\" else frozenset({ord(char)})
            following = self._pattern[self._at : self._at + 2]
            if len(following) == 2 and following[0] == "-" and following[1] != "]":
                if following[1] in "\\[" or len(one) != 1:
                    raise IrregularError
                self._at += 2
                one = frozenset(range(min(one), ord(following[1]) + 1))
            if not one <= _ALL:
                raise IrregularError
            letters |= one
        cased = frozenset().union(*(_either_case(chr(one)) for one in letters))
        return _ALL - cased if opposite else cased


def _alike(sets: set[frozenset[int]]) -> list[list[int]]:
    """Letters by the sets that they are in, those in the same ones together."""
    ordered = list(sets)
    together: dict[tuple[bool, ...], list[int]] = {}
    for letter in (_END, *sorted(_ALL)):
        together.setdefault(tuple(letter in one for one in ordered), []).append(letter)
    return list(together.values())


def _either_case(char: str) -> frozenset[int]:
    return frozenset({ord(char.lower()), ord(char.upper())})


class Machine:
    """Finds a pattern in lines of ASCII, in either case.

    Raises IrregularError if the pattern needs more than a machine.
    """

    def __init__(self, pattern: str) -> None:
        anchored = pattern.startswith("^")
        if anchored and "|" in pattern:
            raise IrregularError  # it may be of the first of several only
        places = _Places()
        begin, end = _Reader(pattern[1:] if anchored else pattern, places).whole()
        if not anchored:
            places.by[begin] = (_ALL | {_END}, begin)
        self._ends = max(1, pattern.count("$"))  # each of them reads one
        self._steps, self._found = self._states(places, begin, end)

    def _states(self, places: _Places, begin: int, end: int) -> tuple[npt.NDArray[Any], int]:
        """Give the step from every state with every letter; what has found it stays found."""
        start = places.reached(frozenset({begin}))
        numbers = {start: 0}
        waiting = [start]
        alike = _alike({step[0] for step in places.by if step is not None})
        work = 0
        rows: list[npt.NDArray[np.int32]] = []
        for here in waiting:
            row = np.zeros(128, np.int32)
            steps = [step for place in here if (step := places.by[place]) is not None]
            if end not in here:
                known: dict[frozenset[int], int] = {}
                work += len(alike) * len(steps)
                if work > _MOST_WORK:
                    raise IrregularError
                for same in alike:
                    led = frozenset(place for letters, place in steps if same[0] in letters)
                    if led not in known:
                        following = places.reached(led)
                        if end in following:
                            following = frozenset({end})
                        if following not in numbers:
                            numbers[following] = len(numbers)
                            waiting.append(following)
                            if len(numbers) > _MOST_STATES:
                                raise IrregularError
                        known[led] = numbers[following]
                    row[same] = known[led]
            else:
                row[:] = numbers[here]
            rows.append(row)
        return self._small(np.array(rows)), next(
            (number for here, number in numbers.items() if end in here), -1
        )

    def _small(self, steps: npt.NDArray[np.int32]) -> npt.NDArray[np.uint16]:
        """Letters between which no state tells a difference are one."""
        kinds, letter = np.unique(steps, axis=1, return_inverse=True)
        self._shift = max(1, (kinds.shape[1] - 1).bit_length())
        self._letter = np.zeros(256, np.uint16)
        self._letter[:128] = letter.reshape(-1)
        table = np.zeros((len(steps), 1 << self._shift), np.uint16)
        table[:, : kinds.shape[1]] = kinds << self._shift
        return table.reshape(-1)

    def among(self, lines: npt.NDArray[Any]) -> Mask:
        """Say in which lines it is found."""
        width = lines.itemsize
        letters = np.ascontiguousarray(lines).view(np.uint8).reshape(len(lines), width)
        found = np.zeros(len(lines), np.bool_)
        for at in range(0, len(lines), _PIECE):
            columns = self._letter.take(np.ascontiguousarray(letters[at : at + _PIECE].T))
            state = np.zeros(columns.shape[1], np.uint16)
            for column in columns:
                state |= column
                state = self._steps.take(state)
            for _ in range(self._ends):  # of the longest lines
                state = self._steps.take(state | self._letter[_END])
            found[at : at + _PIECE] = state == self._found << self._shift
        return found
