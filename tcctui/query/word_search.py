"""Search of many lines for any of several words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from tcctui.arrays import Array, Mask

_FEW = 2
"""Words that are searched for one after the other in less time than all together."""

_PIECE = 1 << 20
"""Bytes of lines that are searched at a time, so that what is needed in between stays small."""


_KEPT = 8
"""Searches of the same lines whose results are kept: letters that were typed, and may be again."""


class _Searched(NamedTuple):
    """Lines that nobody writes to, and the mask of those with any of some words."""

    lines: Array
    found: dict[tuple[bytes, ...], Mask]


_last = _Searched(np.empty(0, "S1"), {})


def lines_with(lines: Array, words: tuple[bytes, ...]) -> Mask:
    """Mask of the lines, shape (n,) of bytes, with any of the words; not to be written to.

    A word has one letter or more. Of the last lines that nobody writes to, results are kept: with a
    letter more, only the lines found before are searched.
    """
    global _last  # noqa: PLW0603 - whatever asks, a frame or an alert: its lines are the same
    if lines.flags.writeable:
        return search(lines, words)
    last = _last
    if last.lines is not lines:
        last = _last = _Searched(lines, {})
    found = last.found.get(words)
    if found is None:
        found = _narrowed(lines, words, dict(last.found))
        found.flags.writeable = False
        if len(last.found) >= _KEPT:
            last.found.clear()
        last.found[words] = found
    return found


def _narrowed(
    lines: Array, words: tuple[bytes, ...], before: Mapping[tuple[bytes, ...], Mask]
) -> Mask:
    """Search the fewest lines in which parts of the words were found before."""
    parts = [
        mask
        for others, mask in before.items()
        if all(any(other in word for other in others) for word in words)
    ]
    counts = [np.count_nonzero(mask) for mask in parts]
    if not parts or min(counts) > len(lines) // 2:
        return search(lines, words)
    rows = np.flatnonzero(parts[counts.index(min(counts))])
    found = np.zeros(len(lines), np.bool_)
    found[rows] = search(lines[rows], words)
    return found


def search(lines: Array, words: Collection[bytes]) -> Mask:
    """Mask of the lines with any of the words.

    100,000 lines take 5 ms a word one after the other, and 25 words together as long as five.
    """
    found = np.zeros(len(lines), np.bool_)
    if len(words) <= _FEW:
        for word in words:
            found |= np.char.find(lines, word) >= 0
        return found
    begins, goes_on = _letter_pairs(words, 0), _letter_pairs(words, 2)
    step = max(1, _PIECE // lines.itemsize)
    for at in range(0, len(lines), step):
        found[at : at + step] = _piece_with(lines[at : at + step], words, begins, goes_on)
    return found


def _piece_with(lines: Array, words: Collection[bytes], begins: Mask, goes_on: Mask) -> Mask:
    """Find places where the first four letters may be those of a word, then compare these."""
    width = lines.itemsize
    letters = np.zeros(lines.nbytes // 2 * 2 + 6, np.uint8)  # there are letters behind the last one
    letters[: lines.nbytes] = np.ascontiguousarray(lines).view(np.uint8)
    maybe = []
    for odd in (0, 1):
        pairs = letters[odd : len(letters) - 2 + odd].view("<u2")
        places = np.flatnonzero(begins[pairs[:-1]])
        maybe.append(places[goes_on[pairs[places + 1]]] * 2 + odd)
    places = np.concatenate(maybe)
    found = np.zeros(len(lines), np.bool_)
    for word in words:
        there = places
        for at, letter in enumerate(word):
            there = there[letters[there + at] == letter]
            if not at:  # a word may not go over from one line to the next
                there = there[there % width <= width - len(word)]
        found[there // width] = True
    return found


def _letter_pairs(words: Collection[bytes], at: int) -> Mask:
    """Mask of the pairs of letters, as little-endian numbers, that a word may have at a place."""
    possible = np.zeros((256, 256), np.bool_)
    for word in words:
        first, second = word[at : at + 1], word[at + 1 : at + 2]
        possible[second[0] if second else slice(None), first[0] if first else slice(None)] = True
    return possible.reshape(-1)
