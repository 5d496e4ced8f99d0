"""The live source: tcp_probe with sock_diag beside it, and what is left when one is missing."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from tcctui.errors import TcctuiError
from tcctui.query import Query, parse
from tcctui.sources import live
from tcctui.sources.kernel import bpf_source
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.live import Attaching, LiveSource, open_live
from tcctui.sources.sock_diag import namespaces
from tcctui.sources.sock_diag.sampling import Pace
from tcctui.wire.events import EVENT, Events
from tcctui.wire.inside import NO_INSIDES, Asked, Insides
from tcctui.wire.samples import SAMPLE, SOCKET, Samples

ROOT = TcctuiError("Reading the kernel's tracepoints needs root.", "Run: sudo tcctui")
NO_DIAG = TcctuiError("The kernel answers no sock_diag.")


class Loading:
    """Stands in for a program on its way; `error` is why it does not arrive."""

    error: TcctuiError | None = None

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.there = threading.Event()
        self.abandoned = False

    def begin(self) -> Loading:
        """Begin to load it."""
        self.begun.set()
        return self

    def arrives(self, source: LiveSource) -> None:
        """Let it arrive, and the source read after that."""
        self.there.set()
        while source.attaching:
            source.read(0.01)

    def abandon(self) -> None:
        self.error, self.abandoned = TcctuiError("the compiler broke off"), True
        self.there.set()


class Probe:
    """Stands in for BpfSource."""

    interval_ns = 10_000_000

    def __init__(self, kernel_filter: KernelFilter, *, loading: Loading, **options: Any) -> None:
        if LATE:
            loading.there.wait()
        if loading.error is not None:
            raise loading.error
        MADE.append(self)
        self.options = options
        self.narrowed: Query | None = None
        self.focused: list[int] = []
        self.asked = Asked.NOTHING
        self.closed = False

    def look_inside(self, asked: Asked) -> bool:
        self.asked = asked
        return True

    def inside(self) -> Insides:
        return NO_INSIDES

    def read(self, timeout: float) -> Events:
        return np.zeros(3, EVENT)

    def focus(self, cookies: list[int]) -> None:
        self.focused = cookies

    def narrow(self, query: Query | None) -> None:
        self.narrowed = query

    def lost(self) -> int:
        return 5

    def skipped(self) -> int:
        return 6

    def close(self) -> None:
        self.closed = True


class Sampler:
    """Stands in for the sampler; `error` is why there is none."""

    error: TcctuiError | None = None

    left_out = 0

    def __init__(self, kernel_filter: KernelFilter, pace: Pace, around: object = None) -> None:
        if self.error is not None:
            raise self.error
        MADE.append(self)
        self.pace = pace
        self.watched = np.empty(0, SOCKET)
        self.closed = False
        self.waited = 0.0
        self.broken: TcctuiError | None = None
        self.entered = threading.Event()

    def watch(self, sockets: Samples) -> None:
        self.watched = sockets

    def look_for(self, query: Query, *, half_open: bool = False) -> None:
        """Samples are not what these tests are about."""

    def narrow(self, narrowed: KernelFilter | None) -> None:
        """Samples are not what these tests are about."""

    def wait(self, timeout: float) -> None:
        self.waited = timeout

    def take(self) -> Samples:
        if self.broken is not None:
            raise self.broken
        return np.zeros(2, SAMPLE)

    def open_route(self, netns: int) -> socket.socket:
        self.opened = namespaces.route_socket()
        self.entered.set()
        return self.opened

    def close(self) -> None:
        self.closed = True


MADE: list[Any] = []
"""Stand-ins that were made in a test, in their order."""

LATE: list[bool] = []
"""Not empty where a program arrives when a test says so."""


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put them in the place of what needs a kernel."""
    MADE.clear()
    LATE.clear()
    monkeypatch.setattr(bpf_source, "BpfSource", Probe)
    monkeypatch.setattr(live, "Sampler", Sampler)


def opened(program: Any, choice: str = "auto") -> LiveSource:
    """Open a live source."""
    return open_live(
        KernelFilter.on_ports(443), program, choice=choice, interval_ms=10, max_cpu=0.25
    )


def at_once(loading: Loading) -> LiveSource:
    """Open a live source whose program is begun with later, and arrives when the test says so."""
    LATE.append(True)
    return opened(loading.begin)


def read_first(source: LiveSource) -> None:
    """Read what is shown first, and once more: behind that the program is begun with."""
    source.read(0)
    source.read(0)


def refused() -> Loading:
    """Make a program that the kernel refuses."""
    loading = Loading()
    loading.error = TcctuiError("The BPF program can't be loaded.", "Run: tcctui doctor")
    return loading


def test_both() -> None:
    """With root, events come from tcp_probe, and samples beside them."""
    source = opened(Loading())
    assert source.description.startswith("tcp_probe + sock_diag · ")
    assert source.shortfall is None
    assert source.kernel_filter == "port:443"
    assert source.interval_ns == 10_000_000
    assert len(source.read(0)) == 3
    assert len(source.sampled()) == 2
    assert (source.lost(), source.skipped()) == (5, 6)


def test_what_is_watched_and_focused_gets_to_each() -> None:
    """The flows on the screen are sampled more often, the selected one is told in full."""
    source = opened(Loading())
    source.watch(np.zeros(4, SOCKET))
    source.focus([1])
    probe, sampler = MADE
    assert len(sampler.watched) == 4
    assert probe.focused == [1]
    source.close()
    assert [one.closed for one in MADE] == [True, True]


def test_by_choice() -> None:
    """Who asks for one of them gets that alone, or is told why it can't be had."""
    source = opened(None, "sock_diag")
    assert source.description.startswith("sock_diag · ")
    assert source.shortfall is None
    source = opened(Loading(), "bpf")
    assert source.description.startswith("tcp_probe · ")
    source.watch(np.zeros(4, SOCKET))
    assert not len(source.sampled())
    source.close()
    with pytest.raises(TcctuiError, match="can't be loaded"):
        opened(refused(), "bpf")


@pytest.mark.parametrize("program", [ROOT, refused()])
def test_samples_alone(program: Any) -> None:
    """Without root, or where the program is refused, samples it is, more often, and why is told."""
    source = opened(program)
    assert source.description.startswith("sock_diag · ")
    assert source.shortfall is not None
    assert source.shortfall.mend.startswith("Run: ")
    assert source.interval_ns == 0
    assert not len(source.read(0.3))
    (sampler,) = MADE
    assert sampler.waited == 0.3
    opened(Loading())
    assert sampler.pace.period < MADE[-1].pace.period
    assert (source.lost(), source.skipped()) == (0, 0)
    source.focus([1])
    source.close()


def test_events_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel without sock_diag still has its events, and the lack is told."""
    monkeypatch.setattr(Sampler, "error", NO_DIAG)
    source = opened(Loading())
    assert source.description.startswith("tcp_probe · ")
    assert source.shortfall is NO_DIAG


def test_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither can be had, what is told is why the better one can't."""
    monkeypatch.setattr(Sampler, "error", NO_DIAG)
    with pytest.raises(TcctuiError, match="needs root"):
        opened(ROOT)


def test_events_go_on_without_samples() -> None:
    """Where sampling breaks off, tcp_probe goes on, and what is missing is told from then on."""
    source = opened(Loading())
    sampler = MADE[-1]
    sampler.broken = NO_DIAG
    assert not len(source.sampled())
    assert not len(source.sampled())
    assert source.shortfall is NO_DIAG
    assert source.description.startswith("tcp_probe · ")
    assert sampler.closed
    source = opened(ROOT)  # where there are but samples, their end is the source's
    MADE[-1].broken = NO_DIAG
    with pytest.raises(TcctuiError, match="answers no sock_diag"):
        source.sampled()


def test_namespaces_that_are_too_many() -> None:
    """What is not read is a shortfall, with the number and what to do."""
    source = opened(Loading())
    assert isinstance(source._sampler, Sampler)
    source.sampled()
    assert source.shortfall is None
    source._sampler.left_out = 64_511
    source.sampled()
    assert source.shortfall is not None
    assert source.shortfall.reason.startswith("64,511 network namespaces are not read")
    source.close()


def test_samples_come_before_the_program() -> None:
    """While the program compiles there are samples; what was asked for meanwhile holds for it.

    It is begun with soon after the first read, however long the second one may take.
    """
    loading = Loading()
    source = at_once(loading)
    (sampler,) = MADE
    assert source.description.startswith("tcp_probe + sock_diag · ")
    assert source.interval_ns == 10_000_000
    assert not len(source.read(0.3))
    assert (sampler.waited, len(source.sampled())) == (0.3, 2)
    alone = sampler.pace
    source.focus([1])
    query = parse("port:1")
    source.narrow(query)
    assert not loading.begun.is_set()
    assert not len(source.read(0.3))
    assert sampler.waited < 0.3
    loading.arrives(source)
    probe = MADE[-1]
    assert (len(source.read(0)), probe.focused, probe.narrowed) == (3, [1], query)
    assert sampler.pace.period > alone.period
    source.close()
    assert (probe.closed, sampler.closed) == (True, True)


def test_what_is_read_of_sockets_gets_to_the_program() -> None:
    """What was asked for of sockets before the program came holds for it, with what is searched."""
    loading = Loading()
    source = at_once(loading)
    assert source.look_inside(Asked.SOCKET)
    assert source.inside() is NO_INSIDES
    read_first(source)
    loading.arrives(source)
    source.read(0)
    probe = MADE[-1]
    assert probe.asked == Asked.SOCKET
    source.look_for(parse("tlp_out=1"))
    assert probe.asked == Asked.SOCKET | Asked.SOCKET_OF_ALL
    source.look_inside(Asked.ALGORITHM)
    assert probe.asked == Asked.ALGORITHM | Asked.SOCKET_OF_ALL
    source.look_for(parse("cwnd>1"))
    assert probe.asked == Asked.ALGORITHM
    source.close()


def test_a_program_that_does_not_come() -> None:
    """Where the kernel refuses it later, samples go on, and the reason is there."""
    loading = refused()
    source = at_once(loading)
    loading.arrives(source)
    assert source.shortfall is loading.error
    assert source.description.startswith("sock_diag · ")
    assert len(source.sampled()) == 2
    source.close()


def test_neither_comes() -> None:
    """Where sampling breaks off and then the program is refused, the source ends with that."""
    loading = refused()
    source = at_once(loading)
    MADE[-1].broken = NO_DIAG
    assert not len(source.sampled())
    assert source.shortfall is NO_DIAG
    with pytest.raises(TcctuiError, match="can't be loaded"):
        loading.arrives(source)


def test_closing_ends_the_compiler() -> None:
    """Who quits at once does not wait for the program, and leaves nothing of it."""
    loading = Loading()
    source = at_once(loading)
    read_first(source)
    loading.begun.wait()
    source.close()
    assert loading.abandoned
    assert [one.closed for one in MADE] == [True]


def test_closed_while_the_program_is_begun_with() -> None:
    """Closing waits until it is, and then it is ended."""
    loading, closing = Loading(), threading.Event()

    def begin() -> Loading:
        loading.begun.set()
        closing.wait()
        return loading

    LATE.append(True)
    source = opened(begin)
    read_first(source)
    loading.begun.wait()
    closer = threading.Thread(target=source.close)
    closer.start()
    while source.attaching:  # the first thing that closing does
        pass
    closing.set()
    closer.join()
    assert loading.abandoned


def test_closed_before_the_program_is_begun_with() -> None:
    """Who quits before that never loads it."""
    loading = Loading()
    source = at_once(loading)
    source.read(0)
    source.close()
    read_first(source)
    assert not loading.begun.is_set()


LOOPBACK = (0, 0xFFFF_7F00_0001), (0, 0xFFFF_7F00_0001)


@pytest.mark.parametrize("how", ["not shown", "closed"])
def test_sockets_for_queues_elsewhere_are_closed(how: str) -> None:
    """What is open in another namespace for a queue is closed when that is shown no more."""
    source = opened(ROOT)
    sampler = MADE[-1]
    assert source.own_queue(1, LOOPBACK) is None
    assert sampler.entered.wait(60)
    if how == "closed":
        source.close()
    else:
        assert source.own_queue(0, None) is None
    deadline = time.monotonic() + 60
    while sampler.opened.fileno() >= 0:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    source.close()


def test_no_queues_elsewhere_without_samples() -> None:
    """Where sampling broke off, no namespace can be entered, and nothing is said of its queues."""
    source = opened(Loading())
    MADE[-1].broken = NO_DIAG
    source.sampled()
    assert source.own_queue(1, LOOPBACK) is source.own_queue(1, LOOPBACK) is None
    source.close()


def failing(*_: object) -> Any:
    """Stand in for what is not to be called."""
    raise AssertionError


def test_closed_by_another_thread_while_it_is_read() -> None:
    """The reading thread goes on with what it found, and closes nothing twice."""

    class Arriving(Future[Any]):
        def done(self) -> bool:
            source.close()
            return super().done()

    attaching = Attaching(failing, failing, 0)
    attaching.events = Arriving()
    attaching.events.set_exception(ROOT)
    sampler: Any = Sampler(KernelFilter(), Pace(0.1))
    source = LiveSource(KernelFilter(), None, sampler, attaching=attaching)
    assert not len(source.read(0))
    assert not source.attaching
    assert sampler.closed
