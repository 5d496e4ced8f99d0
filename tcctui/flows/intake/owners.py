"""Processes of sockets as events tell them, also before the socket has a row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcctui.arrays import I64, Array, Mask, Records, among
from tcctui.flows.index import Keys
from tcctui.flows.intake.sockets import last_before
from tcctui.wire.events import OWNED, Events
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import Samples

OWNER = np.dtype([(name, OWNED[name]) for name in OWNED.names or ()])
"""Process of a socket: `pid`, `uid`, `comm` and `cgroup`; fields as in `samples.SAMPLE`."""

_REMEMBERED = 8192


def owners_of(events: Events) -> Records:
    """Owners of STATE or DESTROY events, of dtype `OWNER`; pid 0 where they are unknown."""
    owners = np.empty(len(events), OWNER)
    for name in OWNER.names or ():
        owners[name] = events.view(OWNED)[name]
    return owners


def kept_on(samples: Samples, before: Samples) -> Samples:
    """Samples with the owner of those `before` where none is known any more.

    A socket that its process has closed, and its last values as it is destroyed, have no owner.
    """
    lost: Mask = (samples["pid"] == 0) & (before["pid"] > 0)
    if not np.count_nonzero(lost):
        return samples
    samples = pick(samples, slice(None)).copy()
    for name in ("pid", "comm", "cgroup"):
        samples[name][lost] = before[name][lost]
    nobodys = lost & (samples["inode"] == 0)  # the kernel tells root's uid of an orphan
    samples["uid"][nobodys] = before["uid"][nobodys]
    return samples


class OwnersLately:
    """Processes that opened sockets without a row yet, by the sockets' addresses in the kernel.

    A destroyed socket's address is nobody's from then on: it will be reused.
    """

    def __init__(self) -> None:
        self._keys: Keys = np.empty(0, "u8")
        self._when: I64 = np.empty(0, "i8")
        self._owners: Records = np.empty(0, OWNER)

    def told(self, states: Events, destroyed: Events) -> None:
        """Take over the processes of STATE events, and the ends of these or earlier sockets."""
        self._add(states, owners_of(states))
        ends = among(destroyed["skaddr"], self._keys)
        if np.count_nonzero(ends):
            destroyed = pick(destroyed, ends)
            self._add(destroyed, np.zeros(len(destroyed), OWNER))

    def _add(self, events: Events, owners: Records) -> None:
        if len(events):
            self._keys = np.concatenate([self._keys, events["skaddr"]])[-_REMEMBERED:]
            when = events["ts_ns"].astype("i8")
            self._when = np.concatenate([self._when, when])[-_REMEMBERED:]
            self._owners = joined([self._owners, owners])[-_REMEMBERED:]

    def of(self, skaddrs: Keys, when: I64) -> Records:
        """Owner of each socket at a time, of dtype `OWNER`; its pid is 0 where it is unknown."""
        place = last_before(self._keys, self._when, skaddrs, when)
        place[skaddrs == 0] = -1
        owners = np.zeros(len(skaddrs), OWNER)
        owners[place >= 0] = self._owners[place[place >= 0]]
        return owners

    @property
    def kept(self) -> Mapping[str, Array]:
        """All of it, by name, for a later restore."""
        owners = {name: self._owners[name] for name in OWNER.names or ()}
        return {"skaddr": self._keys, "when": self._when, **owners}

    def restore(self, kept: Mapping[str, Array]) -> None:
        """Take over what was kept; nothing where that is damaged, or lacks something.

        Recordings of before have no cgroup.
        """
        if "cgroup" not in kept and "skaddr" in kept:
            kept = {**kept, "cgroup": np.zeros(kept["skaddr"].shape, OWNER["cgroup"])}
        for name, array in self.kept.items():
            given = kept.get(name, array)
            if given.dtype != array.dtype or given.shape != kept.get("skaddr", array).shape:
                return
        if set(kept) >= set(self.kept) and kept["skaddr"].ndim == 1:
            self._keys, self._when = kept["skaddr"][-_REMEMBERED:], kept["when"][-_REMEMBERED:]
            self._owners = np.empty(len(self._keys), OWNER)
            for name in OWNER.names or ():
                self._owners[name] = kept[name][-_REMEMBERED:]
