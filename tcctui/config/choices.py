"""Names and values allowed in settings, as defined by the modules that use them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches


@dataclass(frozen=True)
class Choices:
    """Valid names: themes, columns, groups, and actions with their usual keys.

    An empty collection is not checked. `key` gives a key's own name, such as `question_mark` for
    `?`, and empty text for an invalid one; `fault` describes a query's mistake in a sentence.
    `elsewhere` maps reserved keys, which can't be reassigned, to their actions. `typing` are the
    actions of a text box, where a key may have another meaning.
    """

    themes: Collection[str] = ()
    columns: Collection[str] = ()
    groups: Collection[str] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    key: Callable[[str], str] = str
    fault: Callable[[str], str] = lambda _: ""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    typing: Collection[str] = ()


def nearest(name: str, names: Collection[str]) -> str:
    """Ask for the nearest name, with a leading blank; empty if none is near."""
    close = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""
