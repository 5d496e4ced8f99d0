"""A transfer between two machines whose clocks differ, as each of them would have recorded it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tcctui.arrays import I64
from tcctui.both_ends.one_end import SAMPLED_NS, Ends, EndsReader, OneEnd
from tcctui.flows.index import Keys
from tcctui.recording.chunks import Chunk, by_flow
from tcctui.recording.timeline import Origin, Span
from tcctui.wire.events import Events
from tcctui.wire.records import pick
from tcctui.wire.samples import Samples
from tests.unit.events import MS, NOTHING, SECOND, Endpoint, halves, probes
from tests.unit.samples import samples

BEGIN = 40 * 86_400 * SECOND
"""When it begins, on the first machine's clock, which is the true one here."""

SENDER: Endpoint = ("10.0.0.1", 5000)
RECEIVER: Endpoint = ("192.0.2.7", 443)
COOKIES = (11, 22)

ENDS = Ends(halves(SENDER[0]), halves(RECEIVER[0]), SENDER[1], RECEIVER[1])


@dataclass(frozen=True)
class Path:
    """Way of a transfer: least and most delay in nanoseconds, and the probability of a loss."""

    least_ns: int = 10 * MS
    jitter_ns: int = 20 * MS
    loss: float = 0.0


@dataclass(frozen=True)
class Machine:
    """A timeline of one connection."""

    origin: Origin
    cookie: int
    ends: Ends
    events: Events = field(repr=False)
    samples: Samples = field(repr=False)

    @property
    def span(self) -> Span:
        """First moment and last, a second around all that there is."""
        when = np.concatenate([self.events["ts_ns"], self.samples["ts_ns"]]).astype("i8")
        return Span(int(when.min()) - SECOND, int(when.max()) + SECOND)

    def keyframe(self, at_ns: int) -> None:
        """None there is."""

    def chunks(self, after_ns: int, until_ns: int, cookies: Keys | None = None) -> Iterator[Chunk]:
        """Cut all of it into some pieces of seconds."""
        first, last = self.span
        step = max(SECOND, (last - first) // 16)
        for begin in range(first, last, step):
            events, looks = (
                pick(part, (part["ts_ns"] > begin) & (part["ts_ns"] <= begin + step))
                for part in (self.events, self.samples)
            )
            if begin + step > after_ns and begin <= until_ns:
                yield Chunk(begin, begin + step, by_flow(events), by_flow(looks))

    @property
    def end(self) -> OneEnd:
        """Its end of the connection."""
        (found,) = EndsReader(self, self.ends).read()
        return found


@dataclass(frozen=True)
class Exchange:
    """Both machines, and the true offset of the second's clock at moments of the first's."""

    sender: Machine
    receiver: Machine
    offset: Callable[[I64], I64]


def exchange(
    seed: int,
    *,
    path: Path,
    offset_ns: int,
    drift: float,
    segments: int = 400,
    seconds: float = 10.0,
    sampled_s: float = 1.0,
    events: bool = True,
) -> Exchange:
    """Send segments at random times; `drift` is the largest of a rate that changes meanwhile.

    Without `events` there are samples alone. Each machine's time of day is right.
    """
    random = np.random.default_rng(seed)
    span = int(seconds * SECOND)

    def offset(real: I64) -> I64:
        # The derivative of amplitude * sin(2πt / period) is at most amplitude * 2π / period.
        turns = 2 * np.pi * (real - BEGIN) / span
        return offset_ns + np.asarray(drift * span / (2 * np.pi) * np.sin(turns), "i8")

    def theirs(real: I64) -> I64:
        return real + offset(real)

    def delays() -> I64:
        way = path.least_ns + random.integers(0, path.jitter_ns + 1, segments)
        lost = random.random(segments) < path.loss
        return np.asarray(way + lost * random.integers(50 * MS, 400 * MS, segments))

    sent = BEGIN + np.sort(random.integers(0, span, segments))
    sizes = random.integers(1, 1449, segments)
    totals = np.append(0, np.cumsum(sizes))
    arrived = sent + delays()
    came = np.maximum.accumulate(arrived)  # what is behind a hole waits for it
    acked = np.maximum.accumulate(came + delays())

    def total(when: I64, moments: I64) -> I64:
        return totals[np.searchsorted(when, moments, "right")]

    first = int(random.integers(0, 1 << 32))
    own, others = NOTHING, NOTHING
    if events:
        # tcp_probe has the values from before the ACK.
        own = probes(
            acked,
            COOKIES[0],
            local=SENDER,
            remote=RECEIVER,
            snd_una=(first + totals[np.searchsorted(acked, acked)]) & 0xFFFFFFFF,
            snd_nxt=(first + total(sent, acked)) & 0xFFFFFFFF,
            snd_cwnd=10 + np.arange(segments) % 20,
            srtt=20_000,
            snd_wnd=1 << 20,
        )
        order = np.argsort(arrived)
        others = probes(
            theirs(arrived[order]),
            COOKIES[1],
            local=RECEIVER,
            remote=SENDER,
            data_len=sizes[order],
            rcv_wnd=65_535 - np.arange(segments) % 1000,
        )

    def looks() -> tuple[I64, I64]:
        step = max(int(sampled_s * SECOND), 1)
        moments = BEGIN + np.arange(0, span, step) + random.integers(0, step)
        return moments, moments + random.integers(-SAMPLED_NS, SAMPLED_NS + 1, len(moments))

    syn = int(random.integers(0, 2))
    moments, stamps = looks()
    mine = samples(
        stamps,
        COOKIES[0],
        local=SENDER,
        remote=RECEIVER,
        cc=b"cubic",
        bytes_acked=total(acked, moments) + syn,
        wqueue=total(sent, moments) - total(acked, moments),
    )
    moments, stamps = looks()
    their = samples(
        theirs(stamps),
        COOKIES[1],
        local=RECEIVER,
        remote=SENDER,
        bytes_received=total(came, moments),
        rqueue=np.minimum(total(came, moments), 3000),
        rcv_ooopack=np.arange(len(moments)),
        rcvbuf=131_072,
    )
    wall = 1_700_000_000 * SECOND
    return Exchange(
        Machine(Origin("web-1", wall_offset_ns=wall), COOKIES[0], ENDS, own, mine),
        Machine(
            Origin("db-2", wall_offset_ns=wall - offset_ns), COOKIES[1], ENDS.turned, others, their
        ),
        offset,
    )
