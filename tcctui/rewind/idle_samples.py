"""Redundant samples of idle sockets, which repeat the previous values."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import I64, Array, Indexes, Mask, Records
from tcctui.flows.history.buckets import run_starts
from tcctui.flows.history.rate_log import WATCHED_NS
from tcctui.flows.index import SPREAD, Keys
from tcctui.wire.records import pick
from tcctui.wire.samples import BUT_CLOCKS, WORDS, End, Samples

_LIVES = int(End.LIVES)

EVERY_NS = 10_000_000_000
"""Interval of samples kept of an unchanged socket: verdicts stay valid for longer."""

_KNOWN = np.dtype(
    [
        ("cookie", "u8"),
        ("said", "u8"),
        ("seen_ns", "i8"),
        ("kept_ns", "i8"),
        ("again", "?"),  # True if the kept one equals its predecessor
    ]
)


class IdleSamples:
    """Remembers the last sample of each socket; used by one thread at a time.

    Two samples are kept after a change, so that rates fall to zero, and all samples of watched
    sockets, which are sampled more often.
    """

    def __init__(self) -> None:
        self._known = np.zeros(0, _KNOWN)

    @property
    def nbytes(self) -> int:
        """Bytes of memory in use."""
        return self._known.nbytes

    def repeat(self, samples: Samples) -> Mask:
        """Mask of samples that repeat the last values; `samples` are sorted by `sock_cookie`."""
        if not len(samples):
            return np.zeros(0, bool)
        when = samples["ts_ns"].astype("i8")
        first = run_starts(samples["sock_cookie"])
        last = np.append(first[1:], len(samples)) - 1
        cookies = samples["sock_cookie"][first]
        before = self._before(cookies)
        said = _said(samples)
        alike = said == _shifted(said, first, before["said"])
        alike &= when > _shifted(when, first, before["seen_ns"]) + WATCHED_NS
        alike &= samples["end"] == _LIVES
        kept = ~(alike & _shifted(alike, first, before["again"]))
        kept_ns = _last_kept(kept, when, first, before["kept_ns"])
        now = before
        now["cookie"], now["kept_ns"] = cookies, kept_ns[last]
        now["said"], now["seen_ns"], now["again"] = said[last], when[last], alike[last]
        self._remember(now)
        return ~kept

    def _before(self, cookies: Keys) -> Records:
        """Last samples of these sockets; of an unknown one, that of another."""
        if not len(self._known):
            return np.zeros(len(cookies), _KNOWN)
        place = np.searchsorted(self._known["cookie"], cookies)
        place[place == len(self._known)] = 0
        found = pick(self._known, place)
        there = found["cookie"] == cookies
        found["kept_ns"] *= there
        found["again"] &= there
        return found

    def _remember(self, now: Records) -> None:
        # Sockets without a sample for this long are gone.
        others = self._known["seen_ns"] > int(now["seen_ns"].max()) - 2 * EVERY_NS
        place = np.searchsorted(now["cookie"], self._known["cookie"])
        place[place == len(now)] = 0
        others &= now["cookie"][place] != self._known["cookie"]
        if not others.any():
            self._known = now
            return
        known = np.concatenate([self._known[others], now])
        self._known = known[np.argsort(known["cookie"])]


def _shifted(values: Array, first: Indexes, before: Array) -> Array:
    """Value of each sample's predecessor: of the `first` ones of sockets, that `before`."""
    shifted = np.empty_like(values)
    shifted[1:] = values[:-1]
    shifted[first] = before
    return shifted


def _last_kept(kept: Mask, when: I64, first: Indexes, before: I64) -> I64:
    """Time of the last sample kept of each one's socket, until then; adds those due to `kept`.

    `before` has it for each socket, from before its `first` sample here.
    """
    starts = np.zeros(len(kept), "i8")
    starts[first] = np.arange(len(first))
    socket = np.maximum.accumulate(starts)
    while True:
        place = np.maximum.accumulate(np.where(kept, np.arange(len(kept)), -1))
        kept_ns = np.where(place >= first[socket], when[place], before[socket])
        due = np.flatnonzero(~kept & (when >= kept_ns + EVERY_NS))
        if not len(due):
            return kept_ns
        kept[due[run_starts(socket[due])]] = True


_BLOCK = 256
"""Samples that are worked on together: they fit into a processor's cache."""

_FACTORS = np.multiply.accumulate(np.full(WORDS, SPREAD))


def _said(samples: Samples) -> Keys:
    """Hash of each sample's values except the time; collisions are very rare."""
    words = samples.view("u8").reshape(len(samples), WORDS)
    said = np.empty(len(samples), "u8")
    for at in range(0, len(samples), _BLOCK):
        mixed = words[at : at + _BLOCK] & BUT_CLOCKS
        mixed ^= mixed >> np.uint64(31)
        mixed *= _FACTORS
        mixed.sum(axis=1, out=said[at : at + _BLOCK])
    return said
