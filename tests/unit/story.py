"""What happens to a dozen connections in half a minute, and a store with a tape that is fed it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tcctui.flows.columns import FIELDS
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.pump import deliver
from tcctui.recording.chunk_cutter import ChunkCutter
from tcctui.recording.timeline import Origin
from tcctui.rewind.rewind_log import RewindLog
from tcctui.wire.batch import Batch
from tcctui.wire.events import CaState, EventKind, Events, TcpState
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import Samples
from tests.unit.events import MS, SECOND, Endpoint, destroy, probes, state
from tests.unit.samples import destroyed, gone, samples

BATCH_NS = 250_000_000
BEGIN_NS = 1000 * 10**9

EVERYTHING = (*FIELDS, "sample", "limit", "limit_shares", "limit_evidence", "text")
"""Columns of which all others follow."""


@dataclass
class Player:
    """Feeds a store, and the tape beside it, as a dashboard does."""

    store: Store = field(default_factory=lambda: Store(16 << 20))
    log: RewindLog = field(default_factory=lambda: RewindLog(64 << 20, Origin("here")))
    losses: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        """Begin to write."""
        self.tape = ChunkCutter(
            self.store,
            BEGIN_NS,
            self.log.keep,
            losses=lambda: self.losses,
            wants_keyframe=self.log.wants_keyframe,
        )

    def batch(self, events: Events, samples: Samples, now_ns: int) -> None:
        """Take in what came in a batch."""
        batch = Batch(events, [samples] if len(samples) else [], now_ns)
        deliver([batch], self.store, self.tape)

    def play(
        self, events: Events, samples: Samples, until_ns: int, since_ns: int = BEGIN_NS
    ) -> None:
        """Feed what happens from `since_ns` to `until_ns`, each at its time."""
        for now_ns in range(since_ns + BATCH_NS, until_ns + 1, BATCH_NS):
            self.batch(_within(events, now_ns), _within(samples, now_ns), now_ns)


def _within(records: Events, now_ns: int) -> Events:
    when = records["ts_ns"].astype("i8")
    return pick(records, (when > now_ns - BATCH_NS) & (when <= now_ns))


def differences(one: Flows, other: Flows) -> list[str]:
    """Names of columns that are not the same, to the last bit."""
    if one.now_ns != other.now_ns:
        return ["now_ns"]
    return [name for name in one if not _same(one[name], other[name])]


def _same(one: object, other: object) -> bool:
    assert isinstance(one, np.ndarray)
    assert isinstance(other, np.ndarray)
    if one.dtype.kind == "f":
        return np.array_equal(one, other, equal_nan=True)
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


WATCHED = (1, 2, 3, 4)
"""Cookies of flows that are sampled ten times a second."""


class Story:
    """Events and samples until `seconds` after `tape_player.BEGIN_NS`, by time."""

    def __init__(self, seconds: int, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._end_ns = BEGIN_NS + seconds * SECOND
        self._events: list[Events] = []
        self._samples: list[Samples] = []
        for cookie in range(1, 11):
            self._lives(cookie)
        # These are sampled, and nothing else is heard of them.
        self._sample(11, ("192.0.2.9", 7011), BEGIN_NS, self._end_ns, 0)
        self._sample(12, ("192.0.2.9", 7012), BEGIN_NS, BEGIN_NS + 9 * SECOND, 0)
        self._samples.append(destroyed(BEGIN_NS + 9 * SECOND, 12, remote=("192.0.2.9", 7012)))
        self._samples.append(gone(BEGIN_NS + 11 * SECOND, 11))
        self.events: Events = _by_time(joined(self._events))
        self.samples: Samples = _by_time(joined(self._samples))

    def _lives(self, cookie: int) -> None:
        """Let a socket live, and another one with its cookie after it, for as long as there is."""
        random, at = self._random, BEGIN_NS + int(self._random.integers(0, 3 * SECOND))
        number = 0
        while at < self._end_ns:
            number += 1
            skaddr = 0xFFFF_8880_0000_0000 + 2304 * cookie  # which is used again, too
            remote = ("192.0.2.9", int(2000 * cookie + number))
            until = min(at + int(random.integers(2, 12)) * SECOND, self._end_ns)
            self._sample(cookie, remote, at - 3 * MS * (number % 2), until, 900)
            self._connection(cookie, skaddr, remote, at, until)
            at = until + int(random.integers(1, 3000)) * MS

    def _connection(self, cookie: int, skaddr: int, remote: Endpoint, at: int, until: int) -> None:
        random = self._random
        self._events.append(state(at, skaddr, TcpState.ESTABLISHED, remote=remote))
        when = at + np.cumsum(random.exponential(40 * MS, 400).astype("i8") + 1)
        when = when[when < until]
        if len(when):
            self._events.append(self._probes(cookie, skaddr, remote, when))
            self._happenings(skaddr, remote, when)
        if until < self._end_ns:
            self._events.append(state(until - 2 * MS, skaddr, TcpState.FIN_WAIT1, remote=remote))
            self._events.append(destroy(until, cookie, skaddr, remote=remote))

    def _probes(
        self, cookie: int, skaddr: int, remote: Endpoint, when: npt.NDArray[np.int64]
    ) -> Events:
        random, count = self._random, len(when)
        una = (2**32 - 50_000 + np.cumsum(random.integers(0, 3000, count))) % 2**32
        cwnd = random.integers(2, 90, count)
        made = probes(
            when,
            cookie,
            remote=remote,
            skaddr=skaddr,
            snd_una=una,
            snd_nxt=(una + cwnd * 1000) % 2**32,
            snd_cwnd=cwnd,
            ssthresh=random.integers(2, 60, count),
            srtt=random.integers(100, 90_000, count),
            snd_wnd=random.integers(0, 1 << 20, count),
            rcv_wnd=65_535,
            mark=7,
        )
        if cookie % 2:
            made["acks"] = np.cumsum(random.integers(1, 5, count))
            made["begun"][0] = 1
            made["snd_cwnd_min"] -= 1
            made["srtt_max"] += 500
        return made

    def _happenings(self, skaddr: int, remote: Endpoint, when: npt.NDArray[np.int64]) -> None:
        random = self._random
        some = np.sort(random.choice(when, min(len(when), 12), replace=False)) + 1
        made = probes(some, 0, remote=remote, skaddr=skaddr)
        kinds = (EventKind.CA_STATE, EventKind.RETRANSMIT, EventKind.RECEIVE_RESET)
        made["kind"] = random.choice(kinds, len(some), p=(0.6, 0.35, 0.05))
        made["newstate"] = random.integers(0, 5, len(some))
        self._events.append(made)

    def _sample(self, cookie: int, remote: Endpoint, at: int, until: int, step: int) -> None:
        random = self._random
        apart = 100 * MS if cookie in WATCHED else 2 * SECOND
        when = np.arange(at, until, apart)
        if not len(when):
            return
        sent = np.cumsum(random.integers(0, step + 1, len(when)))
        self._samples.append(
            samples(
                when,
                cookie,
                remote=remote,
                bytes_acked=sent * 1000,
                data_segs_out=sent,
                total_retrans=sent // 50,
                snd_cwnd=10 if not step else random.integers(2, 90, len(when)),
                rtt=20_000 if not step else random.integers(100, 90_000, len(when)),
                busy_time=sent * 300,
                rwnd_limited=sent * 60,
                wqueue=0 if not step else random.integers(0, 90_000, len(when)),
                ca_state=CaState.OPEN,
                delivery_rate=sent * 10,
                segs_in=np.arange(len(when)),
            )
        )


def _by_time(records: Events) -> Events:
    return pick(records, np.argsort(records["ts_ns"], kind="stable"))
