"""The names and values that settings may have, as those know them who use them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType


def _nothing() -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({})


def _right(_: str) -> str:
    return ""


@dataclass(frozen=True)
class Choices:
    """What there is: names of themes, of columns, of groups, and of actions with their usual keys.

    What is empty is not checked. `key` gives a key's own name, such as `question_mark` for `?`,
    and empty text for what is none; `fault` says what is wrong with a query, in a sentence.
    `elsewhere` has keys that are taken, and can't be changed, by what they do. `typing` are the
    actions of a box that is typed into: there, keys may do something else than beside it.
    """

    themes: Collection[str] = ()
    columns: Collection[str] = ()
    groups: Collection[str] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=_nothing)
    key: Callable[[str], str] = str
    fault: Callable[[str], str] = _right
    elsewhere: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    typing: Collection[str] = ()


def nearest(name: str, names: Collection[str]) -> str:
    """Give a question after the name that was meant, with a blank before it, if one is near."""
    close = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""
