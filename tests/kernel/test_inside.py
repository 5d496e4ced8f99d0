"""What is read of sockets beside tcp_probe's events, held against TCP_INFO and every ACK."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from tcctui.errors import TcctuiError
from tcctui.flows.store import Store
from tcctui.headless.matching import Followed
from tcctui.headless.read_loop import Played
from tcctui.pump import deliver, poll
from tcctui.query import parse
from tcctui.recording.file import Recording
from tcctui.sources.kernel import private_layouts, self_test
from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.type_flags import probe_flags
from tcctui.sources.kernel.type_information import Kind, of_this_kernel
from tcctui.wire import private_layout
from tcctui.wire.events import EVENT, CaState, EventKind, Events
from tcctui.wire.inside import EVERYTHING, NO_INSIDES, Asked, Insides, together
from tcctui.wire.records import joined
from tests.kernel.command import TCCTUI, Command
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.recorder import probes_of
from tests.kernel.terminal import Terminal
from tests.kernel.traffic import (
    PORT,
    Connection,
    chatter,
    connect,
    connections,
    cookie,
    exchange,
    quiet,
)

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not probe_flags(of_this_kernel()), reason="this kernel has no BTF"),
]

BOTH = Asked.SOCKET | Asked.ALGORITHM

Told = tuple[Events, Insides]


class Following:
    """Poll of a source whose batches go to `followed`."""

    def __init__(self, source: BpfSource, followed: Followed) -> None:
        self._source, self._followed = source, followed
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow)

    def _follow(self) -> None:
        while not self._over.is_set():
            self._followed.choose(poll(self._source, 0.01))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


class Watch:
    """A source for the tests' own port, and all that it has told."""

    def __init__(self, interval_ms: float) -> None:
        self.source = BpfSource(KernelFilter.on_ports(PORT), interval_ms=interval_ms)
        self._events: list[Events] = [np.empty(0, EVENT)]
        self._insides: list[Insides] = []

    def read(self, timeout: float = 0.0) -> None:
        """Take in what there is."""
        self._events.append(self.source.read(timeout))
        self._insides.append(self.source.inside())

    def drained(self, key: int) -> Told:
        """All of a socket, once nothing more comes."""
        while True:
            self.read(0.1)
            if not len(self._events[-1]):
                break
        insides = together(self._insides)
        return probes_of(joined(self._events), [key]), Insides(
            *(part[part["sock_cookie"] == key] for part in insides)
        )


@contextmanager
def watch(interval_ms: float) -> Iterator[Watch]:
    """Watch until the context ends."""
    watched = Watch(interval_ms)
    with closing(watched.source):
        yield watched


def tcp_info(end: socket.socket) -> dict[str, int]:
    """Some of TCP_INFO, by its names without tcpi_ (include/uapi/linux/tcp.h)."""
    data = end.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 256)
    places = {"rto": 8, "snd_mss": 16, "reordering": 88, "min_rtt": 148, "delivered": 192}
    return {name: struct.unpack_from("=I", data, place)[0] for name, place in places.items()}


def transfer(over: Connection, watched: list[Watch], size: int = 600_000) -> None:
    """Send to the server, reading now and then, until all is acknowledged."""
    for _ in range(5):
        exchange([over], up=size // 5)
        for one in watched:
            one.read()
    quiet([over])


def test_members_are_those_of_tcp_info() -> None:
    """Of an idle connection, members are what TCP_INFO says of it; each ACK's has its event."""
    with watch(0) as every, Network() as network, connections(network, "ipv4") as (one,):
        key = cookie(one.client)
        every.source.focus([key])
        assert every.source.look_inside(BOTH)
        transfer(one, [every])
        events, insides = every.drained(key)
        info = tcp_info(one.client)
    assert len(insides.sockets) == len(insides.algorithms) == len(events) > 10
    sockets = insides.sockets
    assert sockets["ts_ns"].tolist() == events["ts_ns"].tolist()
    last = sockets[-1]
    assert last["mss_cache"] == info["snd_mss"]
    assert last["min_rtt_us"] == info["min_rtt"]
    assert last["reordering"] == info["reordering"]
    assert 0 < info["delivered"] - last["delivered"] <= last["packets_out"]
    assert (np.diff(sockets["delivered"].astype("i8")) >= 0).all()
    assert last["icsk_rto"] == info["rto"]
    sent = (events["snd_nxt"] - events["snd_una"]).astype("i8")
    in_flight = sockets["packets_out"].astype("i8") * int(last["mss_cache"])
    assert ((in_flight - sent >= 0) & (in_flight - sent < 20 * int(last["mss_cache"]))).all()
    assert (sockets["in_flight_min"] == sockets["packets_out"]).all(), "nothing was lost"


@pytest.mark.parametrize("interval_ms", [0, 20], ids=["each ACK", "coalesced"])
def test_only_what_is_asked_for(interval_ms: float) -> None:
    """Nothing is read of sockets unless it is asked for; each kind in focus, or of all."""
    socket_of_all, algorithm_of_all = Asked.SOCKET_OF_ALL, Asked.ALGORITHM_OF_ALL
    nothing, both = (False, False, False), (True, True, False)
    # Nothing is lost, so that there is no SACK: ACKs of their own are those in focus.
    expected: list[tuple[Asked, tuple[tuple[bool, ...], tuple[bool, ...]]]] = [
        (Asked.NOTHING, (nothing, nothing)),
        (Asked.ALGORITHM, (nothing, (False, True, False))),
        (BOTH, (nothing, both)),
        (socket_of_all, ((True, False, False), (True, False, False))),
        (socket_of_all | Asked.ALGORITHM, ((True, False, False), both)),
        (algorithm_of_all | Asked.SOCKET, ((False, True, False), both)),
        (Asked.ACK, (nothing, (False, False, True))),
        (Asked.ACK_OF_ALL, (nothing, nothing)),
        (Asked.NOTHING, (nothing, nothing)),
        (EVERYTHING, (both, both)),
    ]
    with (
        watch(interval_ms) as every,
        Network() as network,
        connections(network, "ipv4", "ipv6") as (one, other),
    ):
        keys = [cookie(one.client), cookie(other.client)]
        every.source.focus([keys[1]])
        for asked, kinds in expected:
            every.source.look_inside(asked)
            for each in (one, other):
                transfer(each, [every], 10_000)
            told = [every.drained(key)[1] for key in keys]
            assert tuple(tuple(len(part) > 0 for part in one) for one in told) == kinds, asked
            every._insides.clear()


def test_nothing_is_told_twice() -> None:
    """What was read before nothing was asked for is not told with the events of after that."""
    with watch(100) as every, Network() as network, connections(network, "ipv4") as (one,):
        key = cookie(one.client)
        every.source.look_inside(Asked.SOCKET_OF_ALL)
        transfer(one, [every], 10_000)
        assert len(every.drained(key)[1].sockets)
        every.source.look_inside(Asked.NOTHING)
        for _ in range(5):
            exchange([one], up=10_000)  # the last ACKs are in the slot, unreported
        every.source.look_inside(Asked.SOCKET_OF_ALL)
        time.sleep(0.15)  # more than an interval: the next ACK tells what is in the slot
        exchange([one], up=1000)
        when = every.drained(key)[1].sockets["ts_ns"].tolist()
    assert len(set(when)) == len(when)


@pytest.mark.parametrize("in_focus", [True, False], ids=["in focus", "of all"])
def test_coalesced_ones_stand_for_all_acks_of_their_event(*, in_focus: bool) -> None:
    """Members are the last ACK's, what is in flight has the extremes of all; idle flows' come, too.

    Beside a source that tells each ACK.
    """
    with (
        watch(0) as every,
        watch(100) as some,
        Network(rate="20mbit", loss=0.02) as network,
        connections(network, "ipv4") as (one,),
    ):
        key = cookie(one.client)
        for watched in (every, some):
            watched.source.focus([key] if in_focus else [])
            watched.source.look_inside(BOTH if in_focus else EVERYTHING)
        transfer(one, [every, some])
        plain, each = every.drained(key)
        events, told = some.drained(key)
    assert 3 < len(events) < len(plain)
    assert len(told.sockets) == len(told.algorithms) == len(events)
    assert told.sockets["ts_ns"].tolist() == events["ts_ns"].tolist()
    assert told.sockets["acks"].tolist() == events["acks"].tolist()
    assert int(events["acks"][-1]) == len(plain) == len(each.sockets)
    begin = 0
    for place, end in enumerate(events["acks"].tolist()):
        record, last = told.sockets[place], each.sockets[end - 1]
        for name in ("packets_out", "sacked_out", "lost_out", "delivered", "ca_state", "high_seq"):
            assert record[name] == last[name], name
        assert told.algorithms[place]["private"].tobytes() == (
            each.algorithms[end - 1]["private"].tobytes()
        )
        flying = each.sockets["in_flight_min"][begin:end]
        assert (record["in_flight_min"], record["in_flight_max"]) == (flying.min(), flying.max())
        begin = end


def test_recovery_states_are_those_of_each_ack() -> None:
    """With losses, the state at each ACK is the one that the kernel's tracepoint told last."""
    with (
        watch(0) as every,
        Network(rate="20mbit", loss=0.02) as network,
        connections(network, "ipv4") as (one,),
    ):
        key = cookie(one.client)
        every.source.focus([key])
        every.source.look_inside(Asked.SOCKET)
        transfer(one, [every])
        _, told = every.drained(key)
        port = one.client.getsockname()[1]
        events = joined(every._events)
    states = events[(events["kind"] == EventKind.CA_STATE) & (events["sport"] == port)]
    assert len(states), "nothing was lost"
    place = np.searchsorted(states["ts_ns"], told.sockets["ts_ns"]) - 1
    known = place >= 0
    assert (told.sockets["ca_state"][~known] == CaState.OPEN).all()
    # Back to Open, and to Disorder, without a tracepoint only where it tells each change.
    expected = states["newstate"][place[known]]
    assert told.sockets["ca_state"][known].tolist() == expected.tolist()


def refuses(*_: object) -> None:
    """Stand in for what must not be called."""
    raise AssertionError("types are read")


@pytest.mark.parametrize(("algorithm", "struct_name"), [("cubic", "bictcp"), ("bbr", "bbr")])
def test_an_algorithms_own_state(
    algorithm: str, struct_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members of the algorithm's struct are where BTF has them: its RTT is that of the path.

    Where it is no module, the program brings the layout: no types are read again.
    """
    types = of_this_kernel()
    assert types is not None
    number = types.find(Kind.STRUCT, struct_name)
    assert number is not None
    offsets = {one.name: one.byte for one in types.members(number)}
    with watch(0) as every, Network() as network:
        if not (private_layouts.TYPES / f"tcp_{algorithm}").exists():
            monkeypatch.setattr(private_layouts, "_read", refuses)
        one = connect(network, "ipv4", congestion=algorithm)
        with closing(one):
            key = cookie(one.client)
            every.source.focus([key])
            every.source.look_inside(Asked.ALGORITHM)
            transfer(one, [every])
            _, told = every.drained(key)
            info = tcp_info(one.client)
    private = told.algorithms["private"][-1].tobytes()
    name = "delay_min" if algorithm == "cubic" else "min_rtt_us"
    assert len(np.unique(told.algorithms["key"])) == 1
    layout = private_layout.kept(int(told.algorithms["key"][0]))
    assert layout is not None
    assert layout.struct == struct_name
    assert struct.unpack_from("=I", private, offsets[name])[0] in {
        info["min_rtt"],
        info["min_rtt"] + 1,
    }


def test_a_query_that_names_a_socket_value_has_it_read() -> None:
    """A filter on segments in flight follows a connection that has many, by what its ACKs tell.

    Flows have TCP_INFO's values at rest, though nothing was sampled.
    """
    query = parse("in_flight_packets>10")
    followed = Followed(query)
    with (
        closing(BpfSource(KernelFilter.on_ports(PORT) & KernelFilter.of(query))) as source,
        Network(rate="20mbit") as network,
        connections(network, "ipv4") as (one,),
    ):
        with Following(source, followed):
            exchange([one], up=600_000)
            quiet([one])
        assert followed.cookies.tolist() == [cookie(one.client)]
        info = tcp_info(one.client)
        exchange([one], up=1)
        quiet([one])
        followed.choose(poll(source, 0.1))
    names = ["snd_mss", "rto", "min_rtt", "reordering", "delivered", "in_flight_packets"]
    flows = followed.store.some_flows(followed.cookies, names)
    told = {name: float(flows[name][0]) for name in names}
    # Of the last ACK, the values are those from before it: at rest but for one segment.
    assert told.pop("in_flight_packets") == 1
    assert told == {name: info[name] for name in told}


def test_recorded_and_replayed_the_same(tmp_path: Path) -> None:
    """`record --inside` has each socket and algorithm at each ACK; the replay shows its values."""
    path = tmp_path / "it"
    with Network() as network, connections(network, "ipv4") as made, chatter(*made):
        arguments = ["--port", str(PORT), "--duration", "2", "--inside", str(path)]
        with Command(TCCTUI, "record", *arguments) as command:
            assert command.wait() == 0
        key = made[0].cookies[0]
    with closing(Recording(path)) as recording:
        chunks = list(recording.chunks(0, 1 << 62))
        origin = recording.origin
        store = Store(0)
        deliver(Played(recording, None), store)
    assert origin.inside == 1
    probes = probes_of(joined([chunk.events for chunk in chunks]), [key])
    told = Insides(
        *(
            part[part["sock_cookie"] == np.uint64(key)]
            for part in together([chunk.insides for chunk in chunks])
        )
    )
    assert probes["ts_ns"].tolist() == told.sockets["ts_ns"].tolist()
    assert probes["ts_ns"].tolist() == told.algorithms["ts_ns"].tolist()
    assert len(probes) > 10
    newest = store.some_flows(np.array([key], "u8"), ["socket", "rto_rttvar", "algorithm"])
    assert newest["socket"].tobytes() == told.sockets[-1:].tobytes()
    assert newest["algorithm"].tobytes() == told.algorithms[-1:].tobytes()
    assert newest["rto_rttvar"].tolist() == [told.sockets["rttvar_us"][-1]]


def test_a_wrong_member_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a member is not TCP_INFO's, nothing is read of sockets, and it is named."""
    monkeypatch.setitem(self_test._MEMBERS, "delivered", "rcv_mss")
    with closing(BpfSource()) as source:
        assert source.inside_lacks == "it differs from TCP_INFO: delivered"
        assert not source.look_inside(Asked.SOCKET_OF_ALL)
        assert source.inside() is NO_INSIDES


@pytest.mark.parametrize("option", ["", "--inside"])
def test_the_dashboard_records_what_it_reads(option: str, tmp_path: Path) -> None:
    """Its recording has the state of the selected connection, with --inside all of every one.

    So has the past that S saves.
    """
    with (
        Network() as network,
        connections(network, "ipv4", "ipv6") as both,
        chatter(*both, pause=0.02),
        Terminal(tmp_path) as terminal,
    ):
        keys = {cookie(end) for one in both for end in (one.client, one.server)}
        terminal.start(f"{TCCTUI} --port {PORT} --record all.arrows {option}".strip())
        terminal.until("four flows", lambda text: "attaching" not in text and _rows(text) >= 4)
        terminal.press("Down")
        terminal.shows("cubic|bbr|reno")
        recorded = tmp_path / "all.arrows"
        until("it is recorded", lambda: recorded.exists() and _is_whole(recorded))
        until("something was read", lambda: _read_of(recorded)[1])
        terminal.press("S")
        terminal.shows(r"tcctui-\S+\.arrows")
        terminal.press("q")
        terminal.shows("ended with 0")
    (saved,) = (path for path in tmp_path.glob("*.arrows") if path != recorded)
    for path in (recorded, saved):
        socket_of, algorithm_of = _read_of(path)
        if option:
            assert socket_of == algorithm_of == keys
        else:
            assert algorithm_of < keys
            assert socket_of <= algorithm_of
            assert algorithm_of


def _rows(screen: str) -> int:
    return screen.count(f":{PORT}")


def _is_whole(path: Path) -> bool:
    """Tell if a recording has something that can be read already."""
    try:
        Recording(path).close()
    except TcctuiError:
        return False
    return True


def _read_of(path: Path) -> tuple[set[int], set[int]]:
    """Flows of which a recording has sockets, and algorithms."""
    found: tuple[set[int], set[int]] = set(), set()
    with closing(Recording(path)) as recording:
        for chunk in recording.chunks(0, 1 << 62):
            for flows, part in zip(found, chunk.insides[:2], strict=True):
                flows |= set(part["sock_cookie"].tolist())
    return found
