"""Several words searched for at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.arrays import Array, Mask
from tcctui.query import word_search
from tcctui.query.word_search import lines_with, search
from tests.unit.query_model import matches

LETTERS = st.text("ab.", max_size=7).map(str.encode)
WORDS = st.lists(LETTERS.filter(bool), min_size=1, max_size=6, unique=True)


@given(st.lists(LETTERS, min_size=1, max_size=8), WORDS, st.sampled_from([1, 10, 1 << 20]))
def test_lines_with_a_word_are_those_that_python_finds_it_in(
    lines: list[bytes], words: list[bytes], piece: int
) -> None:
    """Words of any length, over pieces of any size, and never from one line on to the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word_search, "_PIECE", piece)
        found = lines_with(np.array(lines, "S"), tuple(words)).tolist()
    assert found == [any(word in line for word in words) for line in lines]


@given(st.lists(st.tuples(st.integers(0, 1), WORDS), max_size=20), st.lists(LETTERS, min_size=1))
def test_searches_in_a_row_find_what_each_finds_alone(
    searches: list[tuple[int, list[bytes]]], lines: list[bytes]
) -> None:
    """What is kept of earlier searches of the same lines changes no result, nor do other lines."""
    columns = [np.array(lines, "S9"), np.array(lines[::-1], "S9")]
    for column in columns:
        column.flags.writeable = False
    for which, words in searches:
        found = lines_with(columns[which], tuple(words)).tolist()
        assert found == [any(word in line for word in words) for line in columns[which].tolist()]


def test_a_letter_more_searches_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A longer word is searched for in the lines with the shorter one, a former one in none."""
    lines = np.array([b"ab", b"ac", b"bc", b"b", b"c", b"b"])
    lines.flags.writeable = False
    searched: list[int] = []

    def noted(lines: Array, words: tuple[bytes, ...]) -> Mask:
        searched.append(len(lines))
        return search(lines, words)

    monkeypatch.setattr(word_search, "search", noted)
    for word, found in ((b"a", 2), (b"ab", 1), (b"a", 2), (b"bc", 1)):
        assert np.count_nonzero(lines_with(lines, (word,))) == found
    assert searched == [6, 2, 6]


def test_words_joined_by_or_are_one_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """All words of alternatives are searched for at once, also in brackets; no negated one."""
    asked: list[tuple[bytes, ...]] = []

    def noted(lines: Array, words: tuple[bytes, ...]) -> Mask:
        asked.append(words)
        return lines_with(lines, words)

    monkeypatch.setattr("tcctui.query.text_terms.lines_with", noted)
    rows = [{"text": f"10.{host}.0.1:80"} for host in (7, 8, 9, 6)]
    assert matches("(10.7. or 10.8.) or -10. or 10.9.", *rows) == [True, True, True, False]
    assert sorted(map(len, asked)) == [1, 3]
