"""A terminal to run programs in as a person does: tmux, on a server of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tests.kernel.deadlines import PATIENCE, until
from tests.kernel.processes import children

_numbers = itertools.count()

_OF_OURS = ("TMUX", "LINES", "COLUMNS")
"""Variables that are of the terminal that the tests run in, or of none: pytest-xdist sets sizes."""


class Terminal:
    """A shell in a terminal of a given size, with `directory` as its working directory.

    What was started in it and is still there at the end of the context is killed.
    """

    def __init__(self, directory: Path, columns: int = 160, lines: int = 50) -> None:
        self._server = f"tcctui-{os.getpid()}-{next(_numbers)}"
        self.directory = directory
        self._size = ("-x", str(columns), "-y", str(lines))
        self._started: list[int] = []
        self._closed = False

    def __enter__(self) -> Terminal:
        # What a program keeps of a person's choices is the test's own.
        kept = " ".join(
            f"XDG_{what}_HOME={shlex.quote(str(self.directory / '.kept'))}"
            for what in ("CONFIG", "STATE")
        )
        shell = f"env PS1='$ ' {kept} bash --norc --noprofile"
        self._tmux("-f", os.devnull, "new-session", "-d", *self._size, "-c", self.directory, shell)
        self.until("the shell's prompt", lambda screen: screen.strip() == "$")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._closed:
            self.close()
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGKILL)
            os.close(process)

    def close(self) -> None:
        """Close the window, as a person does or a broken connection."""
        self._closed = True
        self._tmux("kill-server")

    def _tmux(self, *arguments: str | Path) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-L", self._server, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
            # A locale without UTF-8 would have all drawn with ASCII.
            env={name: value for name, value in os.environ.items() if name not in _OF_OURS}
            | {"LC_ALL": "C.UTF-8"},
        )
        return done.stdout

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names: `Down`, `Escape`, `q`."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type text."""
        self._tmux("send-keys", "-l", text)

    def resize(self, columns: int, lines: int) -> None:
        """Change the terminal's size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    @property
    def screen(self) -> str:
        """The text on the screen, a line per line."""
        return self._tmux("capture-pane", "-p")

    def until(self, what: str, look: Callable[[str], object], *, seconds: float = PATIENCE) -> str:
        """Wait until the screen looks right, and give its text.

        Raises:
            AssertionError: it did not in time; with the screen as it is.

        """
        screens = [""]

        def looks_right() -> bool:
            screens[0] = self.screen
            return bool(look(screens[0]))

        try:
            until(what, looks_right, seconds=seconds, pause=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen is\n{screens[0]}") from None
        return screens[0]

    def shows(self, pattern: str, *, seconds: float = PATIENCE) -> re.Match[str]:
        """Wait until something is on the screen, and give it."""
        screen = self.until(pattern, lambda text: re.search(pattern, text), seconds=seconds)
        match = re.search(pattern, screen)
        assert match
        return match

    def hides(self, pattern: str, *, seconds: float = PATIENCE) -> str:
        """Wait until something is not on the screen, and give the screen."""
        return self.until(
            f"no {pattern}", lambda text: not re.search(pattern, text), seconds=seconds
        )

    def run(self, command: str) -> str:
        """Run a command in the shell to its end, and give what it prints."""
        out = self.directory / "output"
        out.unlink(missing_ok=True)
        self.type(f"{command} > {shlex.quote(f'{out}.part')} 2>&1; mv {out}.part {out}")
        self.press("Enter")
        until(f"the shell runs {command}", out.exists)
        return out.read_text()

    def start(self, command: str) -> int:
        """Start a command in the shell, and give its process id."""
        self.type(rf"printf '\ec'; {command}; echo ended with $?")
        self.press("Enter")
        shell = int(self._tmux("display-message", "-p", "#{pane_pid}"))

        def begun() -> list[tuple[int, int]]:
            for child in children(shell):
                with contextlib.suppress(ProcessLookupError):  # the first of a pipe may have ended
                    return [(child, os.pidfd_open(child))]
            return []

        ((pid, opened),) = until(f"{command} is started", begun)
        self._started.append(opened)
        return pid

    def ended(self) -> int:
        """Wait until the command that was started is over, and give its exit code."""
        return int(self.shows(r"(?m)^ended with (\d+)\s*\n\$\s*\Z")[1])
