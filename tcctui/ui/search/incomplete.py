"""Whether what was typed may be on its way to something else."""

from __future__ import annotations

import re

from tcctui.query import is_unfinished

_WORDS = frozenset({"cc", "proc", "comm", "process", "cgroup", "netns"})
"""Fields whose value is a part of a name: each letter more is a step closer to what is wanted."""

_LAST_VALUE = re.compile(r'(?:^|[\s(!-])([A-Za-z_]+%?)\s*(?::|[<>=!]=?)\s*[^\s"()]*$')


def may_grow(text: str) -> bool:
    """Whether nobody should act on a search yet, as its last word is not all there.

    So it is with the beginning of a field's name, and with a number, address or port that may have
    more digits or a unit: the rows that `port:4` or `srtt<8` lets through are none of those that
    `port:443` and `srtt<80ms` are about.
    """
    if is_unfinished(text):
        return True
    last = _LAST_VALUE.search(text)
    return last is not None and last[1].lower() not in _WORDS
