"""`tcctui record` as a command, on real traffic: every way to end it, and what is left then."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tcctui.recording.chunks import NO_EVENTS, Chunk
from tcctui.recording.file import Recording
from tcctui.wire.events import EventKind, Events
from tcctui.wire.records import joined
from tcctui.wire.samples import NO_SAMPLES
from tests.kernel.command import TCCTUI, Command
from tests.kernel.deadlines import PATIENCE, until
from tests.kernel.network import Network
from tests.kernel.processes import of_threads
from tests.kernel.recordings import acks_of, chunks_of, samples_of
from tests.kernel.terminal import Terminal
from tests.kernel.traffic import (
    PORT,
    Connection,
    chatter,
    connections,
    cookie,
    timed_chatter,
)

pytestmark = pytest.mark.kernel


@pytest.fixture
def busy() -> Iterator[Connection]:
    """Let a connection talk all the time."""
    with Network() as network, connections(network, "ipv4") as made, chatter(*made):
        yield made[0]


@pytest.fixture
def timed() -> Iterator[tuple[Connection, Callable[[], float]]]:
    """Let a connection talk all the time, and tell the longest time without a word."""
    with (
        Network() as network,
        connections(network, "ipv4") as made,
        timed_chatter(*made) as longest_pause,
    ):
        yield made[0], longest_pause


def record(*arguments: object) -> Command:
    """Make the command `tcctui record` of the tests' connections."""
    return Command(TCCTUI, "record", "--port", str(PORT), *map(str, arguments))


def read(path: Path) -> tuple[str, list[Chunk]]:
    """Give a recording's remark, and its chunks."""
    recording = Recording(path)
    try:
        return recording.remark, list(recording.chunks(0, 1 << 62))
    finally:
        recording.close()


def events(chunks: list[Chunk]) -> Events:
    """Put all events into one array."""
    return joined([NO_EVENTS, *(chunk.events for chunk in chunks)])


def grows(path: Path, connection: Connection) -> None:
    """Wait until ACKs of a connection's both ends are in a file."""
    ends = connection.cookies
    until("ACKs are recorded", lambda: all(acks_of(end, path) > 10 for end in ends))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_whole(number: int, busy: Connection, tmp_path: Path) -> None:
    """After a signal the exit code is 0, and the recording has its end; stderr says how much."""
    path = tmp_path / "it"
    with record(path) as command:
        grows(path, busy)
        assert command.end(number) == 0
        last = command.stderr.splitlines()[-1]
    remark, chunks = read(path)
    assert remark == ""
    count = len(events(chunks))
    assert count > 0
    assert re.fullmatch(rf"  \d\d:\d\d:\d\d  {count:,} events  .*\b0 lost\b.*", last)
    assert set(busy.cookies) <= set(events(chunks)["sock_cookie"].tolist())


def test_killed(timed: tuple[Connection, Callable[[], float]], tmp_path: Path) -> None:
    """Kill -9 leaves all but what came in the last moments, to be read as it was."""
    busy, longest_pause = timed
    path = tmp_path / "it"
    ends = [0]

    def up_to_date() -> bool:
        now_ns = time.monotonic_ns()
        ends.extend(chunk.end_ns for chunk in chunks_of(path)[-1:])
        return now_ns - ends[-1] < 2e9

    with record(path) as command:
        grows(path, busy)
        until("the file has all but the last moments", up_to_date)
        command.process.kill()
        command.wait()
    remark, chunks = read(path)
    assert "no end mark" in remark
    assert chunks[-1].end_ns >= ends[-1]
    ours = events(chunks)
    ours = ours[ours["sock_cookie"] == busy.cookies[0]]
    # The connection talked all the time: no tenth of a second is missing in between.
    assert np.diff(np.sort(ours["ts_ns"])).max() < (1 + longest_pause()) * 1e9
    assert (np.diff(ours["snd_una"].astype("i8")) >= 0).all()


def test_duration(timed: tuple[Connection, Callable[[], float]], tmp_path: Path) -> None:
    """--duration is what is in the file, and nothing of later."""
    _, longest_pause = timed
    path = tmp_path / "it"
    with record(path, "--duration", "2") as command:
        assert command.wait() == 0
    remark, chunks = read(path)
    assert remark == ""
    begin_ns = chunks[0].begin_ns
    last_ns = max(events(chunks)["ts_ns"].tolist(), default=begin_ns)
    assert (1.5 - longest_pause()) * 1e9 < last_ns - begin_ns < 2e9


def test_a_summary_of_a_recording(busy: Connection, tmp_path: Path) -> None:
    """`trace --replay --summary` tells the connections of a file, with the ACKs that are in it."""
    path = tmp_path / "it"
    with record(path) as command:
        grows(path, busy)
        assert command.end(signal.SIGINT) == 0
    given = ("--replay", str(path), "--summary", "--format", "json")
    with Command(TCCTUI, "trace", *given) as command:
        assert command.wait() == 0, command.stderr
        flows = json.loads(command.stdout)["flows"]
    ours = events(read(path)[1])
    for told in busy.cookies:
        (flow,) = (flow for flow in flows if flow["sock_cookie"] == told)
        mine = ours[(ours["sock_cookie"] == told) & (ours["kind"] == EventKind.PROBE)]
        assert flow["acks"] == len(mine)
        assert flow["srtt_mean_us"] == pytest.approx(mine["srtt"].mean(), abs=1)
    with Command(TCCTUI, "trace", "--replay", str(path), "--until", "cwnd>1000000") as command:
        assert command.wait() == 3


def test_what_is_there_stays(busy: Connection, tmp_path: Path) -> None:
    """Nothing is overwritten without --force."""
    path = tmp_path / "it"
    path.write_text("precious")
    with record(path) as command:
        assert command.wait() == 1
        assert "--force" in command.stderr
        assert "Traceback" not in command.stderr
    assert path.read_text() == "precious"
    with record(path, "--force", "--duration", "1") as command:
        assert command.wait() == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert read(path)[0] == ""


def test_no_room(busy: Connection, tmp_path: Path) -> None:
    """Where a file may grow no more, it says so, ends with 1, and what was written can be read."""
    path = tmp_path / "it"
    limited = ("prlimit", "--fsize=80000", TCCTUI, "record", "--port", str(PORT), str(path))
    with Command(*limited) as command:
        assert command.wait(60) == 1
        said = command.stderr
    assert f"tcctui: {path} " in said
    assert "Traceback" not in said
    assert len(events(read(path)[1])) > 0


def test_a_quiet_pipe_has_a_heartbeat() -> None:
    """Through a pipe something comes every second, though nothing happens."""
    process = subprocess.Popen(
        [TCCTUI, "record", "-", "--port", "9"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        came: list[float] = []
        while len(came) < 4:
            assert select.select([process.stdout], [], [], PATIENCE)[0], "nothing comes"
            os.read(process.stdout.fileno(), 1 << 20)
            came.append(time.monotonic())
        assert np.median(np.diff(came)) < 3
    finally:
        process.stdout.close()
        assert process.wait(PATIENCE) == 141


def test_a_pipe_that_takes_nothing(busy: Connection) -> None:
    """Where the other end is stuck, Ctrl-C twice ends it all the same."""
    process = subprocess.Popen(
        [TCCTUI, "record", "-", "--port", str(PORT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    with process.stdout:

        def waits() -> bool:
            return any("pipe_write" in place for place in of_threads(process.pid, "wchan"))

        until("it waits for the pipe", waits)
        # Two that come before Python looks are one: the third is for that, well before it gives up
        # by itself, and late enough not to kill one that is ending.
        for seconds in (2, *(5,) * 9):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
                break
        assert process.wait(PATIENCE) == 130


def test_nobody_reads(busy: Connection) -> None:
    """`| head` gets what it wants; then a sentence, and what a shell has of SIGPIPE."""
    script = f"{TCCTUI} record - --port {PORT} | head -c 100 | wc -c; echo ${{PIPESTATUS[0]}}"
    with Command("bash", "-c", script) as command:
        assert command.wait() == 0
        assert command.stdout.split() == ["100", "141"]
        assert "has closed the pipe" in command.stderr
        assert "Traceback" not in command.stderr


def test_standard_output_is_closed() -> None:
    """Where there is no standard output, nothing is written into whatever gets its number."""
    with Command("bash", "-c", f"{TCCTUI} record - --duration 1 >&-") as command:
        assert command.wait() == 1
        assert "Standard output is closed." in command.stderr


def test_the_line_on_a_terminal(busy: Connection, tmp_path: Path) -> None:
    """On a terminal a line says each second how it goes, and stays after Ctrl-C."""
    line = r"(?m)^  00:00:\d\d  [\d,]+ events  [\d.]+ [kM]B  [\d.]+ B/event  0 lost$"
    with Terminal(tmp_path) as terminal:
        terminal.start(f"{TCCTUI} record --port {PORT} it")
        first = terminal.shows(line)[0]
        terminal.until(
            "the same line goes on",
            lambda text: first not in text and len(re.findall(line, text)) == 1,
        )
        terminal.press("C-c")
        assert terminal.ended() == 0
        assert len(re.findall(line, terminal.screen)) == 1
    assert read(tmp_path / "it")[0] == ""


def test_without_root(public_path: Path) -> None:
    """Anybody records samples of the own namespace's sockets, and is told what root would add."""
    public_path.chmod(0o777)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
            path = public_path / "it"

            def sampled() -> bool:
                return cookie(client) in samples_of(path)["sock_cookie"].tolist()

            with Command(*nobody, TCCTUI, "record", "--port", str(port), str(path)) as command:
                until("it is sampled", sampled)
                assert command.end(signal.SIGINT) == 0, command.stderr
                assert "needs root" in command.stderr
            assert read(path)[0] == ""
            assert sampled()
    assert (public_path / "it").stat().st_uid == 65534


@pytest.mark.parametrize("offset", ["100000", "-200"])
def test_in_a_time_namespace(offset: str, busy: Connection, tmp_path: Path) -> None:
    """Where CLOCK_MONOTONIC is another one, as in a container, times are those of the machine."""
    path = tmp_path / "it"
    inside = ("unshare", "--time", "--monotonic", offset, "--fork", "--", TCCTUI)
    begin_ns = time.monotonic_ns()
    of_port = ("--port", str(PORT))
    with Command(*inside, "record", str(path), *of_port) as command:
        grows(path, busy)
        until("sockets are sampled", lambda: len(samples_of(path)))
        os.killpg(command.process.pid, signal.SIGINT)  # unshare itself ignores it
        assert command.wait() == 0
    with Command(*inside, "trace", "--count", "3", "--duration", "30", *of_port) as command:
        assert command.wait() == 0
        printed = [float(line.split("|")[0]) for line in command.stdout.splitlines()]
    end_ns = time.monotonic_ns()
    recording = Recording(path)
    chunks, origin = list(recording.chunks(0, 1 << 62)), recording.origin
    recording.close()
    samples = joined([NO_SAMPLES, *(chunk.samples for chunk in chunks)])
    assert len(printed) == 3
    assert 0 <= min(printed) <= max(printed) <= (end_ns - begin_ns) / 1e6, "since it began, in ms"
    spans = np.array([(chunk.begin_ns, chunk.end_ns) for chunk in chunks])
    for moments in (events(chunks)["ts_ns"], samples["ts_ns"], spans):
        assert moments.size
        assert begin_ns <= moments.min() <= moments.max() <= end_ns
    apart_ns = time.time_ns() - time.monotonic_ns() - origin.wall_offset_ns
    assert abs(apart_ns) < 10_000_000_000
