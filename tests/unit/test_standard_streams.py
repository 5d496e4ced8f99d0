"""Standard streams: whatever they are, each command ends as users of pipes expect it to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tcctui.cli import parser
from tcctui.errors import PipeClosedError, TcctuiError
from tcctui.files.standard_streams import Output
from tcctui.manual.options import commands
from tests.unit.recordings import chunk, written

SIGPIPE = 128 + signal.SIGPIPE

PRINTING: dict[str, list[list[str]]] = {
    "record": [],
    "replay": [],
    "export": [],
    "import": [],
    "demo": [],
    "trace": [
        ["--summary", "--replay", "RECORDING"],
        ["--until", "srtt>0", "--replay", "RECORDING"],
        ["--alert", "srtt>0", "--replay", "RECORDING"],
    ],
    "agent": [],
    "fleet": [],
    "collector": [],
    "relay": [],
    "doctor": [[]],
    "config": [[], ["--print-default"]],
    "help": [[], ["signs"], ["trace"]],
}
"""Arguments with which each command prints text and ends, besides --help."""

LINES = [
    *(["--help"], ["--version"]),
    *([name, "--help"] for name, *_ in commands(parser())),
    *([name, *rest] for name, *_ in commands(parser()) for rest in PRINTING[name]),
]
"""Command lines that print, of all commands that there are."""

every_line = pytest.mark.parametrize("line", LINES, ids=" ".join)

# Without the capabilities that BPF takes: doctor loads nothing into the kernel.
WITHOUT_BPF = ["setpriv", "--bounding-set", "-sys_admin,-cap_38,-cap_39"]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a recording with something to print."""
    folder = tmp_path_factory.mktemp("streams")
    return written(folder / "recording", *(chunk(number) for number in range(3)))


def run(
    line: Sequence[str],
    recording: Path,
    redirected: str = "",
    *,
    encoding: str = "utf-8",
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> tuple[int, bytes, bytes]:
    """Run a command with a shell's redirections; gives its exit code, stdout and stderr."""
    command = [sys.executable, "-m", "tcctui"]
    command += [one.replace("RECORDING", str(recording)) for one in line]
    without = WITHOUT_BPF if os.geteuid() == 0 else []
    done = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$@" {redirected}', "bash", *without, *command],
        stdout=stdout,
        stderr=stderr,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    out, err = done.stdout or b"", done.stderr or b""
    for word in (b"Traceback", b"Exception", b"Error"):
        assert word not in out + err
    return done.returncode, out, err


@every_line
def test_a_closed_pipe_ends_it_as_sigpipe_does(line: Sequence[str], recording: Path) -> None:
    """Without a reader each command ends quietly, with the code that a shell has of SIGPIPE.

    So it does where standard error goes there, too.
    """
    reader, writer = os.pipe()
    os.close(reader)
    try:
        status, _, err = run(line, recording, stdout=writer)
        assert status == SIGPIPE
        assert b"tcctui:" not in err
        assert run(line, recording, stdout=writer, stderr=writer)[0] == SIGPIPE
    finally:
        os.close(writer)


@every_line
@pytest.mark.parametrize(
    ("redirected", "reason"),
    [
        (">/dev/full", "The output can't be written: No space left on device."),
        (">&-", "Standard output is closed."),
    ],
)
def test_output_that_can_not_be_written(
    line: Sequence[str], recording: Path, redirected: str, reason: str
) -> None:
    """A full disk and a closed standard output are a sentence with its mend, and 1."""
    status, out, err = run(line, recording, redirected)
    assert (status, out) == (1, b"")
    told = err.decode().splitlines()[-2:]
    assert told[0] == f"tcctui: {reason}"
    assert told[1].startswith("        Write it to a ")


@every_line
def test_remarks_that_can_not_be_written(line: Sequence[str], recording: Path) -> None:
    """A standard error that takes nothing, or is closed, changes neither output nor exit code."""
    status, usual, _ = run(line, recording)
    for redirected in ("2>/dev/full", "2>&- <&-"):
        again, out, err = run(line, recording, redirected)
        assert (again, out[:30], err) == (status, usual[:30], b"")


@every_line
def test_encodings_of_other_locales(line: Sequence[str], recording: Path) -> None:
    """Where a character is not in the locale's encoding, one of ASCII stands for it."""
    for encoding in ("ascii", "iso8859-1", "euc_jp"):
        status, out, err = run(line, recording, encoding=encoding)
        assert status == (line == ["doctor"])
        assert not re.search(r"\\(x|u[0-9a-f])[0-9a-f]{2}", (out + err).decode(encoding))


@pytest.mark.parametrize(
    ("redirected", "code", "reason"),
    [
        (">&-", 1, "Standard output is closed."),
        (">/dev/full", 1, "The output has no more room: No space left on device."),
        ("| true", SIGPIPE, "The reader of the recording has closed the pipe."),
    ],
)
def test_a_recording_that_can_not_be_written(
    redirected: str, code: int, reason: str, recording: Path
) -> None:
    """Standard output that is a recording ends as text does, and says why."""
    line = ["record", "-", "--source", "sock_diag", "--duration", "60"]
    status, out, err = run(line, recording, redirected)
    assert (status, out) == (code, b"")
    assert reason in err.decode()


def test_replacements_can_be_read(recording: Path) -> None:
    """In ASCII the signs are those of --ascii, a micro sign is a u and a dash a dash."""
    signs = run(["help", "signs"], recording, encoding="ascii")[1].decode()
    assert "  v recovery  " in signs
    columns = run(["help", "columns"], recording, encoding="ascii")[1].decode()
    assert "us" in columns
    status, _, err = run(["\u2013\u00b5\U0001f600"], recording, encoding="ascii")
    assert status == 2
    assert b"invalid choice: '-u??'" in err


def test_a_reader_that_is_slow() -> None:
    """A pipe that does not block, as of some programs' children, is waited for, and gets it all."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    child = subprocess.Popen(["wc", "-c"], stdin=reader, stdout=subprocess.PIPE)
    os.close(reader)
    with Output(writer, "w") as raw:
        many = memoryview(bytes(1 << 20))
        while many:
            many = many[raw.write(many) :]
    assert child.communicate()[0].strip() == b"1048576"


def test_a_failure_is_raised_once() -> None:
    """What is written after a failure is dropped: the interpreter flushes once more at its exit."""
    reader, writer = os.pipe()
    os.close(reader)
    with Output(writer, "w") as out:
        with pytest.raises(PipeClosedError):
            out.write(b"text")
        assert out.write(b"text") == 4
    with Output("/dev/full", "w") as out:
        with pytest.raises(TcctuiError, match="No space left on device"):
            out.write(b"text")
        assert out.write(b"text") == 4
