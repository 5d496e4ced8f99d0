"""Events and samples that match a query, by their own values and by their flow's state.

A tcp_probe event has its own ports, addresses, windows, srtt and bytes in flight; the rest
(algorithm, process, rate, age, limit …) is its flow's at that time. All other events, and samples,
are matched by their flow alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tcctui.arrays import Array, Mask, Records
from tcctui.flows.columns import SAMPLED
from tcctui.flows.derived import complete, needs
from tcctui.flows.index import Keys
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import OF_TIME, Store
from tcctui.query import Query
from tcctui.wire.batch import Batch
from tcctui.wire.events import EventKind, Events
from tcctui.wire.records import pick
from tcctui.wire.samples import Samples

_Read = Callable[[Records], Array]


def _half(name: str, place: int) -> _Read:
    return lambda records: records[name][:, place].astype("u8")


def _field(name: str) -> _Read:
    return lambda records: records[name]


_ENDS: Mapping[str, _Read] = {
    "saddr_hi": _half("saddr", 0),
    "saddr_lo": _half("saddr", 1),
    "daddr_hi": _half("daddr", 0),
    "daddr_lo": _half("daddr", 1),
    **{name: _field(name) for name in ("sport", "dport", "family")},
    "cookie": _field("sock_cookie"),
}
"""Columns in every event and every sample."""

_OWN: Mapping[str, _Read] = {
    **_ENDS,
    **{name: _field(name) for name in ("snd_cwnd", "ssthresh", "snd_wnd", "rcv_wnd", "mark")},
    **{name: _field(name) for name in ("snd_nxt", "snd_una", "skaddr")},
    "srtt_us": _field("srtt"),
    "in_flight": lambda events: events["snd_nxt"] - events["snd_una"],
}
"""Columns in a tcp_probe event."""

_ONLY_SAMPLED = SAMPLED | OF_TIME | {"mss", "sample", "sampled_ns"}
"""Columns unknown without samples."""

_APART_NS = 1_000_000_000
"""Nanoseconds between two evaluations of all flows: ages, rates and limits change with time."""

_NOBODY: Keys = np.empty(0, "u8")


def needed(query: Query) -> frozenset[str]:
    """Columns that the query is evaluated on."""
    return needs(query.fields)


def is_of_ends(query: Query) -> bool:
    """True if ports and addresses alone decide it."""
    return needed(query) <= _ENDS.keys() - {"cookie"}


class Matching:
    """Matches events and samples with a query, after `take` has had them.

    With `only_probes`, only tcp_probe events are matched: then flows are often not needed, and no
    state is kept. Used by one thread at a time.
    """

    def __init__(self, query: Query, *, only_probes: bool = False, store: Store | None = None):
        self.query = query
        self._needed = needed(query)
        self._from_ends = is_of_ends(query)
        alone = self._from_ends or (only_probes and self._needed <= _OWN.keys())
        self.store = (None if alone else Store(0)) if store is None else store
        """State of flows; None if it is not needed."""
        self.wants_samples = bool(self._needed & _ONLY_SAMPLED)
        """True if the query needs samples."""

    def take(self, batch: Batch) -> None:
        """Take in a batch, and advance to its `now_ns`."""
        if self.store is not None:
            self.store.take(batch)

    def events(self, events: Events, cookies: Keys | None = None) -> Mask:
        """Mask of the matching events; `cookies` are their flows' where events have none."""
        if not len(events):
            return np.zeros(0, bool)
        if self._from_ends:
            return self._by_ends(events)
        probes = events["kind"] == EventKind.PROBE
        if probes.all():
            return self._probes(events)
        mask = np.zeros(len(events), bool)
        mask[probes] = self._probes(pick(events, probes))
        mask[~probes] = self.flows((events["sock_cookie"] if cookies is None else cookies)[~probes])
        return mask

    def samples(self, samples: Samples) -> Mask:
        """Mask of the samples of matching flows."""
        if self._from_ends:
            return self._by_ends(samples)
        return self.flows(samples["sock_cookie"])

    def flows(self, cookies: Keys) -> Mask:
        """Mask of the flows that match now; unknown ones don't."""
        assert self.store is not None
        unique, at = np.unique(cookies, return_inverse=True)
        flows = self.store.some_flows(unique, self.query.fields)
        matching = flows["cookie"][self.query.mask(flows)]
        return np.isin(unique, matching)[at]

    def all_flows(self) -> Keys:
        """Cookies of all flows that match now."""
        assert self.store is not None
        flows = self.store.flows(self.query.fields)
        return flows["cookie"][self.query.mask(flows)]

    def _by_ends(self, records: Records) -> Mask:
        columns = {name: _ENDS[name](records) for name in {*self._needed, "cookie"}}
        return self.query.mask(complete(Flows(0, columns), self.query.fields))

    def _probes(self, events: Events) -> Mask:
        columns = {name: _OWN[name](events) for name in {*self._needed, "cookie"} & _OWN.keys()}
        rest = self._needed - columns.keys()
        if self.store is None or not rest:
            return self.query.mask(complete(Flows(0, columns), self.query.fields))
        cookies, at = np.unique(events["sock_cookie"], return_inverse=True)
        flows = self.store.some_flows(cookies, rest)
        if not flows.count:
            return np.zeros(len(events), bool)
        place = np.minimum(np.searchsorted(flows["cookie"], cookies), flows.count - 1)
        known = (flows["cookie"][place] == cookies)[at]
        columns |= {name: flows[name][place][at] for name in rest}
        asked = complete(Flows(flows.now_ns, columns), self.query.fields)
        return self.query.mask(asked) & known


class Followed:
    """Connections from their first match on, with all later events.

    A user of `-f 'retrans>3'` wants to see the connection's further course, not the matching
    moments alone. With `forgetting`, connections closed for long are dropped from memory.
    """

    def __init__(self, query: Query, *, forgetting: bool = False) -> None:
        self.query = query
        self.store = Store(0)
        """State of all flows."""
        self.cookies: Keys = _NOBODY
        """Cookies of those that have matched, in order."""
        self._matching = Matching(query, store=self.store)
        self._forgetting = forgetting
        self._look_ns = 0

    def choose(self, batch: Batch) -> Batch:
        """Take in a batch, and return the part of connections that have matched."""
        events = batch.events
        before = self.store.whose(events)  # of those that end now
        self.take(batch)
        whose = np.where(before > 0, before, self.store.whose(events))
        chosen = [pick(part, np.isin(part["sock_cookie"], self.cookies)) for part in batch.samples]
        events = pick(events, np.isin(whose, self.cookies))
        insides = batch.insides
        if insides:
            insides = insides.each(
                lambda part: pick(part, np.isin(part["sock_cookie"], self.cookies))
            )
        return Batch(events, [part for part in chosen if len(part)], batch.now_ns, insides)

    def take(self, batch: Batch) -> None:
        """Take in a batch, and record the connections that match now."""
        self.store.take(batch)
        events, now_ns = batch.events, batch.now_ns
        probes = pick(events, events["kind"] == EventKind.PROBE)
        touched = np.unique(
            np.concatenate([_NOBODY, *(part["sock_cookie"] for part in (events, *batch.samples))])
        )
        touched = np.setdiff1d(touched, self.cookies, assume_unique=True)
        new = probes["sock_cookie"][self._matching.events(probes)]
        if now_ns >= self._look_ns:
            self._look_ns = now_ns + _APART_NS
            touched = self._matching.all_flows()
            if self._forgetting:
                known = self.store.flows(())["cookie"]
                self.cookies = np.intersect1d(self.cookies, known, assume_unique=True)
        elif len(touched):
            touched = touched[self._matching.flows(touched)]
        self.cookies = np.union1d(self.cookies, np.concatenate([new, touched]))
