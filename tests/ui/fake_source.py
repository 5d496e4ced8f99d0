"""A source without a kernel: connections made up here, on a clock that only the test moves."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.errors import TcctuiError
from tcctui.query import Query
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.wire.addresses import V4_MAPPED
from tcctui.wire.events import AF_INET, AF_INET6, EVENT, NO_SSTHRESH, EventKind, Events, TcpState
from tcctui.wire.inside import NO_INSIDES, Asked, Insides
from tcctui.wire.own_queue import OwnQueue
from tcctui.wire.records import joined
from tcctui.wire.samples import SAMPLE, Samples
from tests.unit.events import stand_alone
from tests.unit.samples import NO_SAMPLES, samples

START_NS = 1_000 * 10**9 - 50_000_000
"""What the clock says at first: after half seconds, histories' 100 ms are all full."""

BATCH_NS = 250_000_000
EVENT_NS = 50_000_000
MSS = 1448


@dataclass
class Flow:
    """One made-up connection; tests change it while it runs.

    `cwnd` is its least and its greatest value, between which it climbs for `period` seconds and
    falls back. `rate` is bytes acknowledged per second; a flow of rate 0 is idle: it has no events.
    """

    cookie: int
    local: str
    remote: str
    cwnd: tuple[int, int] = (10, 10)
    period: float = 10.0
    ssthresh: int = NO_SSTHRESH
    srtt_us: int = 20_000
    rate: float = 1e6
    una: int = 4_294_000_000  # wraps soon
    closed: bool = False


def _endpoint(text: str) -> tuple[tuple[int, int], int, int]:
    """Read `10.0.0.1:443` or `[::1]:443`: the address' halves, the port and the family."""
    host, _, port = text.rpartition(":")
    address = ipaddress.ip_address(host.strip("[]"))
    if isinstance(address, ipaddress.IPv4Address):
        return (0, V4_MAPPED | int(address)), int(port), AF_INET
    return (int(address) >> 64, int(address) & (1 << 64) - 1), int(port), AF_INET6


def _events(flow: Flow, times: npt.NDArray[np.int64], kind: EventKind) -> Events:
    events = np.zeros(len(times), EVENT)
    saddr, sport, family = _endpoint(flow.local)
    daddr, dport, _ = _endpoint(flow.remote)
    events["ts_ns"], events["sock_cookie"], events["skaddr"] = times, flow.cookie, flow.cookie
    events["saddr"], events["daddr"] = saddr, daddr
    events["sport"], events["dport"], events["family"] = sport, dport, family
    events["kind"] = kind
    return events


class FakeSource:
    """Delivers what `run` made, a batch each quarter of a second of its own clock, at once.

    `failure` is raised by the next `read`. `block` is how many seconds a `read` sleeps before
    anything else, whatever its timeout. `reads` is how many have begun.
    """

    def __init__(self, flows: Iterable[Flow] = (), kernel_filter: str = "") -> None:
        self.description = "tcp_probe · 6.12.0"
        self.kernel_filter = kernel_filter
        self.kernel_exact = True
        self.can_narrow = True
        self.narrowed: list[Query | None] = []
        self.shortfall: TcctuiError | None = None
        self.attaching = False
        self.flows = {flow.cookie: flow for flow in flows}
        self.failure: Exception | None = None
        self._filter = KernelFilter()
        self.block = 0.0
        self.reads = 0
        self.all_asked = self.endless = False
        self.queue: OwnQueue | None = None
        self.queue_of: object = None
        """Ends of the connection whose queue was asked for last."""
        self.dropped = 0
        self.interval_ns = 10_000_000
        self.focused: tuple[int, ...] = ()
        self.watched: tuple[int, ...] = ()
        self.half_open = False
        self.asked = Asked.NOTHING
        self.insides = NO_INSIDES
        self._samples = np.empty(0, SAMPLE)
        self._first_una: dict[int, int] = {}
        self._made_ns = START_NS
        self._now_ns = START_NS
        self._batches: deque[tuple[Events, int, Samples]] = deque()
        self._delivering = False
        self._changed = threading.Condition()

    # What a test does

    def run(self, seconds: float) -> None:
        """Let time go on, and the flows send."""
        start, end = self._made_ns, self._made_ns + round(seconds * 1e9)
        self._made_ns = end
        parts = [
            self._acks(flow, start, end)
            for flow in self.flows.values()
            if not flow.closed and flow.rate > 0
        ]
        events = joined([np.empty(0, EVENT), *parts])
        events = events[self._filter.passing(events)]
        events = events[np.argsort(events["ts_ns"], kind="stable")]
        ticks = np.arange(start + BATCH_NS, end + 1, BATCH_NS)
        for batch, now in zip(
            np.split(events, np.searchsorted(events["ts_ns"], ticks[:-1], side="right")),
            ticks.tolist(),
            strict=True,
        ):
            self._deliver(batch, now)

    def state(self, cookie: int, new: TcpState) -> None:
        """Let a flow go over to another state."""
        event = _events(self.flows[cookie], np.array([self._made_ns]), EventKind.STATE)
        event["oldstate"], event["newstate"] = TcpState.ESTABLISHED, new
        self._deliver(event, self._made_ns)

    def destroy(self, cookie: int) -> None:
        """Close a flow for good."""
        self.flows[cookie].closed = True
        event = _events(self.flows[cookie], np.array([self._made_ns]), EventKind.DESTROY)
        self._deliver(event, self._made_ns)

    def sample(self, cookie: int, **fields: npt.ArrayLike) -> None:
        """Let sock_diag look at a flow now; `fields` are of `SAMPLE`, the others as its events.

        `bytes_acked` is that of the first time; it grows as the events tell.
        """
        flow = self.flows[cookie]
        if "bytes_acked" in fields:
            since = self._first_una.setdefault(cookie, flow.una)
            fields["bytes_acked"] = np.asarray(fields["bytes_acked"]) + (flow.una - since)
        told: dict[str, Any] = {
            "snd_cwnd": flow.cwnd[0],
            "snd_ssthresh": flow.ssthresh,
            "rtt": flow.srtt_us,
            "snd_mss": MSS,
            **fields,
        }
        look = samples(self._made_ns + 1, cookie, **told)
        (look["saddr"], look["sport"], look["family"]) = _endpoint(flow.local)
        (look["daddr"], look["dport"], _) = _endpoint(flow.remote)
        self._deliver(np.empty(0, EVENT), self._made_ns, look)

    def tell(self, cookie: int, kind: EventKind, new: int = 0) -> None:
        """Let another tracepoint tell of a flow; `new` is the state that it enters."""
        event = _events(self.flows[cookie], np.array([self._made_ns]), kind)
        event["newstate"] = new
        self._deliver(event, self._made_ns)

    @property
    def taken_in(self) -> bool:
        """Whether the reader has come back for more after the last batch."""
        with self._changed:
            return not self._batches and not self._delivering

    # What tcctui asks of a source

    def now_ns(self) -> int:
        """The clock, as of the newest batch delivered."""
        return self._now_ns

    def read(self, timeout: float) -> Events:
        """Deliver the next batch; an empty one if there is none within `timeout`."""
        self.reads += 1
        if self.block:
            time.sleep(self.block)
        with self._changed:
            self._delivering = False
            self._changed.wait_for(lambda: self._batches or self.failure, timeout)
            if self.failure is not None:
                raise self.failure
            if not self._batches:
                return np.empty(0, EVENT)
            self._delivering = True
            batch, self._now_ns, self._samples = self._batches.popleft()
            return batch

    def look_inside(self, asked: Asked) -> bool:
        """Remember what was asked for."""
        self.asked = asked
        return True

    def inside(self) -> Insides:
        """Give what a test says was read."""
        insides, self.insides = self.insides, NO_INSIDES
        return insides

    def look_for(self, query: Query, *, half_open: bool = False) -> None:
        """There are no listeners; remember what was asked for."""
        self.half_open = half_open

    def watch(self, sockets: npt.NDArray[np.void]) -> None:
        """Remember which sockets are to be sampled often."""
        self.watched = tuple(sockets["sock_cookie"].tolist())

    def own_queue(self, netns: int, ends: object, bound: int = 0) -> OwnQueue | None:
        """Give what the test says."""
        self.queue_of = ends
        return None if ends is None else self.queue

    def sample_all(self) -> None:
        """Remember that this was asked for."""
        self.all_asked = True

    @property
    def all_sampled_ns(self) -> int:
        """All samples come as a test has them, unless it is to be `endless`."""
        return 0 if self.endless else self._now_ns

    def sampled(self) -> Samples:
        """Give the samples that came with the last batch."""
        samples, self._samples = self._samples, np.empty(0, SAMPLE)
        return samples

    def focus(self, cookies: Iterable[int]) -> None:
        """Remember which flows are wanted in full."""
        self.focused = tuple(cookies)

    def narrow(self, query: Query | None) -> None:
        """Remember what was asked for, and make no more events of other flows."""
        self.narrowed.append(query)
        self._filter = KernelFilter() if query is None else KernelFilter.of(query)
        self.kernel_filter, self.kernel_exact = str(self._filter), self._filter.exact

    def skipped(self) -> int:
        """Nothing is skipped."""
        return 0

    def lost(self) -> int:
        """What the test says."""
        return self.dropped

    def close(self) -> None:
        """Nothing is held."""

    def fail(self, error: Exception) -> None:
        """Let the reader run into an error."""
        with self._changed:
            self.failure = error
            self._changed.notify()

    def _deliver(self, batch: Events, now_ns: int, samples: Samples = NO_SAMPLES) -> None:
        with self._changed:
            self._batches.append((batch, now_ns, samples))
            self._changed.notify()

    def _acks(self, flow: Flow, start: int, end: int) -> Events:
        times = np.arange(start + EVENT_NS, end + 1, EVENT_NS)
        events = _events(flow, times, EventKind.PROBE)
        low, high = flow.cwnd
        climbed = (times - START_NS) / 1e9 % flow.period / flow.period
        cwnd = np.rint(low + (high - low) * climbed)
        una = flow.una + np.cumsum(np.full(len(times), flow.rate * EVENT_NS / 1e9))
        events["snd_una"] = np.rint(una).astype("u8") & np.uint64(0xFFFFFFFF)
        in_flight = np.rint(cwnd * MSS * 0.9).astype("u8")
        events["snd_nxt"] = np.rint(una).astype("u8") + in_flight & np.uint64(0xFFFFFFFF)
        events["snd_cwnd"], events["ssthresh"] = cwnd, flow.ssthresh
        # Queues fill as the window grows.
        events["srtt"] = np.rint(flow.srtt_us * (1 + climbed / 2 * (high > low)))
        events["snd_wnd"], events["rcv_wnd"] = 3 << 20, 65_536
        stand_alone(events)
        flow.una = round(float(una[-1])) if len(una) else flow.una
        return events


LONGEST_IPV6 = "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535"


def server() -> FakeSource:
    """A web server that has been watched for 30 s.

    Ten connections of IPv4 and two of IPv6; cookie 9 was closed 2 s ago, 10 is in CLOSE-WAIT, 11
    is idle, and of 3 and 7 ssthresh was never set. By rate, the order is that of the cookies.
    """
    here = "10.0.3.7:443"
    flows = (
        Flow(1, here, "203.0.113.9:51514", (40, 84), 9.0, 42, 38_100, 11.5e6),
        Flow(2, here, "198.51.100.24:40112", (20, 41), 6.0, 20, 41_000, 2.3e6),
        Flow(3, "[2001:db8::7]:443", "[2001:db8::1:7]:40980", srtt_us=24_000, rate=1.5e6),
        Flow(4, "10.0.3.7:22", "192.0.2.4:60022", srtt_us=1_240, rate=1.2e6, ssthresh=7),
        Flow(5, here, "203.0.113.80:33210", (9, 19), 3.0, 10, 92_000, 1e6),
        Flow(6, LONGEST_IPV6, LONGEST_IPV6.replace("5678]", "9]"), (12, 30), 5.0, 14, rate=8e5),
        Flow(7, "127.0.0.1:5432", "127.0.0.1:47000", srtt_us=52, rate=6e5),
        Flow(8, "127.0.0.1:47000", "127.0.0.1:5432", srtt_us=48, rate=4e5, ssthresh=30),
        Flow(9, here, "198.51.100.77:1024", (4, 8), 2.0, 4, 250_000, 2e5),
        Flow(10, here, "192.0.2.200:61000", srtt_us=150_000, rate=1e5, ssthresh=8),
        Flow(11, here, "192.0.2.201:61001", srtt_us=2_500_000, rate=5e4, ssthresh=2),
        Flow(12, "10.0.3.7:8080", "192.0.2.202:61002", srtt_us=9_990, rate=1e3, ssthresh=1200),
    )
    source = FakeSource(flows)
    source.run(20)
    source.flows[11].rate = 0
    source.run(8)
    source.state(10, TcpState.CLOSE_WAIT)
    source.flows[10].rate = 0
    source.destroy(9)
    source.run(2)
    return source


def many(count: int) -> FakeSource:
    """More connections than a screen has lines, all alike but for rate: the cookie is the rank."""
    source = FakeSource(
        Flow(
            cookie,
            "10.0.3.7:443",
            f"198.51.100.{cookie % 250}:{20_000 + cookie}",
            rate=(count - cookie + 1) * 1e4,
        )
        for cookie in range(1, count + 1)
    )
    source.run(2)
    return source
