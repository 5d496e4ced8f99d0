"""Newest reads of a few flows' sockets, a limited number of each, for charts."""

from __future__ import annotations

from collections import deque

from tcctui.arrays import Records
from tcctui.flows.index import Keys
from tcctui.wire.inside import NO_INSIDES, Insides
from tcctui.wire.records import joined, pick

MOST = 4096
"""Records that are kept of a flow and kind: 0.5 MB; at least, of what came with the last batch."""


_PARTS = 128
"""Arrays from which on they are joined."""


class RecentInsides:
    """Records of the flows that are held, those that came last."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[deque[Records], ...]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the records."""
        return sum(part.nbytes for kinds in self._kept.values() for kind in kinds for part in kind)

    def add(self, insides: Insides, held: Keys) -> None:
        """Append what was read of held flows, and forget all others."""
        for cookie in self._kept.keys() - set(held.tolist()):
            del self._kept[cookie]
        for cookie in held.tolist():
            own = insides.each(lambda part: pick(part, part["sock_cookie"] == cookie))  # noqa: B023
            if not own:
                continue
            kinds = self._kept.setdefault(cookie, tuple(deque() for _ in own))
            for kept, new in zip(kinds, own, strict=True):
                if len(new):
                    kept.append(new[-MOST:])
                    _shorten(kept)

    def of(self, cookie: int) -> Insides:
        """Give a flow's, oldest first."""
        kinds = self._kept.get(cookie)
        if kinds is None:
            return NO_INSIDES
        parts = zip(NO_INSIDES, kinds, strict=True)
        return Insides(*(joined([nothing, *kept])[-MOST:] for nothing, kept in parts))


def _shorten(kept: deque[Records]) -> None:
    count = sum(map(len, kept))
    while count - len(kept[0]) >= MOST:
        count -= len(kept.popleft())
    if len(kept) > _PARTS:
        kept.appendleft(joined([kept.popleft() for _ in range(len(kept))])[-MOST:])
