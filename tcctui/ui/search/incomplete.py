"""Detection of searches that are still being typed."""

from __future__ import annotations

import re

from tcctui.query import is_unfinished

_WORDS = frozenset({"cc", "proc", "comm", "process", "cgroup", "netns"})
"""Fields whose value is a part of a name: each further letter is a step closer to the goal."""

_LAST_VALUE = re.compile(r'(?:^|[\s(!-])([A-Za-z_]+%?)\s*(?::|[<>=!]=?)\s*[^\s"()]*$')


def may_grow(text: str) -> bool:
    """True if the last word is probably incomplete, so that it should not be applied yet.

    This is the case for the beginning of a field's name, and for a number, address or port that may
    get more digits or a unit: the rows of `port:4` or `srtt<8` are none of those of `port:443` and
    `srtt<80ms`.
    """
    if is_unfinished(text):
        return True
    last = _LAST_VALUE.search(text)
    return last is not None and last[1].lower() not in _WORDS
