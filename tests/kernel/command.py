"""The installed command `tcctui`, run as a person runs it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from types import TracebackType

from tests.kernel.deadlines import PATIENCE, until

TCCTUI = str(Path(sys.executable).parent / "tcctui")


class Command:
    """A program in a session of its own, with what it prints kept in files.

    Files, since a pipe that nobody reads would hold the program up. It is killed when the context
    ends, if it is still there.
    """

    def __init__(self, *command: str) -> None:
        self._command = command
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the context ends
        self._err = tempfile.TemporaryFile()  # noqa: SIM115 - the same

    def __enter__(self) -> Command:
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._out.close()
        self._err.close()

    @property
    def stdout(self) -> str:
        """What it printed so far."""
        return _read(self._out.fileno())

    @property
    def stderr(self) -> str:
        """Its remarks so far."""
        return _read(self._err.fileno())

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for its end, and give the exit code."""
        return self.process.wait(seconds)

    def end(self, signal: int, seconds: float = PATIENCE) -> int:
        """Send it a signal, and wait for its end."""
        self.process.send_signal(signal)
        return self.wait(seconds)


def _read(descriptor: int) -> str:
    return Path(f"/proc/self/fd/{descriptor}").read_text()


def trace(*arguments: str) -> Command:
    """Make the command `tcctui trace`."""
    return Command(TCCTUI, "trace", *arguments)


def attached(*traces: Command) -> None:
    """Wait until commands of `tcctui trace` say that they are at work."""
    for command in traces:
        until("tcctui trace is attached", partial(_attached, command))


def _attached(command: Command) -> bool:
    return says(command, "Waiting for Ctrl-C")


def says(command: Command, remark: str) -> bool:
    """Whether a command has made a remark, as one that has not ended without it still may.

    Where this process stood still, one with a `--duration` may have made it and ended since.
    """
    ended = command.process.poll() is not None
    said = remark in command.stderr
    assert said or not ended, command.stderr
    return said
