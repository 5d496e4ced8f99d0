"""Sampling of sockets by sock_diag: who is asked, how often, and when somebody is gone."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest

from tcctui.errors import TcctuiError
from tcctui.query import parse
from tcctui.sources import kernel_clock
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.sock_diag import namespaces, sampling
from tcctui.sources.sock_diag.namespaces import Namespace
from tcctui.sources.sock_diag.sampling import Pace, Sampler, passing, sockets_of
from tcctui.wire.events import TcpState
from tcctui.wire.records import joined
from tcctui.wire.samples import NOT_COUNTED, SAMPLE, End, Samples
from tcctui.wire.tcp_states import WITHOUT_CONNECTION

HOST, OTHER = 4026531840, 4026532001


def sample(cookie: int, sport: int = 443, state: TcpState = TcpState.ESTABLISHED) -> Samples:
    """Make a sample of a socket from 192.0.2.1 to 198.51.100.7."""
    one = np.zeros(1, SAMPLE)
    one["sock_cookie"], one["sport"], one["dport"], one["state"] = cookie, sport, 51000, state
    one["saddr"], one["daddr"] = (0, 0xFFFF_C000_0201), (0, 0xFFFF_C633_6407)
    one["ts_ns"], one["half_open"] = time.monotonic_ns(), NOT_COUNTED
    return one


@dataclass
class Kernel:
    """Stands in for sock_diag: sockets by namespace, and who asked for what."""

    sockets: dict[int, dict[int, Samples]]
    names: dict[int, str] = field(default_factory=lambda: {HOST: "host", OTHER: "blue"})
    rounds: int = 0
    dumps: int = 0
    queries: list[list[int]] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    ended: list[Samples] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    late: set[int] = field(default_factory=set)
    unfound: set[int] = field(default_factory=set)
    remainders: set[int] = field(default_factory=set)
    complete: bool = True
    unseen: set[int] = field(default_factory=set)
    asked: int = 0
    states: frozenset[int] = frozenset()
    still: bool = False

    def signs_of_change(self) -> tuple[object, ...]:
        self.asked += 0 if self.still else 1
        return (self.asked,)

    def found(self) -> list[Namespace]:
        self.rounds += 1
        paths = {HOST: namespaces.OWN}
        seen = [inode for inode in self.sockets if inode not in self.unseen]
        return [Namespace(inode, self.names[inode], paths.get(inode, "")) for inode in seen]

    def open_diag(self, namespace: Namespace) -> int:
        if namespace.inode in self.refused:
            raise PermissionError(1, "Operation not permitted")
        if namespace.inode in self.late:
            self.late.discard(namespace.inode)
            raise FileNotFoundError(2, "No such file or directory")
        return namespace.inode


class Diag:
    """Stands in for DiagSocket."""

    kernel: Kernel

    def __init__(self, netns: int = 0, *, raw: int | None, beside: object) -> None:
        assert raw in (netns, None)
        if raw is None and netns in self.kernel.refused:
            raise PermissionError(1, "Operation not permitted")
        self.netns = netns

    def fill_mptcp(self, samples: Samples) -> None:
        """Find no MPTCP connection."""

    @property
    def complete(self) -> bool:
        return self.kernel.complete

    def listen(self) -> bool:
        return True

    def parts(self, more: frozenset[int] = frozenset()) -> Iterator[Samples]:
        self.kernel.dumps += 1
        self.kernel.states = more
        sockets = self.kernel.sockets.get(self.netns, {})
        shown = [
            sockets[cookie]
            for cookie in sockets
            if cookie not in self.kernel.hidden
            and int(sockets[cookie]["state"][0]) not in {*WITHOUT_CONNECTION} - more
        ]
        yield from shown

    def query(self, sockets: npt.NDArray[np.void]) -> Samples:
        self.kernel.queries.append(sockets["sock_cookie"].tolist())
        keys = sockets[["sock_cookie", "ifindex"]].tolist()
        return joined([np.empty(0, SAMPLE), *(self._answer(*key) for key in keys)])

    def _answer(self, cookie: int, ifindex: int) -> Samples:
        there = self.kernel.sockets.get(self.netns, {}).get(cookie)
        # As inet_bound_dev_eq (include/net/inet_sock.h) has it.
        reached = there is not None and there["ifindex"] in (0, ifindex)
        if there is not None and reached and cookie not in self.kernel.unfound:
            return there
        gone = np.zeros(1, SAMPLE)
        gone["state"] = TcpState.TIME_WAIT if cookie in self.kernel.remainders else 0
        gone["sock_cookie"], gone["end"], gone["ts_ns"] = cookie, End.GONE, time.monotonic_ns()
        return gone

    def destroyed(self) -> Samples:
        ended, self.kernel.ended = self.kernel.ended, []
        return joined([np.empty(0, SAMPLE), *ended])

    def close(self) -> None:
        self.kernel.closed.append(self.netns)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Stand in for the kernel: socket 1 and 2 in the host's namespace, 7 in another."""
    made = Kernel({HOST: {1: sample(1), 2: sample(2, 80)}, OTHER: {7: sample(7)}})
    monkeypatch.setattr(Diag, "kernel", made, raising=False)
    monkeypatch.setattr(sampling, "DiagSocket", Diag)
    monkeypatch.setattr(namespaces, "found", made.found)
    monkeypatch.setattr(namespaces, "signs_of_change", made.signs_of_change)
    monkeypatch.setattr(namespaces, "open_diag", made.open_diag)
    return made


Start = Callable[..., Sampler]


@pytest.fixture
def start(kernel: Kernel) -> Iterator[Start]:
    """Start a sampler; it is closed at the end."""
    started: list[Sampler] = []

    def begin(kernel_filter: KernelFilter | None = None) -> Sampler:
        started.append(Sampler(kernel_filter or KernelFilter(), Pace(0.02), 0.05, 0.02))
        return started[-1]

    yield begin
    for sampler in started:
        sampler.close()


def until(sampler: Sampler, condition: Callable[[Samples], bool]) -> Samples:
    """Take samples until those that came so far do; gives them all."""
    parts = [np.empty(0, SAMPLE)]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        sampler.wait(0.1)
        while len(samples := sampler.take()):
            parts.append(samples)
        if condition(joined(parts)):
            return joined(parts)
    raise AssertionError(f"never came: {joined(parts)[['sock_cookie', 'end']]}")


def has(*cookies: int, end: End = End.LIVES) -> Callable[[Samples], bool]:
    """Say whether there are samples of these sockets with such an end."""
    return lambda samples: (
        set(cookies) <= set(samples["sock_cookie"][samples["end"] == end].tolist())
    )


def test_every_namespace_is_dumped_that_may_be_entered(start: Start, kernel: Kernel) -> None:
    """All sockets come first, with their namespace's name; a new namespace's within a round.

    One that could not be opened by the way it was found is tried again, one that is not ours never.
    """
    kernel.late = {OTHER}
    kernel.sockets[99], kernel.names[99], kernel.refused = {9: sample(9)}, "red", {99}
    sampler = start()
    samples = until(sampler, has(1, 2, 7))
    names = dict(zip(samples["sock_cookie"].tolist(), samples["netns_name"].tolist(), strict=True))
    assert (names[1], names[7]) == (b"host", b"blue")
    assert 9 not in names
    kernel.names[5], kernel.sockets[5] = "green", {50: sample(50)}
    until(sampler, has(50))


def test_sockets_are_opened_where_samples_are_of(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket of rtnetlink is opened in a namespace that is read, and in no other one."""
    monkeypatch.setattr(namespaces, "open_route", lambda namespace: namespace.name)
    sampler = start()
    until(sampler, has(7))
    assert str(sampler.open_route(OTHER)) == "blue"
    with pytest.raises(FileNotFoundError):
        sampler.open_route(99)


def test_more_namespaces_than_are_read(
    start: Start, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of very many some are read, the others are counted, and one takes the place of another."""
    monkeypatch.setattr(sampling, "MOST_NAMESPACES", 3)
    for inode in range(1000, 1004):
        kernel.names[inode], kernel.sockets[inode] = str(inode), {inode: sample(inode)}
    entered: list[int] = []

    def enter(namespace: Namespace) -> int:
        entered.append(namespace.inode)
        return kernel.open_diag(namespace)

    monkeypatch.setattr(namespaces, "open_diag", enter)
    sampler = start()
    until(sampler, lambda _: len(entered) == 2)
    rounds = kernel.rounds
    until(sampler, lambda _: kernel.rounds > rounds + 2)
    assert len(entered) == 2, "no more are opened at any round"
    assert sampler.left_out == 3
    del kernel.sockets[entered[0]]
    until(sampler, lambda _: len(entered) == 3)
    assert sampler.left_out == 2


@pytest.mark.parametrize(("limit", "most"), [(32, 1), (1024, 448), (1 << 20, 1024), (-1, 1024)])
def test_descriptors_of_namespaces(limit: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Namespaces take no more descriptors than the process may have, and leave some."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (16, limit))
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))
    assert sampling._most_namespaces() == most
    assert raised == [(limit, limit)]


def test_the_own_namespace_comes_first(
    start: Start, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sockets of the own namespace are sampled before any other namespace is entered."""
    go_on = threading.Event()

    def open_diag(namespace: Namespace) -> int:
        assert go_on.wait(60)
        return kernel.open_diag(namespace)

    monkeypatch.setattr(namespaces, "open_diag", open_diag)
    sampler = start()
    until(sampler, has(1, 2))
    go_on.set()
    until(sampler, has(7))


def test_all_are_sampled_once_more_when_asked(kernel: Kernel) -> None:
    """Sockets of every namespace, and those destroyed until then, wait once that is told.

    Long before the next pass over them is due.
    """
    sampler = Sampler(KernelFilter(), Pace(1000), dumps=1000, ends=1000)
    try:
        until(sampler, has(1, 2, 7))
        assert sampler.all_sampled_ns == 0
        ended = sample(2, 80)
        ended["end"] = End.DESTROYED
        kernel.ended.append(ended)
        asked_ns = kernel_clock.now_ns()
        sampler.sample_all()
        deadline = time.monotonic() + 60
        while sampler.all_sampled_ns < asked_ns:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        parts = []
        while len(part := sampler.take()):
            parts.append(part)
        assert has(1, 2, 7)(joined(parts))
        assert has(2, end=End.DESTROYED)(joined(parts))
    finally:
        sampler.close()


def test_the_filter_holds_for_samples(start: Start, kernel: Kernel) -> None:
    """With --port, samples are of that port alone; a sample of an end may have no addresses."""
    samples = until(start(KernelFilter.on_ports(80)), has(2))
    assert set(samples["sock_cookie"].tolist()) == {2}
    gone = np.zeros(1, SAMPLE)
    gone["end"] = End.GONE
    assert len(passing(KernelFilter.on_ports(80), gone)) == 1
    for text, passes in (("192.0.2.0/24", 1), ("198.51.100.7", 1), ("10.0.0.0/8", 0), ("::1", 0)):
        assert len(passing(KernelFilter.of(parse(f"ip:{text}")), sample(1))) == passes


def test_what_is_watched_is_asked_for_each_period(start: Start, kernel: Kernel) -> None:
    """Watched sockets are queried where they are, again and again; others only come in dumps."""
    sampler = start()
    until(sampler, has(1, 7))
    kernel.queries.clear()
    sampler.watch(sockets_of(joined([sample(1), sample(7)])))
    until(sampler, lambda _: len(kernel.queries) > 8)
    assert {tuple(asked) for asked in kernel.queries} == {(1,), (7,)}


def test_a_socket_that_no_dump_has_shown_is_looked_for(start: Start, kernel: Kernel) -> None:
    """One that only tcp_probe has told of is found in its namespace when somebody looks at it."""
    sampler = start()
    until(sampler, has(1, 7))
    kernel.hidden = {8}
    kernel.sockets[OTHER][8] = sample(8)
    sampler.watch(sockets_of(sample(8)))
    samples = until(sampler, has(8))
    assert samples["netns_name"][samples["sock_cookie"] == 8][0] == b"blue"


def test_a_socket_that_is_nowhere_is_left_alone(start: Start, kernel: Kernel) -> None:
    """One that no namespace knows may be in one that nothing leads to: not to find it says nothing.

    It may also be bound to a device, and then only dumps tell of it.
    """
    sampler = start()
    until(sampler, has(1, 7))
    sampler.watch(sockets_of(sample(9)))
    dumps = kernel.dumps
    samples = until(sampler, lambda _: kernel.dumps > dumps + 8 and [9] in kernel.queries)
    assert 9 not in samples["sock_cookie"]


def test_a_socket_missing_from_a_dump_is_gone(start: Start, kernel: Kernel) -> None:
    """What a dump no longer has, and a query does not find, has ended.

    A dump may miss a socket that moves in the kernel's table: the query finds it. What the kernel
    tells of a destroyed socket is passed on.
    """
    sampler = start()
    until(sampler, has(1, 2))
    kernel.hidden = {2}
    dumps = kernel.dumps
    samples = until(sampler, lambda _: kernel.dumps > dumps + 6)
    assert has(2)(samples)
    assert not has(2, end=End.GONE)(samples)
    del kernel.sockets[HOST][2]
    until(sampler, has(2, end=End.GONE))
    ended = sample(1)
    ended["end"] = End.DESTROYED
    kernel.ended = [ended]
    until(sampler, has(1, end=End.DESTROYED))


def test_a_socket_bound_to_a_device_is_asked_for_by_its_device(
    start: Start, kernel: Kernel
) -> None:
    """A watched socket is asked for as its dump had it, also where its row has no device yet."""
    kernel.sockets[HOST][3] = bound = sample(3)
    bound["ifindex"] = 5
    sampler = start()
    until(sampler, has(3))
    kernel.queries.clear()
    sampler.watch(sockets_of(sample(3)))
    dumps = kernel.dumps
    samples = until(sampler, lambda _: kernel.dumps > dumps + 4 and len(kernel.queries) > 4)
    assert np.count_nonzero(samples["sock_cookie"] == 3) > kernel.dumps - dumps, "found each time"
    assert not has(3, end=End.GONE)(samples)


def test_not_found_is_not_gone(start: Start, kernel: Kernel) -> None:
    """A watched socket that is not found lives while dumps have it; a remainder proves its end."""
    sampler = start()
    until(sampler, has(1, 2))
    sampler.watch(sockets_of(joined([sample(1), sample(2)])))
    kernel.unfound = {1, 2}
    queries, dumps = len(kernel.queries), kernel.dumps
    samples = until(
        sampler, lambda _: len(kernel.queries) > queries + 4 and kernel.dumps > dumps + 4
    )
    assert not samples["end"].any()
    kernel.remainders = {2}
    samples = until(sampler, has(2, end=End.GONE))
    assert not has(1, end=End.GONE)(samples)


def test_an_incomplete_dump_proves_no_end(start: Start, kernel: Kernel) -> None:
    """A socket ends by no dump that the kernel broke off, but by the next one that is whole."""
    sampler = start()
    until(sampler, has(1, 2))
    kernel.complete = False
    kernel.hidden = kernel.unfound = {2}
    dumps = kernel.dumps
    samples = until(sampler, lambda _: kernel.dumps > dumps + 4)
    assert not samples["end"].any()
    kernel.complete = True
    until(sampler, has(2, end=End.GONE))


def test_a_namespace_that_nothing_leads_to(start: Start, kernel: Kernel) -> None:
    """Connections whose process went to another namespace live on where no path leads any more."""
    sampler = start()
    until(sampler, has(1, 7))
    kernel.unseen = {OTHER}
    rounds, dumps = kernel.rounds, kernel.dumps
    samples = until(sampler, lambda _: kernel.rounds > rounds + 2 and kernel.dumps > dumps + 4)
    assert not samples["end"].any()
    assert OTHER not in kernel.closed
    del kernel.sockets[OTHER][7]
    until(sampler, has(7, end=End.GONE))
    until(sampler, lambda _: OTHER in kernel.closed)


def test_half_open_connections_are_counted_while_asked_for(start: Start, kernel: Kernel) -> None:
    """A listener's number comes with each dump, and stays with samples in between; then it goes.

    Requests themselves have no rows for that.
    """
    kernel.sockets[HOST][5] = sample(5, state=TcpState.LISTEN)
    for cookie in (60, 61, 62):
        kernel.sockets[HOST][cookie] = sample(cookie, state=TcpState.SYN_RECV)
    sampler = start()
    sampler.look_for(parse("state:listen"))
    first = until(sampler, has(5))
    assert kernel.states == {TcpState.LISTEN}, "requests cost nothing until they are asked for"
    assert set(first["half_open"][first["sock_cookie"] == 5]) == {NOT_COUNTED}
    sampler.look_for(parse("half_open>2"))
    until(sampler, counts(5, 3))
    sampler.watch(sockets_of(sample(5)))
    del kernel.sockets[HOST][62]
    until(sampler, counts(5, 2))
    queries = len(kernel.queries)
    watched = until(sampler, lambda _: len(kernel.queries) > queries + 8)
    assert {60, 61}.isdisjoint(watched["sock_cookie"].tolist())
    assert set(watched["half_open"][watched["sock_cookie"] == 5]) == {2}
    sampler.look_for(parse("state:listen"))
    until(sampler, counts(5, NOT_COUNTED))
    sampler.look_for(parse("state:listen"), half_open=True)
    until(sampler, counts(5, 2))


def counts(cookie: int, number: int) -> Callable[[Samples], bool]:
    """Say whether the newest sample of a listener has so many half-open connections."""
    return lambda samples: (
        samples["half_open"][samples["sock_cookie"] == cookie][-1:].tolist() == [number]
    )


def test_listeners_are_sampled_while_a_query_names_them(start: Start, kernel: Kernel) -> None:
    """A listener is there while a search, a filter or an alert names its state, and then is not."""
    kernel.sockets[HOST][5] = sample(5, state=TcpState.LISTEN)
    kernel.sockets[HOST][6] = sample(6, state=TcpState.SYN_RECV)
    sampler = start()
    dumps = kernel.dumps
    assert not has(5)(until(sampler, lambda _: kernel.dumps > dumps + 4))
    sampler.look_for(parse("port:443 state:estab,listen"))
    samples = until(sampler, has(5))
    assert not has(6)(samples)
    sampler.look_for(parse("state:syn-recv"))
    until(sampler, lambda samples: has(6)(samples) and has(5, end=End.GONE)(samples))
    sampler.look_for(parse(""))
    until(sampler, has(6, end=End.GONE))
    until(start(KernelFilter.of(parse("(state:listen|syn_recv) or port:80"))), has(5, 6))
    until(start(KernelFilter().naming("x", "state=LISTEN")), has(5))


def test_a_namespace_that_vanishes(start: Start, kernel: Kernel) -> None:
    """With a namespace its sockets are gone, and ours in it is closed, lest it stays alive."""
    sampler = start()
    until(sampler, has(7))
    del kernel.sockets[OTHER]
    until(sampler, has(7, end=End.GONE))
    until(sampler, lambda _: OTHER in kernel.closed)


def test_proc_that_cannot_be_read(start: Start, kernel: Kernel) -> None:
    """While /proc tells of no namespace at all, those that are open go on."""
    sampler = start()
    until(sampler, has(1, 7))
    sockets = dict(kernel.sockets)
    kernel.sockets.clear()
    rounds = kernel.rounds
    until(sampler, lambda _: kernel.rounds > rounds + 2)
    kernel.sockets.update(sockets)
    kernel.sockets[HOST][3] = sample(3)
    assert not kernel.closed
    until(sampler, has(3))


def test_a_defect_is_told(start: Start, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks in the thread comes out where samples are taken."""

    def broken(self: Diag, more: frozenset[int]) -> Iterator[Samples]:
        raise ValueError("a defect")

    sampler = start()
    until(sampler, has(1))
    monkeypatch.setattr(Diag, "parts", broken)
    with pytest.raises(TcctuiError, match="ValueError: a defect"):
        until(sampler, lambda _: False)


def test_closing_gives_the_sockets_back(start: Start, kernel: Kernel) -> None:
    """Closing ends the threads and closes each namespace's socket; twice is as good as once."""
    sampler = start()
    until(sampler, has(1, 7))
    sampler.close()
    sampler.close()
    assert sorted(kernel.closed) == [HOST, OTHER]


def test_without_sock_diag(kernel: Kernel) -> None:
    """A kernel that answers no sock_diag is told in a sentence."""
    kernel.refused = {HOST}
    with pytest.raises(TcctuiError, match="answers no sock_diag: Operation not permitted"):
        Sampler(KernelFilter(), Pace(1))


def test_nothing_is_done_where_nothing_is_due(start: Start, kernel: Kernel) -> None:
    """Namespaces are searched for when processes or names changed; a socket is looked for once.

    That one is looked for again after the next dump.
    """
    kernel.still = True
    sampler = start()
    until(sampler, has(1, 7))
    rounds, dumps = kernel.rounds, kernel.dumps
    sampler.watch(sockets_of(joined([sample(1), sample(9)])))
    until(sampler, lambda _: kernel.dumps > dumps + 8 and kernel.queries.count([1]) > 40)
    assert kernel.rounds == rounds
    assert 0 < kernel.queries.count([9]) <= kernel.dumps - dumps + 2
    kernel.still = False
    until(sampler, lambda _: kernel.rounds > rounds)
