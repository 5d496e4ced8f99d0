"""Redundant samples of idle sockets, which repeat the previous values."""

from __future__ import annotations

import numpy as np

from tcctui.arrays import Mask, Records
from tcctui.flows.history.buckets import run_starts
from tcctui.flows.history.rate_log import WATCHED_NS
from tcctui.flows.index import SPREAD, Keys
from tcctui.wire.records import pick
from tcctui.wire.samples import CLOCKS, SAMPLE, End, Samples

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

    def left_out(self, samples: Samples) -> Samples:
        """Drop samples that repeat the last values; `samples` are sorted by `sock_cookie`."""
        if not len(samples):
            return samples
        starts = run_starts(samples["sock_cookie"])
        last = np.append(starts[1:], len(samples)) - 1
        now = np.zeros(len(last), _KNOWN)
        now["cookie"], now["seen_ns"] = samples["sock_cookie"][last], samples["ts_ns"][last]
        now["said"] = _said(samples if len(last) == len(samples) else pick(samples, last))
        before, there = self._before(now["cookie"])
        alike = there & (before["said"] == now["said"])
        alike &= (starts == last) & (samples["end"][last] == End.LIVES)
        alike &= now["seen_ns"] > before["seen_ns"] + WATCHED_NS
        out = alike & before["again"] & (now["seen_ns"] < before["kept_ns"] + EVERY_NS)
        now["kept_ns"] = np.where(out, before["kept_ns"], now["seen_ns"])
        now["again"] = alike
        self._remember(now)
        if not out.any():
            return samples
        kept = np.ones(len(samples), bool)
        kept[last[out]] = False
        return pick(samples, kept)

    def _before(self, cookies: Keys) -> tuple[Records, Mask]:
        if not len(self._known):
            return np.zeros(len(cookies), _KNOWN), np.zeros(len(cookies), bool)
        place = np.searchsorted(self._known["cookie"], cookies)
        place[place == len(self._known)] = 0
        found = self._known[place]
        return found, found["cookie"] == cookies

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


_BLOCK = 512
"""Samples that are worked on together: they fit into a processor's cache."""

_WORDS = SAMPLE.itemsize // 8
_FACTORS = np.multiply.accumulate(np.full(_WORDS, SPREAD))


def _said(samples: Samples) -> Keys:
    """Hash of each sample's values except the time; collisions are very rare."""
    said = np.empty(len(samples), "u8")
    for at in range(0, len(samples), _BLOCK):
        block = pick(samples, slice(at, at + _BLOCK)).copy()
        for name in CLOCKS:
            block[name] = 0
        words = block.view("u8").reshape(len(block), _WORDS)
        mixed = words ^ words >> np.uint64(31)
        mixed *= _FACTORS
        said[at : at + _BLOCK] = mixed.sum(axis=1, dtype="u8")
    return said
