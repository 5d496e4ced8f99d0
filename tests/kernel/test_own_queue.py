"""Queue of this machine beside `tc`: which device, which discipline, and what waits in it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcctui.privileges import capabilities
from tcctui.sources import own_queue
from tcctui.sources.own_queue import Ends, OwnQueues
from tcctui.sources.sock_diag import namespaces
from tcctui.ui.style import units
from tcctui.wire.own_queue import OwnQueue
from tests.kernel.command import TCCTUI
from tests.kernel.deadlines import until
from tests.kernel.network import Network, inside, run
from tests.kernel.processes import files
from tests.kernel.terminal import Terminal
from tests.kernel.traffic import PORT, connect, connections, talk
from tests.unit.events import halves

ELSEWHERE = pytest.mark.parametrize("elsewhere", [False, True], ids=["own", "other"])
"""The reader is in the connection's namespace, or where it was started."""

SERVER = halves(Network.CLIENT), halves(Network.SERVER)


def in_tc(namespace: str, device: str) -> dict[str, int | str]:
    """Root queueing discipline of a device as `tc` has it."""
    text = run("ip", "netns", "exec", namespace, "tc", "-s", "-j", "qdisc", "show", "dev", device)
    found: dict[str, int | str] = json.loads(text)[0]
    return found


def inode(namespace: str) -> int:
    """Inode of a namespace with a name."""
    return os.stat(Path("/run/netns", namespace)).st_ino


def enter(netns: int) -> socket.socket:
    """Open a socket as the process apart does."""
    for one in namespaces.found():
        if one.inode == netns:
            return namespaces.open_route(one)
    raise FileNotFoundError(netns)


@pytest.fixture
def queues() -> Iterator[OwnQueues]:
    """Give what asks for queues, with the right to enter namespaces."""
    with contextlib.closing(OwnQueues(enter)) as made:
        yield made


def found_in(queues: OwnQueues, netns: int, ends: Ends) -> OwnQueue:
    """Queue that is found as soon as the namespace is entered."""
    found = until("there is a queue", lambda: queues.of(netns, ends))
    assert found is not None
    return found


def of_reader(namespace: str, *, elsewhere: bool) -> contextlib.AbstractContextManager[None]:
    """Namespace of who reads: the connection's, or any other one."""
    return contextlib.nullcontext() if elsewhere else inside(namespace)


@ELSEWHERE
def test_the_queue_is_that_of_tc(
    queues: OwnQueues, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow token bucket that is full: bytes and packets that wait, and those dropped."""
    monkeypatch.setattr(own_queue, "_EVERY", 0)
    with Network() as network, contextlib.ExitStack() as opened:
        slow_down(network, "8kbit")
        netns = inode(network.client)
        with inside(network.client):
            sender = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        opened.enter_context(of_reader(network.client, elsewhere=elsewhere))

        def full() -> bool:
            sender.sendto(bytes(1000), (network.SERVER, PORT))
            found = queues.of(netns, SERVER)
            return found is not None and found.drops > 3

        until("it is full", full)

        def same() -> bool:
            told, found = in_tc(network.client, network.DEVICE), queues.of(netns, SERVER)
            assert found is not None
            assert (found.device, found.kind) == (network.DEVICE, "tbf")
            return (found.backlog, found.qlen, found.drops) == (
                *(told["backlog"], told["qlen"], told["drops"]),
            )

        # A packet leaves each second: mostly none between the two.
        until("they agree", same)

        def told() -> bool:
            sender.sendto(bytes(1000), (network.SERVER, PORT))
            found = queues.of(netns, SERVER)
            if found is None or found.backlog <= 5000:
                return False
            # 1,000 bytes a second, and whole packets: one more or less of three. Fewer leave while
            # the machine stands still.
            return 0.4 < found.wait_us / 1e6 / (found.backlog / 1000) < 2.1

        monkeypatch.setattr(own_queue, "_EVERY", 3.0)
        until("it is known how long that takes", told)
        monkeypatch.setattr(own_queue, "_EVERY", 0)
        ipv6 = halves(network.CLIENT6), halves(network.SERVER6)
        found = queues.of(netns, ipv6)
        assert found is not None
        assert found.device == network.DEVICE
        index = int(run("ip", "netns", "exec", network.client, "cat", LINK))
        link_local = [(high | index, low) for high, low in map(halves, ("fe80::1", "fe80::2"))]
        found = queues.of(netns, (link_local[0], link_local[1]))
        assert found is not None
        assert found.device == network.DEVICE
        assert queues.of(netns, (SERVER[0], halves("203.0.113.1"))) is None, "no route"
        local = halves("127.0.0.1")
        assert queues.of(netns, (local, local)) is None, "the loopback has no queue"


LINK = f"/sys/class/net/{Network.DEVICE}/ifindex"


def slow_down(network: Network, rate: str) -> None:
    """Give the client's device a token bucket of so little that it is soon full."""
    slow = ("tbf", "rate", rate, "burst", "2000", "limit", "20000")
    tc = ("ip", "netns", "exec", network.client, "tc", "qdisc")
    run(*tc, "replace", "dev", network.DEVICE, "root", *slow)


@ELSEWHERE
def test_rules_by_source_are_followed(queues: OwnQueues, elsewhere: bool) -> None:
    """A host with two ways out may choose by its own address: the queue is that way's."""
    with Network() as network:
        client = ("ip", "netns", "exec", network.client)
        for device, address in (("way0", "198.51.100.1"), ("way1", "198.51.100.2")):
            run(*client, "ip", "link", "add", device, "type", "veth", "peer", f"{device}-peer")
            for end in (device, f"{device}-peer"):
                run(*client, "ip", "link", "set", end, "up")
            run(*client, "ip", "address", "add", f"{address}/32", "dev", device)
            run(*client, "tc", "qdisc", "replace", "dev", device, "root", "pfifo")
        run(*client, "ip", "route", "add", "203.0.113.0/24", "dev", "way0")
        run(*client, "ip", "rule", "add", "from", "198.51.100.2", "table", "7")
        run(*client, "ip", "route", "add", "203.0.113.0/24", "dev", "way1", "table", "7")
        with of_reader(network.client, elsewhere=elsewhere):
            for device, address in (("way0", "198.51.100.1"), ("way1", "198.51.100.2")):
                ends = halves(address), halves("203.0.113.9")
                assert found_in(queues, inode(network.client), ends).device == device


@ELSEWHERE
def test_a_bound_socket_leaves_by_its_device(queues: OwnQueues, elsewhere: bool) -> None:
    """Bound to a device, it leaves by that, whichever way others have to the same address."""
    with Network() as network:
        client = ("ip", "netns", "exec", network.client)
        index = {}
        for device, address in (("way0", "198.51.100.1"), ("way1", "203.0.113.1")):
            run(*client, "ip", "link", "add", device, "type", "veth", "peer", f"{device}-peer")
            for end in (device, f"{device}-peer"):
                run(*client, "ip", "link", "set", end, "up")
            run(*client, "ip", "address", "add", f"{address}/24", "dev", device)
            run(*client, "tc", "qdisc", "replace", "dev", device, "root", "pfifo")
            index[device] = int(run(*client, "cat", f"/sys/class/net/{device}/ifindex"))
        ends = halves("203.0.113.1"), halves("198.51.100.9")
        with of_reader(network.client, elsewhere=elsewhere):
            assert found_in(queues, inode(network.client), ends).device == "way0"
            for device, bound in index.items():
                found = queues.of(inode(network.client), ends, bound)
                assert found is not None
                assert found.device == device


def test_the_dashboard_knows_the_device_of_a_socket(tmp_path: Path) -> None:
    """The queue of a connection that is bound to a device is that one's, not the route's."""
    with Network() as network, Terminal(tmp_path, columns=200, lines=70) as terminal:
        veth = ("type", "veth", "peer", "name", "others-peer")
        run("ip", "-n", network.client, "link", "add", "other", *veth)
        run("ip", "-n", network.client, "link", "set", "other", "up")
        for device, kind in (("other", "bfifo"), (network.DEVICE, "pfifo")):
            run("tc", "-n", network.client, "qdisc", "replace", "dev", device, "root", kind)
        with contextlib.closing(connect(network, "ipv4")) as connection:
            talk(connection, 3)
            own = network.DEVICE.encode()
            connection.client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, own)
            # Others get there by a device that leads nowhere.
            address = f"{network.SERVER}/32"
            run("ip", "-n", network.client, "route", "add", address, "dev", "other")
            talk(connection, 3)
            terminal.start(f"{TCCTUI} --port {PORT} --no-config")
            terminal.shows(r"2/2 flows")
            select(terminal, network.CLIENT)
            terminal.shows(rf"pfifo on {network.DEVICE}")
            terminal.press("q")
            assert terminal.ended() == 0


# In other namespaces


def route_sockets(namespace: str, process: int | str = "self") -> set[str]:
    """Sockets of rtnetlink that a process has in a namespace, as /proc/PID/fd names them."""
    with inside(namespace):
        lines = Path("/proc/thread-self/net/netlink").read_text().splitlines()[1:]
    there = {f"socket:[{words[-1]}]" for words in map(str.split, lines) if words[1] == "0"}
    return there & files(process)


def test_namespaces_are_told_apart(queues: OwnQueues) -> None:
    """Two connections with the same addresses have each the queue of their own namespace.

    A socket is open in that of the last one alone, and in none once nothing is asked for.
    """
    with Network() as network:
        both = network.client, network.server
        for name, kind in zip(both, ("pfifo", "bfifo"), strict=True):
            run("ip", "-n", name, "address", "add", "192.0.2.9/32", "dev", network.DEVICE)
            run("tc", "-n", name, "qdisc", "replace", "dev", network.DEVICE, "root", kind)
        ends = halves("192.0.2.9"), halves("192.0.2.77")
        assert found_in(queues, inode(network.client), ends).kind == "pfifo"
        assert [len(route_sockets(name)) for name in both] == [1, 0]
        assert found_in(queues, inode(network.server), ends).kind == "bfifo"
        assert [len(route_sockets(name)) for name in both] == [0, 1]
        with inside(network.client):
            assert found_in(queues, inode(network.client), ends).kind == "pfifo"
            assert [len(route_sockets(name)) for name in both] == [0, 0], "here there is none kept"
        assert found_in(queues, inode(network.client), ends).kind == "pfifo"
        queues.close()
        assert [len(route_sockets(name)) for name in both] == [0, 0]


def test_a_deleted_namespace_is_not_kept(
    queues: OwnQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A namespace lives on while it is asked for, answers, and ends when nothing is asked of it.

    Its devices go with it; then nothing is found there.
    """
    monkeypatch.setattr(own_queue, "_EVERY", 0)
    with Network() as network:
        veth = ("link", "add", "one-end", "type", "veth", "peer", "name", "other-end")
        run("ip", "-n", network.client, *veth, "netns", network.server)
        slow_down(network, "8kbit")
        netns = inode(network.client)
        assert found_in(queues, netns, SERVER).kind == "tbf"
        run("ip", "netns", "delete", network.client)
        assert found_in(queues, netns, SERVER).kind == "tbf"
        there = ("ip", "-n", network.server, "link")
        assert "other-end" in run(*there)
        queues.close()
        until("it is gone", lambda: "other-end" not in run(*there))
        assert queues.of(netns, SERVER) is None
        before = files("self")
        until(
            "that is known", lambda: not any(one.name == "route" for one in threading.enumerate())
        )
        assert queues.of(netns, SERVER) is None
        assert files("self") <= before


def netlink() -> socket.socket:
    """Open a socket of rtnetlink as any program does."""
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)


def test_who_has_the_socket_may_change_nothing() -> None:
    """One that root opened in a namespace takes no change from a thread without rights.

    The same message of root's is obeyed. None but the kernel can send to it.
    """
    with Network() as network, enter(inode(network.client)) as link:
        index = int(run("ip", "netns", "exec", network.client, "cat", LINK))

        def delete() -> int:
            # RTM_DELLINK with NLM_F_REQUEST and NLM_F_ACK: struct nlmsghdr, struct ifinfomsg.
            link.send(struct.pack("=IHHIIBxHiII", 32, 17, 5, 1, 0, 0, 0, index, 0, 0))
            return -int(struct.unpack_from("=i", link.recv(4096), 16)[0])

        answers: list[int] = []

        def without_rights() -> None:
            capabilities.keep(())  # of this thread alone
            answers.append(delete())

        thread = threading.Thread(target=without_rights)
        thread.start()
        thread.join()
        assert answers == [errno.EPERM]
        with inside(network.client), netlink() as other, pytest.raises(ConnectionRefusedError):
            other.sendto(bytes(16), (link.getsockname()[0], 0))
        assert network.DEVICE in run("ip", "-n", network.client, "link")
        assert delete() == 0
        assert network.DEVICE not in run("ip", "-n", network.client, "link")


def test_the_dashboard_beside_tc(tmp_path: Path) -> None:
    """A flow of another namespace has its own queue in the details, with what `tc` says of it.

    A socket is open in the namespace of the selected flow, and only while its details are shown.
    """
    with (
        Network() as network,
        connections(network, "ipv4") as made,
        Terminal(tmp_path, columns=200, lines=70) as terminal,
    ):
        talk(made[0], 3)
        fill(network)
        pid = terminal.start(f"{TCCTUI} --port {PORT} --no-config")
        terminal.shows(r"2/2 flows")
        select(terminal, network.CLIENT)

        def as_tc_says(screen: str) -> bool:
            told = in_tc(network.client, network.DEVICE)
            waiting, drops = units.size(float(told["backlog"])), units.count(float(told["drops"]))
            said = (f"own queue {waiting} waiting", f"tbf on {network.DEVICE}", f"{drops} dropped")
            return all(text in screen for text in said)

        terminal.until("it is as tc says", as_tc_says)

        def opened(*numbers: int) -> None:
            both = network.client, network.server
            until(
                f"{numbers} sockets",
                lambda: tuple(len(route_sockets(name, pid)) for name in both) == numbers,
            )

        opened(1, 0)
        terminal.press("d")
        terminal.hides("own queue")
        opened(0, 0)
        terminal.press("d")
        terminal.until("it is as tc says", as_tc_says)
        opened(1, 0)
        select(terminal, network.SERVER)
        opened(0, 1)
        terminal.press("q")
        assert terminal.ended() == 0


def test_a_namespace_goes_and_the_dashboard_stays(tmp_path: Path) -> None:
    """A namespace without a name has its queue shown while the connection lives; then it is left.

    The dashboard goes on, with no socket in it.
    """
    with Network() as network, Terminal(tmp_path, columns=200, lines=70) as terminal:
        with contextlib.closing(connect(network, "ipv4")) as connection:
            talk(connection, 3)
            fill(network)
            pid = terminal.start(f"{TCCTUI} --port {PORT} --no-config")
            terminal.shows(r"2/2 flows")
            select(terminal, network.CLIENT)
            terminal.shows(rf"tbf on {network.DEVICE}")
            (kept,) = route_sockets(network.client, pid)
            run(
                "tc",
                "-n",
                network.client,
                "qdisc",
                "replace",
                "dev",
                network.DEVICE,
                "root",
                "pfifo",
            )
            run("ip", "netns", "delete", network.client)
            terminal.shows(rf"pfifo on {network.DEVICE}")
            assert kept in files(pid)
        terminal.hides("own queue")
        until("the socket is closed", lambda: kept not in files(pid))
        screen = terminal.shows(r"(?s)\A.*Closed .*\Z")[0]
        assert "Traceback" not in screen
        terminal.press("q")
        assert terminal.ended() == 0


def fill(network: Network) -> None:
    """Fill the client's queue, of which a packet leaves in 8 s: long enough to compare."""
    slow_down(network, "1kbit")
    with inside(network.client), socket.socket(type=socket.SOCK_DGRAM) as sender:

        def full() -> bool:
            sender.sendto(bytes(1000), (network.SERVER, PORT))
            return int(in_tc(network.client, network.DEVICE)["drops"]) > 3

        until("it is full", full)


def select(terminal: Terminal, local: str) -> None:
    """Select the one of two flows that has this address: the first, or the last.

    Neither key does anything more where it comes twice, or late.
    """
    local_first = rf"(?m)^ {re.escape(local)}:\d+ .*\n .*:\d+  "

    def selected() -> bool:
        terminal.press("Home" if re.search(local_first, terminal.screen) else "End")
        with contextlib.suppress(AssertionError):
            return bool(terminal.shows(rf"{local}:\d+ → ", seconds=10))
        return False

    until(f"{local} is selected", selected)
