"""Garbage is looked for where no key waits: it stops all threads."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from tcctui import memory, right_of_way

NEW = 30_000
"""Objects of a dialog, and some more."""


@pytest.fixture
def looks() -> Iterator[list[int]]:
    """Generations that are looked at, each time; none by itself."""
    found: list[int] = []

    def note(phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            found.append(info["generation"])

    gc.collect()
    gc.disable()
    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)
    gc.enable()


def test_no_garbage_is_looked_for_while_a_key_is_not_painted(looks: list[int]) -> None:
    """However much there may be."""
    right_of_way.take()
    kept: list[list[int]] = [[] for _ in range(NEW)]
    memory.tidy(right_of_way.rest())
    assert not looks
    right_of_way.give_back()
    memory.tidy(right_of_way.rest())
    assert looks == [1]
    del kept


def test_all_objects_are_looked_at_where_nobody_types(looks: list[int]) -> None:
    """That takes longest: not right behind a key, and not for a few new objects."""
    kept: list[list[int]] = []
    for _ in range(5):
        kept += [[] for _ in range(NEW)]
        memory.tidy(0.1)
    assert looks == [1] * 5
    memory.tidy(0.1)
    memory.tidy(5.0)
    assert looks == [1] * 5 + [2]
    memory.tidy(5.0)
    assert len(looks) == 6
    del kept
