"""Samples of every socket: of all every few seconds, of watched ones several times a second."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tcctui.arrays import Records, among
from tcctui.errors import TcctuiError
from tcctui.right_of_way import give_way
from tcctui.sources import kernel_clock
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.sock_diag import namespaces, surroundings
from tcctui.sources.sock_diag.diag_socket import DiagSocket
from tcctui.sources.sock_diag.namespaces import Namespace
from tcctui.sources.sock_diag.owner_search import OwnerSearch
from tcctui.sources.sock_diag.surroundings import Reach, Surroundings
from tcctui.wire.addresses import are_link_local, name_zone
from tcctui.wire.events import TcpState
from tcctui.wire.records import joined, pick
from tcctui.wire.samples import NO_SAMPLES, SOCKET, End, Samples
from tcctui.wire.tcp_states import WITHOUT_CONNECTION

if TYPE_CHECKING:
    from tcctui.query import Query
    from tcctui.sources.sock_diag.half_open import HalfOpen

ROUND = 2.0
"""Minimum time between two dumps of all sockets, in seconds."""

_LONGEST = 10.0
"""Seconds between two dumps at most, also where they take more than their share."""

_LEAST_SHARE = 100
"""Ratio of the pause between dumps to a dump's own time where one has to say who is gone."""

ENDS = 0.5
"""Seconds between two reads of destroyed sockets."""

_SHORTEST = 0.01
"""Seconds of rest between two pieces of work, at least."""

_EARLY = 0.25
"""Part of its time by which work may come early, together with other work: few wake-ups."""

_NAMESPACES_SHARE = 500
"""Ratio of the pause between two searches for namespaces to the time that one takes."""

_MOST_PLACES = 32
"""Limit on namespaces searched for a socket that no dump has shown."""

MOST_NAMESPACES = 1024
"""Limit on network namespaces that are read: each takes two descriptors and a dump per round."""

_SPARE_FILES = 128
"""Descriptors that are left for all else."""

_PATIENCE = 0.5
"""Seconds that closing waits for a dump, or a pass over processes, that is under way."""


class Pace(NamedTuple):
    """Pace of samples, and of their cost.

    `period` is the time between two samples of a watched socket, in seconds, `share` the ratio of
    the pause between dumps to a dump's own time, and `dumps` their minimum distance.
    """

    period: float
    share: int = 100
    dumps: float = 0.0


class _Place:
    """A network namespace, its diag socket, and the sockets known to be in it."""

    def __init__(self, namespace: Namespace, reach: Reach) -> None:
        self.namespace = namespace
        # Without the right to enter namespaces, notices of our own still arrive.
        raw = None if namespace.path == namespaces.OWN else reach.open_diag(namespace)
        beside = partial(reach.open_listener, namespace)
        self.diag = DiagSocket(namespace.inode, raw=raw, beside=beside)
        self.diag.listen()
        self.known = np.empty(0, SOCKET)
        self._half_open: HalfOpen | None = None  # while they are asked for
        self._links: set[int] = set()  # of which names are learned

    def dump(
        self, more: frozenset[int] = frozenset(), *, half_open: bool = False
    ) -> Iterator[Samples]:
        """Sample all sockets, some thousands at a time; finally those that are gone.

        Those without a connection come in `more` states; in others they are as good as gone. With
        `half_open`, listeners have their numbers of half-open connections.

        Gone is what a complete dump lacks and its last known key does not find: either alone may
        miss a living socket, which moved in the kernel's table or was bound to another device.
        """
        before, told = self.known, [np.empty(0, SOCKET)]
        self._half_open = None
        for part in self._with_mptcp(self._counted(more) if half_open else self.diag.parts(more)):
            self._name_links(part)
            told.append(sockets_of(part))
            yield part
        self.known = joined(told)
        missing = before[~among(before["sock_cookie"], self.known["sock_cookie"])]
        if len(missing):
            # A dump may miss a socket that moves in the kernel's table meanwhile.
            asked = self.diag.query(missing)
            left = among(asked["state"], np.array([*{*WITHOUT_CONNECTION} - more], "u1"))
            asked["end"][left] = End.GONE
            lives = asked["end"] == End.LIVES
            self.diag.fill_mptcp(asked)
            if self.diag.complete:
                self.known = joined([self.known, sockets_of(pick(asked, lives))])
                yield asked
            else:
                self.known = joined([self.known, missing])
                yield pick(asked, lives)

    def _with_mptcp(self, parts: Iterator[Samples]) -> Iterator[Samples]:
        """Give samples of subflows last, when their MPTCP connections can be asked for."""
        subflows = []
        for part in parts:
            found = part["subflow_flags"] > 0
            if not np.count_nonzero(found):
                yield part
                continue
            subflows.append(pick(part, found))
            yield pick(part, ~found)
        if subflows:
            held = joined(subflows)
            self.diag.fill_mptcp(held)
            yield held

    def _counted(self, more: frozenset[int]) -> Iterator[Samples]:
        """Sample all sockets; listeners come last, when their requests are counted."""
        from tcctui.sources.sock_diag.half_open import HalfOpen  # noqa: PLC0415 - few ask

        listeners, requests = [NO_SAMPLES], [np.empty(0, SOCKET)]
        for part in self.diag.parts(more | {TcpState.SYN_RECV}):
            listening = part["state"] == TcpState.LISTEN
            waiting = part["state"] == TcpState.SYN_RECV
            listeners.append(pick(part, listening))
            requests.append(sockets_of(pick(part, waiting)))
            rest = ~listening if TcpState.SYN_RECV in more else ~(listening | waiting)
            yield pick(part, rest)
        found = joined(listeners)
        self._half_open = HalfOpen.of(sockets_of(found), joined(requests))
        self._half_open.fill(found)
        yield found

    def _name_links(self, samples: Samples) -> None:
        """Learn the names of the interfaces that link-local addresses are of."""
        here = are_link_local(samples["saddr"][:, 0].astype("u8"))
        if np.count_nonzero(here):
            for index in {*samples["ifindex"][here].tolist()} - self._links:
                self._links.add(index)
                if name := self.diag.interface(index):
                    name_zone(index, name)

    def sample(self, sockets: Records) -> Samples:
        """Sample sockets of `known`, without those that are not found: see `dump`.

        A remainder in TIME_WAIT alone proves that its connection ended.
        """
        asked = self.diag.query(sockets)
        if self._half_open is not None:
            self._half_open.fill(asked)
        self.diag.fill_mptcp(asked)
        proven = (asked["end"] == End.LIVES) | (asked["state"] == TcpState.TIME_WAIT)
        return asked if proven.all() else pick(asked, proven)


def sockets_of(samples: Samples) -> Records:
    """Keys of the samples' sockets, of dtype `SOCKET`."""
    sockets = np.empty(len(samples), SOCKET)
    for name in SOCKET.names or ():
        sockets[name] = samples[name]
    return sockets


def passing(
    kernel_filter: KernelFilter, samples: Samples, narrowed: KernelFilter | None = None
) -> Samples:
    """Samples that pass the filter; an end always passes, by its cookie.

    `narrowed` holds back no end either: the flow may be known from before.
    """
    mask = kernel_filter.passing(samples)
    if narrowed is not None:
        mask &= narrowed.passing(samples) | (samples["end"] != End.LIVES)
    mask |= samples["end"] == End.GONE
    return samples if mask.all() else pick(samples, mask)


def _most_namespaces() -> int:
    """Number of namespaces to read, with the limit on open files raised to its maximum."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most == resource.RLIM_INFINITY:
        return MOST_NAMESPACES
    return max(1, min(MOST_NAMESPACES, (most - _SPARE_FILES) // 2))


class Sampler:
    """Reads sock_diag in threads of its own, in every network namespace it may enter.

    `dumps` is the minimum time between two dumps of all sockets, and `ends` that between two reads
    of destroyed sockets, in seconds. While nothing is due, nothing is done. `around` is what it can
    see of processes and namespaces, by default what this process can by itself.

    Raises:
        TcctuiError: this kernel answers no sock_diag.

    """

    def __init__(
        self,
        kernel_filter: KernelFilter,
        pace: Pace,
        dumps: float = ROUND,
        ends: float = ENDS,
        around: Surroundings | None = None,
    ) -> None:
        processes, self._reach = around or surroundings.own()
        self._round, self._ends = dumps, ends
        self._filter = kernel_filter
        self._narrowed: KernelFilter | None = None
        self._searched = KernelFilter()
        self.pace = pace
        """May be changed at any time."""
        self._watched = np.empty(0, SOCKET)
        self._parted: list[tuple[_Place, Records]] | None = None  # the watched ones by place
        self._sought = np.empty(0, "u8")  # cookies that no place had, since the last dump
        self._places: dict[int, _Place] = {}
        self._closed_to_us: set[int] = set()
        self._taken: deque[Samples] = deque()
        self._there = threading.Condition()
        self._over = threading.Event()
        self._wake = threading.Event()
        self._dump_now = threading.Event()
        self._all_now = threading.Event()
        self.all_sampled_ns = 0
        """Time since which every socket has been sampled, as `sample_all` asks for it."""
        self._dump_again_at = 0.0
        self._dump_at = self._namespaces_at = self._ends_at = self._watched_at = 0.0
        self._search_at = 0.0
        self._signs: tuple[object, ...] = ()
        self._failure: TcctuiError | None = None
        self._most = _most_namespaces()
        self.left_out = 0
        """Network namespaces that are not read, as there are too many."""
        found = self._reach.found()
        if not found:
            raise TcctuiError(
                "/proc does not tell which network namespace this is.", "Mount /proc here."
            )
        own = found[0]
        try:
            self._places[own.inode] = _Place(own, self._reach)
        except OSError as error:
            raise TcctuiError(f"The kernel answers no sock_diag: {error.strerror}.") from error
        # Those that are not watched get theirs then.
        self._owners = OwnerSearch(self._dump_soon, processes, dumps)
        self._thread = threading.Thread(target=self._run, name="sock_diag", daemon=True)
        self._thread.start()

    def watch(self, sockets: Records) -> None:
        """Sample these sockets, of dtype `SOCKET`, each period."""
        before = self._watched
        if sockets.tobytes() != before.tobytes():
            self._watched, self._parted = sockets, None
            if not len(before):
                self._wake.set()

    def sample_all(self) -> None:
        """Sample every socket once more, at once, and those destroyed until then; in any thread."""
        self._all_now.set()
        self._wake.set()

    def narrow(self, narrowed: KernelFilter | None) -> None:
        """Give only samples that also pass this filter, all of them soon; from any thread.

        Watched sockets are exempt: they are on the screen.
        """
        self._narrowed = narrowed
        self._dump_soon()

    def look_for(self, query: Query, *, half_open: bool = False) -> None:
        """Sample the listeners or half-open connections that a query names; from any thread.

        With `half_open`, listeners have their numbers of half-open connections also where the query
        is not about these.
        """
        before, named = self._searched, KernelFilter().naming(query.text)
        self._searched = replace(named, half_open=half_open or named.half_open)
        if self._searched != before:
            self._dump_soon()

    def open_route(self, netns: int) -> socket.socket:
        """Open a socket of rtnetlink in a namespace whose sockets are sampled; from any thread.

        Raises:
            OSError: it is gone, or may not be entered.

        """
        place = self._places.get(netns)
        if place is None:
            raise FileNotFoundError(f"no sockets of network namespace {netns} are sampled")
        return self._reach.open_route(place.namespace)

    def wait(self, timeout: float) -> None:
        """Wait for samples, up to `timeout` seconds."""
        with self._there:
            self._there.wait_for(lambda: self._taken or self._failure, timeout)

    def take(self) -> Samples:
        """Next part of the samples in order of time, empty if there are none.

        Raises:
            TcctuiError: sampling has ended; nothing more comes.

        """
        with self._there:
            if self._taken:
                return self._taken.popleft()
        if self._failure:
            raise self._failure
        return NO_SAMPLES

    def close(self) -> None:
        """Stop the threads and close the sockets; may be called twice."""
        self._over.set()
        self._wake.set()
        for ends in (self._thread.join, self._owners.close):
            ends(_PATIENCE)
        if not self._thread.is_alive():
            for place in self._places.values():
                place.diag.close()
            self._places = {}

    def _dump_soon(self) -> None:
        self._dump_now.set()
        self._wake.set()

    # In the thread

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                self._wake.clear()
                due_at = self._work(time.monotonic())
                self._wake.wait(max(_SHORTEST, due_at - time.monotonic()))
        except TcctuiError as error:
            self._fail(error)
        except Exception as error:  # a defect
            self._fail(TcctuiError(f"Sampling broke off: {type(error).__name__}: {error}."))

    def _work(self, now: float) -> float:
        """Do what is due; gives the time of the next work, on the clock of `time.monotonic`."""
        if all_now := self._all_now.is_set():
            self._all_now.clear()
        began_ns = kernel_clock.now_ns()  # after that: what is asked for from now on comes later
        # First the own namespace: to enter hundreds of others takes its time.
        if now >= self._dump_at or self._dump_now.is_set() or all_now:
            self._dump_all()
        if now >= self._namespaces_at:
            self._namespaces_at = now + self._round
            self._follow_namespaces(now)
        if now >= self._watched_at - self.pace.period * _EARLY and len(self._watched):
            self._watched_at = now + self.pace.period
            self._sample_watched()
        if now >= self._ends_at - self._ends * _EARLY or all_now:
            self._ends_at = now + self._ends
            for place in self._places.values():
                give_way()
                self._give(place.diag.destroyed(), place)
        if all_now:
            self.all_sampled_ns = began_ns
        soon = min(self._namespaces_at, self._dump_at, self._ends_at)
        return min(soon, self._watched_at) if len(self._watched) else soon

    def _fail(self, error: TcctuiError) -> None:
        """Pass the reason for the end to the caller of `take`."""
        with self._there:
            self._failure = error
            self._there.notify_all()

    def _give(self, samples: Samples, place: _Place, *, narrowed: bool = True) -> None:
        if not len(samples):
            return
        give_way()
        samples = passing(self._filter, samples, self._narrowed if narrowed else None)
        if not len(samples):
            return
        samples["netns_name"] = place.namespace.name.encode(errors="replace")
        self._owners.fill(samples)
        with self._there:
            self._taken.append(samples)
            self._there.notify_all()

    def _follow_namespaces(self, now: float) -> None:
        signs = self._reach.signs_of_change()
        if signs == self._signs and now < self._search_at:
            return
        began = time.monotonic()  # another process may do the work
        found = {namespace.inode: namespace for namespace in self._reach.found()}
        worked = time.monotonic() - began
        longest = max(_LONGEST, self.pace.share * worked)  # tens of thousands take a while
        self._namespaces_at = now + min(max(self._round, _NAMESPACES_SHARE * worked), longest)
        self._signs, self._search_at = signs, now + longest
        if not found:
            self._signs = ()
            return  # /proc is unreadable at the moment
        # Our own open socket would keep a namespace alive that is gone otherwise.
        # But connections whose process went elsewhere live on in one that nothing leads to.
        for inode in self._places.keys() - found.keys():
            if len(self._places[inode].known):
                continue
            place, self._parted = self._places.pop(inode), None
            place.diag.close()
        self._closed_to_us &= found.keys()
        new = sorted(found.keys() - self._places.keys() - self._closed_to_us)
        room = self._most - len(self._places)
        self.left_out = len(new[room:])
        for inode in new[:room]:
            try:
                self._places[inode] = _Place(found[inode], self._reach)
            except PermissionError:
                self._closed_to_us.add(inode)
            except (OSError, TcctuiError):
                self._signs = ()  # it is gone, or reached by another path the next time
            else:
                self._dump(self._places[inode])
        for inode, place in self._places.items():
            place.namespace = found.get(inode, place.namespace)  # it may have got a name

    def _dump_all(self) -> None:
        self._dump_now.clear()
        worked = time.thread_time()
        for place in self._places.values():
            self._dump(place)
        worked = time.thread_time() - worked
        least = max(self._round, self.pace.dumps, _LEAST_SHARE * worked)
        now = time.monotonic()
        self._dump_again_at = now + min(least, _LONGEST)
        self._dump_at = now + min(max(least, self.pace.share * worked), _LONGEST)
        self._sought = self._sought[:0]

    def _dump(self, place: _Place) -> None:
        self._parted = None
        filters = (self._filter, self._searched, self._narrowed or self._filter)
        more = frozenset().union(*(one.without_connection for one in filters))
        half_open = TcpState.LISTEN in more and any(one.half_open for one in filters)
        for part in place.dump(more, half_open=half_open):
            self._give(part, place)
            if self._over.is_set():
                return

    def _sample_watched(self) -> None:
        for place, sockets in self._part() if self._parted is None else self._parted:
            found = place.sample(sockets)
            if len(found) < len(sockets):  # whether that is an end, a dump has to say
                self._dump_at = min(self._dump_at, self._dump_again_at)
            self._give(found, place, narrowed=False)

    def _part(self) -> list[tuple[_Place, Records]]:
        """Find the places of the watched sockets; those that no dump has shown are looked for.

        Each is asked for by the key that the kernel gave there: tcp_probe tells no device. Where
        that fails, it is done again after the next dump.
        """
        parted: list[tuple[_Place, Records]] = []
        self._parted = parted
        sockets = self._watched
        for place in self._places.values():
            here = among(place.known["sock_cookie"], sockets["sock_cookie"])
            if here.any():
                parted.append((place, place.known[here]))
                sockets = sockets[~among(sockets["sock_cookie"], place.known["sock_cookie"])]
        sockets = sockets[~among(sockets["sock_cookie"], self._sought)]
        if len(sockets) and len(self._places) <= _MOST_PLACES:
            self._look_everywhere(sockets)
        return parted

    def _look_everywhere(self, sockets: Records) -> None:
        """Sample sockets known from tcp_probe only, which reports no namespace.

        A socket that is not found may be bound to a device, or in an unreachable namespace.
        """
        for place in self._places.values():
            found = place.diag.query(sockets)
            found = pick(found, found["end"] == End.LIVES)
            if len(found):
                place.diag.fill_mptcp(found)
                place.known = joined([place.known, sockets_of(found)])
                self._parted = None
                self._give(found, place, narrowed=False)
                sockets = sockets[~among(sockets["sock_cookie"], found["sock_cookie"])]
        self._sought = np.concatenate([self._sought, sockets["sock_cookie"]])
