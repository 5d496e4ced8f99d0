"""User-side CPU per event: the dashboard beside bcc's own callback, on the same load."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import threading

from tests.bench.readers import READERS, Report

CONNECTIONS = 200
SECONDS = 8.0


def _drain(terminal: int) -> None:
    """Read what a program draws, as a terminal does, until it is gone."""
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass


def run_reader(name: str, seconds: float) -> Report:
    """Run a reader on a terminal of 160×50 and give its report."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    threading.Thread(target=_drain, args=(ours,), daemon=True).start()
    with tempfile.TemporaryFile("w+") as report:
        # The shell puts the report's descriptor where the reader writes to.
        command = f'exec "$0" -m tests.bench.readers "$1" {seconds} 3>&{report.fileno()}'
        subprocess.run(
            ["bash", "-c", command, sys.executable, name],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            pass_fds=[report.fileno()],
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            timeout=seconds + 60,
            check=True,
            start_new_session=True,
        )
        os.close(theirs)
        report.seek(0)
        result: Report = json.load(report)
    return result


def main() -> None:
    """Run each reader on the same load, one after the other, and print a table."""
    rows = []
    for name in READERS:
        load = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.load", str(CONNECTIONS), str(SECONDS + 6)],
            stdout=subprocess.PIPE,
            text=True,
        )
        report = run_reader(name, SECONDS)
        load.communicate(timeout=60)
        rows.append((name, report))
    base = rows[0][1]["reader_cpu"] / rows[0][1]["events"]
    print(f"{'reader':14} {'ratio':>6} {'reading':>10} {'all':>10} {'events/s':>9} {'lost':>6}")
    for name, report in rows:
        reading, everything = (report[key] / report["events"] for key in ("reader_cpu", "cpu"))
        costs = f"{reading * 1e6:>7.2f} µs {everything * 1e6:>7.2f} µs"
        counts = f"{report['events'] / SECONDS:>9.0f} {report['lost']:>6.0f}"
        print(f"{name:14} {reading / base:>5.1f}x {costs} {counts}")
    print("reading: CPU per event of the reading thread; all: of the process, with its screen")


if __name__ == "__main__":
    main()
