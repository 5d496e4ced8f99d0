"""Command run for each raised alert."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Mapping
from typing import Any

from tcctui.alerts.alert import Turns
from tcctui.alerts.background import Errands, Troubles
from tcctui.alerts.payload import variables
from tcctui.errors import UsageError

AT_A_TIME = 4
"""Commands that run at the same time."""

MOST_WAITING = 100
"""Alerts waiting for their command; more than these are dropped."""


def command(text: str) -> list[str]:
    """Split a command as a shell would, and find its program; no shell runs it.

    Raises:
        UsageError: it is invalid, or there is no such program.

    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"--alert-run {text[:80]!r} can't be read: a quote is not closed.", "Give it one."
        ) from error
    if not words:
        raise UsageError("--alert-run needs a command.", "Such as --alert-run 'logger -t tcctui'.")
    program = shutil.which(words[0])
    if program is None:
        raise UsageError(
            f"--alert-run: there is no program {words[0]!r} to run.",
            "No shell is involved: for pipes and variables, write a script, or run sh -c '…'.",
        )
    return [os.path.abspath(program), *words[1:]]


class Hook:
    """Runs a command for each raised alert, `AT_A_TIME`, in the background.

    Under sudo it runs as the calling user. The alert is in `TCCTUI_*`; the command's output is
    discarded.
    """

    def __init__(self, words: list[str], troubles: Troubles) -> None:
        self._words = words
        self._troubles = troubles
        self._as_caller, self._environment = as_caller(os.environ)
        self._running: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self.dropped = 0
        """Number of alerts dropped because too many were waiting."""
        self._errands = Errands("alert hook", MOST_WAITING, self._start, ready=self._has_room)

    def tell(self, turns: Turns) -> None:
        """Queue the command for each raised alert."""
        for alert in turns.raised:
            if not self._errands.add(variables(alert)):
                self.dropped += 1
        if self.dropped:
            self._troubles.tell(
                "hooks dropped",
                f"More alerts than {self._words[0]} can keep up with: it is not run for some"
                f" ({self.dropped:,} so far).",
            )

    @property
    def idle(self) -> bool:
        """True when no command waits or runs; finished ones are reaped."""
        self._has_room()
        return not self._running and self._errands.idle

    def close(self) -> None:
        """Start the waiting commands, briefly; running ones continue on their own."""
        self._errands.close(2)
        self._has_room()

    def _has_room(self) -> bool:
        """Reap finished commands; True if another may start."""
        with self._lock:
            ended = [process for process in self._running if process.poll() is not None]
            self._running = [process for process in self._running if process.returncode is None]
            room = len(self._running) < AT_A_TIME
        for process in ended:
            if process.returncode:
                how = f"exit code {process.returncode}"
                if process.returncode < 0:
                    how = f"signal {-process.returncode}"
                self._troubles.tell("hook failed", f"{self._words[0]} ended with {how}.")
        return room

    def _start(self, told: object) -> None:
        assert isinstance(told, Mapping)
        try:
            process = subprocess.Popen(
                self._words,
                env={**self._environment, **told},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C must not reach it
                **self._as_caller,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self._troubles.tell("hook", f"{self._words[0]} can't be run: {reason}.")
            return
        with self._lock:
            self._running.append(process)


def as_caller(environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """User and environment for a command, as arguments of Popen.

    Under sudo that is the calling user, with that user's groups and home; else this process's own.
    """
    told = {name: text for name, text in environment.items() if not name.startswith("SUDO_")}
    user, group = environment.get("SUDO_UID", ""), environment.get("SUDO_GID", "")
    if os.geteuid() != 0 or not (user.isdecimal() and group.isdecimal()) or int(user) == 0:
        return {}, told
    import pwd  # noqa: PLC0415 - not on every system

    number = int(user)
    try:
        entry = pwd.getpwuid(number)
    except KeyError:
        name, home, groups = user, "/", [int(group)]
    else:
        name, home = entry.pw_name, entry.pw_dir
        groups = os.getgrouplist(entry.pw_name, int(group))
        told["SHELL"] = entry.pw_shell or "/bin/sh"
    told |= {"HOME": home, "USER": name, "LOGNAME": name}
    told.pop("MAIL", None)
    runtime = f"/run/user/{number}"
    told.pop("XDG_RUNTIME_DIR", None)
    if os.path.isdir(runtime):  # desktop notification programs find the session bus there
        told["XDG_RUNTIME_DIR"] = runtime
    return {"user": number, "group": int(group), "extra_groups": groups}, told
