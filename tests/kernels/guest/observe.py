"""Runs in the guest: tcctui on loopback traffic, and what the kernel's own tracepoint says of it.

Nothing is judged here; files in the directory given as argument tell the host what was seen.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shlex
import signal
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import happenings  # type: ignore[import-not-found]  # beside it in the guest
import insides  # type: ignore[import-not-found]

PORT = 4242
OTHER_PORT = 4343  # traffic that --port has to keep out
READ_PORT = 4444  # of a connection whose socket is read
INSTANCE = Path("/sys/kernel/tracing/instances/tcctui-test")
TRACEPOINTS = (
    "tcp/tcp_probe",
    "tcp/tcp_destroy_sock",
    "tcp/tcp_retransmit_skb",
    "tcp/tcp_cong_state_set",
    "tcp/tcp_receive_reset",
    "tcp/tcp_send_reset",
    "tcp/tcp_retransmit_synack",
    "sock/inet_sock_set_state",
    "skb/kfree_skb",
)
"""Those whose format tests/data/formats has, too, as far as a kernel has them."""
TCCTUI = [sys.executable, "-m", "tcctui"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": "/opt/tcctui"}


def main(results: Path) -> None:
    """Observe in order: formats, doctor, trace, the rest; write summary.json last."""
    say(f"kernel {os.uname().release}")
    for tracepoint in TRACEPOINTS:
        form = Path("/sys/kernel/tracing/events", tracepoint, "format")
        if form.exists():
            (results / f"{form.parent.name}.format").write_text(form.read_text())

    started = time.monotonic()
    with (results / "doctor.txt").open("w") as out:
        # In a pseudo-terminal: doctor looks at the terminal, too, and a serial console has no size.
        command = f"stty rows 30 cols 100; exec {shlex.join(TCCTUI)} doctor"
        doctor = subprocess.run(
            ["script", "--quiet", "--return", "--command", command, "/dev/null"],
            env={**ENVIRONMENT, "TERM": "xterm-256color"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            timeout=180,
            check=False,
        )
    summary: dict[str, object] = {"port": PORT, "doctor_status": doctor.returncode}
    summary["doctor_seconds"] = time.monotonic() - started
    say(f"doctor ended with {doctor.returncode}")

    trace_clock_and_events()
    started = time.monotonic()
    with (results / "trace.jsonl").open("w") as out, (results / "trace.stderr").open("w") as err:
        arguments = f"trace --port {PORT} --format jsonl --duration 300 --verbose"
        trace = subprocess.Popen(
            [*TCCTUI, *arguments.split()], env=ENVIRONMENT, stdout=out, stderr=err
        )
        if wait_for("attached", results / "trace.stderr", trace, timeout=180):
            summary["attach_seconds"] = time.monotonic() - started
            say("trace is attached")
            summary["attached"] = happenings.attached(trace.pid)
            traffic()
            happenings.until_closed()
        trace.send_signal(signal.SIGINT)
        try:
            summary["trace_status"] = trace.wait(timeout=120)
        except subprocess.TimeoutExpired:
            trace.kill()
            summary["trace_status"] = "did not end on SIGINT"
    say(f"trace ended with {summary['trace_status']}")

    (results / "trace_pipe").write_text(trace_pipe())
    happenings.main(results, PORT, lossy)
    say("what else happens is told")
    insides.main(results, READ_PORT)
    statistics = [path.read_text() for path in INSTANCE.glob("per_cpu/cpu*/stats")]
    (results / "statistics").write_text("".join(statistics))
    (results / "summary.json").write_text(json.dumps(summary))


def say(text: str) -> None:
    """Print on the console, with the guest's uptime."""
    print(f"[{time.monotonic():7.2f}] {text}", flush=True)


def trace_clock_and_events() -> None:
    """Let the kernel write its own text of tcp_probe, in a tracefs instance of our own."""
    INSTANCE.mkdir()
    (INSTANCE / "trace_clock").write_text("mono")
    (INSTANCE / "buffer_size_kb").write_text("8192")
    (INSTANCE / "events/tcp/tcp_probe/enable").write_text("1")


def trace_pipe() -> str:
    """Read what the instance has collected so far."""
    text = b""
    pipe = os.open(INSTANCE / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while part := os.read(pipe, 1 << 16):
            text += part
    os.close(pipe)
    return text.decode()


def wait_for(word: str, file: Path, process: subprocess.Popen[bytes], timeout: float) -> bool:
    """Wait until the word stands in a file; False if the process ended first, or time is up."""
    deadline = time.monotonic() + timeout
    while word not in file.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def traffic() -> None:
    """Connect in every way in which a socket's addresses can come to be IPv4 or IPv6."""
    v4, v6 = socket.AF_INET, socket.AF_INET6
    exchange((v4, "127.0.0.1"), (v4, "127.0.0.1"))
    exchange((v6, "::1"), (v6, "::1"))
    exchange((v6, "::"), (v4, "127.0.0.1"))
    exchange((v6, "::"), (v6, "::ffff:127.0.0.1"))
    exchange((v4, "127.0.0.1"), (v4, "127.0.0.1"), OTHER_PORT)
    exchange((v4, "127.0.0.1"), (v4, "127.0.0.1"), lossy=True)


Peer = tuple[socket.AddressFamily, str]


def exchange(server: Peer, client: Peer, port: int = PORT, *, lossy: bool = False) -> None:
    """Send to a slow reader with a small window, get an answer, close."""
    listening = socket.socket(server[0], socket.SOCK_STREAM)
    with listening, ThreadPoolExecutor(1) as threads:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        if server[0] == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind((server[1], port))
        listening.listen()
        listening.settimeout(120)
        answered = threads.submit(serve, listening, lossy)
        with socket.socket(client[0], socket.SOCK_STREAM) as connected:
            connected.settimeout(120)
            connected.connect((client[1], port))
            connected.sendall(b"a line\n")
            connected.sendall(bytes(REQUEST - 7))
            receive(connected, ANSWER)
        answered.result()


def lossy(server: str, client: str) -> None:
    """Exchange with loss between two addresses."""
    server_family, client_family = happenings.family_of(server), happenings.family_of(client)
    exchange((server_family, server), (client_family, client), lossy=True)


SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27  # include/uapi/asm-generic/socket.h
REQUEST, ANSWER = 300_000, 90_000


def serve(listening: socket.socket, lossy: bool) -> None:
    """Take a request slowly, answer it, and wait for the other side to close."""
    connection, _ = listening.accept()
    with connection:
        connection.settimeout(120)
        half = REQUEST // 2
        receive(connection, half, pause=0.001)
        if lossy:
            half += lose_segments(connection)
        receive(connection, REQUEST - half, pause=0.001)
        connection.sendall(bytes(ANSWER))
        connection.recv(1)


def lose_segments(connection: socket.socket) -> int:
    """Lose what comes in for a moment, so that the sender's ssthresh gets set; give bytes read.

    A socket filter is all it takes, where netem and nftables would be modules to load.
    """
    time.sleep(0.02)  # until the sender waits for room
    drop_all = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0))  # return 0
    program = struct.pack("HP", 1, ctypes.addressof(drop_all))
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    taken = 0
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            taken += len(connection.recv(8192))
    connection.settimeout(120)
    time.sleep(0.02)
    connection.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
    return taken


def receive(connection: socket.socket, count: int, pause: float = 0.0) -> None:
    """Read exactly `count` bytes, pausing so many seconds between reads."""
    while count:
        part = connection.recv(min(count, 8192))
        if not part:
            raise ConnectionError(f"closed with {count} bytes to come")
        count -= len(part)
        time.sleep(pause)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
