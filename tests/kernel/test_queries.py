"""`--filter` and `--alert` on real traffic: by the kernel's part, and by what is left of it."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcctui.recording.file import Recording
from tests.kernel.command import TCCTUI, Command, attached, trace
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.recordings import acks_of, events_of, samples_of
from tests.kernel.test_outcome import reads, samples
from tests.kernel.traffic import PORT, Connection, chatter, connect, connections, exchange, talk

pytestmark = pytest.mark.kernel

OTHER = PORT + 1


@pytest.fixture
def network() -> Iterator[Network]:
    """Make a slow path with a queue, so that srtt grows."""
    with Network(rate="20mbit", queue="200kb") as made:
        yield made


@pytest.fixture
def both(network: Network) -> Iterator[tuple[Connection, Connection]]:
    """Make a connection with cubic and one with reno, that talk all the time."""
    cubic = connect(network, "ipv4", port=PORT, congestion="cubic")
    reno = connect(network, "ipv4", port=OTHER, congestion="reno")
    with chatter(cubic, reno):
        yield cubic, reno
    cubic.close()
    reno.close()


def cookies(command: Command) -> set[int]:
    """Of what was printed."""
    return {int(found) for found in re.findall(r'"sock_cookie": (\d+)', command.stdout)}


def test_trace_by_values_of_events(network: Network) -> None:
    """Of a connection whose srtt grows, just the events beyond a bound are printed."""
    query = f"port:{PORT} srtt>15ms"
    with trace("-f", query, "--format", "jsonl") as command:
        attached(command)
        with connections(network, "ipv4") as made, connections(network, "ipv4", port=OTHER) as far:
            talk(far[0], 20)

            def slow_ones() -> bool:
                exchange(made, up=2_000_000)
                return command.stdout.count("\n") > 20

            until("slow events are printed", slow_ones)
        assert command.end(signal.SIGINT) == 0
        printed = [json.loads(line) for line in command.stdout.splitlines()]
    assert min(event["srtt"] for event in printed) > 15_000
    assert all(PORT in (event["sport"], event["dport"]) for event in printed)


def test_trace_by_what_samples_tell(both: tuple[Connection, Connection]) -> None:
    """The events of reno are printed, and of nothing else; samples come beside them."""
    _, reno = both
    query = f"port:{PORT},{OTHER} cc:reno"
    with trace("-f", query, "--format", "jsonl") as command:
        attached(command)
        # The two ends are sampled one after the other, each in its namespace.
        until("both ends are printed", lambda: cookies(command) >= set(reno.cookies))
        enough = command.stdout.count("\n") + 50
        until("there are more events", lambda: command.stdout.count("\n") > enough)
        assert command.end(signal.SIGINT) == 0
        assert cookies(command) == set(reno.cookies)


def seen(path: Path, cookie: int) -> bool:
    """Whether a recording has ACKs and samples of a socket, so far."""
    return acks_of(cookie, path) > 2 and cookie in samples_of(path)["sock_cookie"].tolist()


def test_record_from_the_first_match_on(
    both: tuple[Connection, Connection], tmp_path: Path
) -> None:
    """A recording has what matched, events and samples, and says by which filter."""
    _, reno = both
    path = tmp_path / "r.arrows"
    query = f"port:{PORT},{OTHER} cc:reno"
    with Command(TCCTUI, "record", str(path), "-f", query) as command:
        reads(command)
        assert "cc:reno" in command.stderr
        until("both ends are recorded", lambda: all(seen(path, end) for end in reno.cookies))
        assert command.end(signal.SIGINT) == 0
    recording = Recording(path)
    try:
        assert recording.origin.kernel_filter == query
    finally:
        recording.close()
    events, samples = events_of(path), samples_of(path)
    assert set(events["sock_cookie"].tolist()) - {0} == set(reno.cookies)
    assert set(samples["sock_cookie"].tolist()) == set(reno.cookies)
    assert set(samples["cc"].tolist()) == {b"reno"}


def test_summary_of_what_matched(network: Network, both: tuple[Connection, Connection]) -> None:
    """The summary has connections that matched, whatever the kernel let through."""
    _, reno = both
    only = ("-f", f"port:{PORT},{OTHER} cc:reno")
    with trace(*only, "--summary", "--format", "json") as command:
        reads(command)
        samples(network, command)
        assert command.end(signal.SIGINT) == 0
        flows = json.loads(command.stdout)["flows"]
    assert {flow["sock_cookie"] for flow in flows} == set(reno.cookies)


def test_alerts_and_their_command(network: Network, public_path: Path) -> None:
    """An alert is printed, logged and run: under sudo as the user who called that."""
    nobody = pwd.getpwnam("nobody")
    there = public_path / "there"
    there.mkdir()
    os.chown(there, nobody.pw_uid, nobody.pw_gid)
    out, log, where = there / "out", there / "log", there / "where"
    run = (
        f"sh -c 'echo $(id -u) $(id -G) $HOME $TCCTUI_LOCAL $TCCTUI_REMOTE >> {out}; pwd > {where}'"
    )
    sudo = ("env", f"SUDO_UID={nobody.pw_uid}", f"SUDO_GID={nobody.pw_gid}")
    only = ("-p", str(PORT), "--alert", "srtt>15ms dport:1-65535", "--alert-run", run)
    with Command(*sudo, TCCTUI, "trace", *only, "--alert-log", str(log)) as command:
        reads(command)
        with connections(network, "ipv4") as made:
            (client, server) = made[0].endpoints
            ends = [f"{address}:{port}" for address, port in (client, server)]

            def alerted() -> bool:
                exchange(made, up=3_000_000)
                return out.exists() and ends[0] in out.read_text()

            until("the command has run", alerted)
            until("to its end", lambda: where.exists() and where.read_text().endswith("\n"))
        assert command.end(signal.SIGINT) == 0
        assert f"{ends[0]} > {ends[1]} | srtt " in command.stdout
    groups = " ".join(map(str, os.getgrouplist("nobody", nobody.pw_gid)))
    expected = f"{nobody.pw_uid} {groups} {nobody.pw_dir} {ends[0]} {ends[1]}"
    assert expected in out.read_text().splitlines()
    assert where.read_text().strip() == str(Path.cwd())
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"event": "raised", "local": ends[0], "remote": ends[1]}.items() <= told[0].items()
    assert (log.stat().st_uid, log.stat().st_mode & 0o777) == (nobody.pw_uid, 0o600)
