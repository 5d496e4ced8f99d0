"""Words in the lines of all rows: few of them one by one, many in one go."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.query.evaluation import Evaluation, Mask

_FEW = 3
"""Up to so many words it is quicker to look for each of them."""

_PIECE = 1 << 14
"""Rows that are read at a time: what is needed for them stays in the processor's cache."""

_BITS = 64


def folded(text: str) -> bytes:
    """Give the form that is searched for: as in what is searched, which is lower-case bytes."""
    # NUL is what numpy fills texts up with; what is searched has neither that nor a line feed.
    return text.lower().replace("\0", "\n").encode(errors="surrogatepass")


def rows_with(look: Evaluation, word: bytes) -> Mask:
    """Say which lines of `text` have a word in them."""
    if len(look.words) <= _FEW:
        found: Mask = look.once(("word", word), lambda: np.char.find(look["text"], word) >= 0)
        return found
    words = tuple(sorted(look.words))
    part, bit = divmod(words.index(word), _BITS)
    some = words[part * _BITS : (part + 1) * _BITS]
    seen = look.once(("words", part), lambda: _automaton(some).read(look["text"]))
    has: Mask = seen & np.uint64(1 << bit) != 0
    return has


@lru_cache(maxsize=8)
def _automaton(words: tuple[bytes, ...]) -> Automaton:
    return Automaton(words)


class Automaton:
    """Looks for up to 64 words at once, in one pass over each line.

    It is that of Aho and Corasick (Efficient string matching, CACM 18(6), 1975), in which each line
    has a state of its own and all take a step at the same time.
    """

    def __init__(self, words: tuple[bytes, ...]) -> None:
        letters = sorted(set(b"".join(words)))
        self._shift = len(letters).bit_length()
        self._letter = np.zeros(256, np.int32)  # 0 is any letter that no word has
        self._letter[letters] = np.arange(1, len(letters) + 1)
        trie: list[dict[int, int]] = [{}]
        ends = [0]
        for bit, word in enumerate(words):
            state = 0
            for letter in self._letter[list(word)].tolist():
                if letter not in trie[state]:
                    trie[state][letter] = len(trie)
                    trie.append({})
                    ends.append(0)
                state = trie[state][letter]
            ends[state] |= 1 << bit
        self._next, self._ends = self._completed(trie, ends)

    def _completed(
        self, trie: list[dict[int, int]], ends: list[int]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
        """Give the step from every state with every letter."""
        steps = np.zeros((len(trie), 1 << self._shift), np.int32)
        behind = [0] * len(trie)  # the state of the longest end that is a beginning as well
        waiting = deque([0])
        while waiting:
            state = waiting.popleft()
            if state:
                steps[state] = steps[behind[state]]
                ends[state] |= ends[behind[state]]
            for letter, following in trie[state].items():
                behind[following] = int(steps[state, letter]) if state else 0
                steps[state, letter] = following
                waiting.append(following)
        return steps.reshape(-1), np.array(ends, np.uint64)

    def read(self, lines: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
        """Say which words each line has: bit n is word n."""
        width = lines.itemsize
        letters = np.ascontiguousarray(lines).view(np.uint8).reshape(len(lines), width)
        seen = np.zeros(len(lines), np.uint64)
        for at in range(0, len(lines), _PIECE):
            part = seen[at : at + _PIECE]
            columns = self._letter.take(np.ascontiguousarray(letters[at : at + _PIECE].T))
            state = np.zeros(len(part), np.int32)
            for column in columns:
                state <<= self._shift
                state |= column
                state = self._next.take(state)
                part |= self._ends.take(state)
        return seen
