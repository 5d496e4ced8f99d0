"""`tcctui trace --until` and `--summary` on real traffic, beside what ss says of it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.kernel.command import TCCTUI, Command, says, trace
from tests.kernel.deadlines import until
from tests.kernel.network import Network, run
from tests.kernel.processes import files, of_threads
from tests.kernel.repeated import repeated
from tests.kernel.traffic import PORT, Connection, connections, exchange, quiet

pytestmark = pytest.mark.kernel

ONLY = ("--port", str(PORT))


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Make a path that loses segments."""
    with Network(rate="20mbit", queue="60kb", loss=0.02) as made:
        yield made


def reads(command: Command) -> None:
    """Wait until a command says that it reads."""
    until("it reads", lambda: says(command, "Ctrl-C ends it"))


def sends_until_it_ends(command: Command, connection: Connection) -> None:
    """Send on and on, until a command has seen what it waits for."""

    def ended() -> bool:
        exchange([connection], up=200_000)
        return command.process.poll() is not None

    until("it ends", ended, pause=0)


def sends_until_all_have_lost(network: Network, over: Sequence[Connection]) -> None:
    """Send a megabyte and more, until each client has retransmitted something."""

    def lost() -> bool:
        exchange(over, up=1_000_000)
        quiet(over)
        return all(ss(network.client, one)["retrans"] for one in over)

    until("all have lost", lost, pause=0)


def samples(network: Network, command: Command) -> None:
    """Wait until a command has sampled all sockets of both hosts, and has nothing to do."""
    pid = command.process.pid

    def sampled() -> bool:
        if not all(_has_sock_diag(pid, name) for name in (network.client, network.server)):
            return False
        # A dump is work from its beginning to its end.
        asleep = _asleep(pid)
        return asleep is not None and asleep == _asleep(pid)

    until("all is sampled", sampled)


_SOCK_DIAG = "4"  # NETLINK_SOCK_DIAG, include/uapi/linux/netlink.h


def _has_sock_diag(pid: int, namespace: str) -> bool:
    """Whether a process itself has a socket of sock_diag in a namespace."""
    lines = run("ip", "netns", "exec", namespace, "cat", "/proc/net/netlink").splitlines()
    words = [line.split() for line in lines]
    there = {f"socket:[{word[-1]}]" for word in words if word[1] == _SOCK_DIAG}
    return bool(there & files(pid))


def _asleep(pid: int) -> list[str] | None:
    """How often each thread of a process has gone to sleep; None if one is awake."""
    statuses = list(of_threads(pid, "status"))
    if any("State:\tS" not in status for status in statuses):
        return None
    return re.findall(
        r"^(?:Pid|voluntary_ctxt_switches):\t(\d+)", "\n".join(statuses), re.MULTILINE
    )


def ss(namespace: str, connection: Connection) -> dict[str, float]:
    """Numbers that ss prints of the client's socket."""
    lines = run("ss", "-HOtine", "-N", namespace).splitlines()
    (line,) = (line for line in lines if f" sk:{connection.cookies[0]:x} " in line)
    numbers = {name: float(number) for name, number in re.findall(r"(\w+):([0-9.]+)", line)}
    retransmits = re.search(r"retrans:\d+/(\d+)", line)
    return numbers | {"retrans": float(retransmits[1]) if retransmits else 0}


def test_it_happens(network: Network) -> None:
    """While a lossy path is used, --until ends it with 0, and names the connection."""
    with trace(*ONLY, "--until", "retrans>10 dport:1-65535", "--duration", "60") as command:
        reads(command)
        with connections(network, "ipv4") as made:
            sends_until_it_ends(command, made[0])
            assert command.wait() == 0
            (client, _) = made[0].endpoints
        pattern = rf"{client[0]}:{client[1]} > {Network.SERVER}:{PORT} \| retrans (\d+)\n"
        match = re.fullmatch(pattern, command.stdout)
        assert match, command.stdout
        assert int(match[1]) > 10
        assert "Match after" in command.stderr


def test_it_does_not_happen(network: Network) -> None:
    """Where nobody sends anything again, the exit code is 3 after --duration."""
    with trace(*ONLY, "--until", "retrans>1000000", "--duration", "1") as command:
        reads(command)
        with connections(network, "ipv4") as made:
            exchange(made, up=100_000)
            assert command.wait() == 3
        assert command.stdout == ""
        seconds = re.search(r"No match within (\d+\.\d) s", command.stderr)
        assert seconds
        assert float(seconds[1]) >= 1


def test_losses_of_late_fail_after_a_clean_life() -> None:
    """A tenth lost for some seconds ends --fail-if with 4, while it is little of the whole life."""
    lossy = "meta l4proto tcp meta length > 200 numgen random mod 100 < 10 drop"
    conditions = ("--fail-if", "share(retrans%1s>5)>40% for 500ms", "--until", "retrans%>5")
    with Network() as network, trace(*ONLY, *conditions, "--duration", "60") as command:
        reads(command)
        with connections(network, "ipv4") as made:
            exchange(made, up=60_000_000)
            network.firewall(lossy)
            sends_until_it_ends(command, made[0])
            assert command.wait() == 4, command.stderr
        assert re.fullmatch(r"all connections \| 1 of 2 connections\n", command.stdout)


def test_it_happens_in_an_event(network: Network) -> None:
    """What tcp_probe tells is waited for as what sock_diag tells."""
    with trace(*ONLY, "--until", "cwnd>12 cc:cubic", "--duration", "60") as command:
        reads(command)
        with connections(network, "ipv4") as made:
            sends_until_it_ends(command, made[0])
            assert command.wait() == 0
        assert re.search(r"\| cc cubic cwnd \d+\n", command.stdout)


def test_a_summary_has_what_ss_has(network: Network) -> None:
    """Bytes, retransmits and algorithm are TCP_INFO's; its cwnd and rtt are within the extremes."""
    with trace(*ONLY, "--summary", "--format", "json") as command:
        reads(command)
        with (
            connections(network, "ipv4", "ipv6") as made,
            connections(network, "mapped", port=PORT) as closed,
        ):
            exchange(made, up=1_500_000, down=100_000)
            exchange(closed, up=300_000)
            gone = closed[0].cookies[0]
            quiet([*made, *closed])
            closed[0].close()
            said = {one.cookies[0]: ss(network.client, one) for one in made}
            cookies = {cookie for one in made for cookie in one.cookies}
            assert command.end(signal.SIGINT) == 0
        told: dict[str, Any] = json.loads(command.stdout)
    flows = {flow["sock_cookie"]: flow for flow in told["flows"]}
    assert told["lost"] == 0
    assert told["acks"] == sum(flow["acks"] for flow in flows.values()) > 100
    assert cookies <= flows.keys()
    for cookie, theirs in said.items():
        ours = flows[cookie]
        assert ours["bytes_acked_seen"] == ours["bytes_acked"] == theirs["bytes_acked"]
        assert ours["retransmits"] == ours["retransmits_total"] == theirs["retrans"]
        assert ours["cc"] == "cubic"
        assert ours["state"] == "ESTAB"
        assert ours["snd_cwnd_min"] <= theirs["cwnd"] <= ours["snd_cwnd_max"]
        assert ours["srtt_min_us"] <= theirs["rtt"] * 1000 + 1
        assert theirs["rtt"] * 1000 - 1 <= ours["srtt_max_us"]
        assert ours["srtt_min_us"] <= ours["srtt_mean_us"] <= ours["srtt_max_us"]
    assert flows[gone]["bytes_acked_seen"] >= 300_000
    assert flows[gone]["state"] != "ESTAB"


@pytest.mark.parametrize("source", ["auto", "sock_diag"])
def test_a_summary_is_of_its_time(network: Network, source: str) -> None:
    """Of connections that were there before, it counts what TCP_INFO counts meanwhile."""
    with connections(network, "ipv4", "ipv6") as made:
        sends_until_all_have_lost(network, made)
        before = {one.cookies[0]: ss(network.client, one) for one in made}
        given = (*ONLY, "--source", source, "--summary", "--format", "json")
        with trace(*given) as command:
            reads(command)
            samples(network, command)
            exchange(made, up=700_000)
            quiet(made)
            after = {one.cookies[0]: ss(network.client, one) for one in made}
            assert command.end(signal.SIGINT) == 0
            told = json.loads(command.stdout)["flows"]
    flows = {flow["sock_cookie"]: flow for flow in told}
    for cookie, theirs in after.items():
        ours, earlier = flows[cookie], before[cookie]
        assert earlier["bytes_acked"] >= 1_000_000
        assert ours["bytes_acked_seen"] == theirs["bytes_acked"] - earlier["bytes_acked"] >= 700_000
        assert ours["retransmits"] == theirs["retrans"] - earlier["retrans"]
        assert ours["bytes_acked"] == theirs["bytes_acked"]
        assert ours["retransmits_total"] == theirs["retrans"] > 0


def test_a_summary_in_the_middle_of_a_transfer(network: Network) -> None:
    """Of one that goes on all the time it is what came in between, whatever was before."""
    with connections(network, "ipv4") as made:

        def acked() -> float:
            return ss(network.client, made[0])["bytes_acked"]

        sends_until_all_have_lost(network, made)
        exchange(made, up=3_000_000)
        with sending(made[0]):
            before = acked()
            with trace(*ONLY, "--summary", "--format", "json") as command:
                reads(command)
                begun = acked()
                until("there is something to count", lambda: acked() > begun + 2_000_000)
                ended = acked()
                assert command.end(signal.SIGINT) == 0
                after = acked()
                (ours,) = (
                    flow
                    for flow in json.loads(command.stdout)["flows"]
                    if flow["sock_cookie"] == made[0].cookies[0]
                )
    assert ended - begun <= ours["bytes_acked_seen"] <= after - before
    assert ours["bytes_acked_seen"] < ours["bytes_acked"] - 2_500_000
    assert ours["retransmits"] < ours["retransmits_total"]


def sending(connection: Connection) -> AbstractContextManager[None]:
    """Send all the time, in a thread, for as long as the context lasts."""
    return repeated(lambda: exchange([connection], up=500_000))


def test_a_summary_without_root() -> None:
    """Samples alone make a summary as well, of what they have."""
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    with Command(*nobody, TCCTUI, "trace", "--summary", "--duration", "1") as command:
        assert command.wait() == 0, command.stderr
        assert command.stdout.startswith("LOCAL")
        assert "needs root" in command.stderr
