"""The list of former searches."""

from __future__ import annotations

from tcctui.config.searches import MOST, Searches


def test_older_and_newer_come_back_to_what_was_typed() -> None:
    """Up goes through searches from the newest on, down comes back to the draft in the end."""
    searches = Searches(["a", "b", "c"])
    assert [searches.older("draft") for _ in range(4)] == ["c", "b", "a", None]
    assert [searches.newer() for _ in range(4)] == ["b", "c", "draft", None]


def test_a_search_that_is_made_again_is_the_newest() -> None:
    """There is no search twice, and blank ones are none."""
    searches = Searches(["a", "b", "c"])
    assert searches.remember(" a ")
    assert not searches.remember("a")
    assert not searches.remember("  ")
    assert searches.listed == ("b", "c", "a")
    assert searches.older("a") == "c"


def test_the_oldest_ones_are_forgotten() -> None:
    """There are never more than so many, however many there were in the file."""
    searches = Searches(map(str, range(MOST + 50)))
    assert len(searches.listed) == MOST
    searches.remember("x")
    assert len(searches.listed) == MOST
    assert searches.listed[-1] == "x"


def test_all_are_kept_each_time() -> None:
    """What keeps them gets the whole list."""
    kept: list[list[str]] = []
    searches = Searches(["a"], kept.append)
    searches.remember("b")
    searches.keep()
    assert kept == [["a", "b"]]
