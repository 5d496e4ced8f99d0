"""The command of alerts: found, and run as the calling user."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any, Protocol

from tcctui.errors import UsageError
from tcctui.privileges.identity import OF_CALLERS, caller


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


class Runner(Protocol):
    """Runs a command, by this process or by another one."""

    @property
    def name(self) -> str:
        """Path of the command."""

    def start(self, variables: Mapping[str, str]) -> int:
        """Start it with more environment variables; gives its pid. Raises OSError."""

    def poll(self, pid: int) -> int | None:
        """Exit code of one that has ended, or minus the signal that ended it; once for each."""


class OwnRunner:
    """Runs a command as a user; its output is discarded.

    `user` and `environment` are as `as_caller` gives them.
    """

    def __init__(
        self, words: list[str], user: Mapping[str, Any], environment: Mapping[str, str]
    ) -> None:
        self._words, self._user, self._environment = words, user, environment
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def name(self) -> str:
        """Path of the command."""
        return self._words[0]

    def start(self, variables: Mapping[str, str]) -> int:
        """Start it with more environment variables; gives its pid.

        Raises:
            OSError: it can't be run.

        """
        try:
            process = subprocess.Popen(
                self._words,
                env={**self._environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C must not reach it
                **self._user,
            )
        except (ValueError, subprocess.SubprocessError) as error:
            raise OSError(errno.EINVAL, str(error)) from error
        self._running[process.pid] = process
        return process.pid

    def poll(self, pid: int) -> int | None:
        """Exit code of one that has ended, or minus the signal that ended it; once for each."""
        code = self._running[pid].poll()
        if code is not None:
            del self._running[pid]
        return code


def as_caller(environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """User and environment for a command, as arguments of Popen.

    Under sudo that is the calling user, with that user's groups and home; else this process's own.

    Raises:
        TcctuiError: the environment names no user; see `identity.caller`.

    """
    told = {name: text for name, text in environment.items() if not name.startswith(OF_CALLERS)}
    user = caller(environment)
    if user is None:
        return {}, told
    told |= {"HOME": str(user.home), "USER": user.name, "LOGNAME": user.name, "SHELL": user.shell}
    told.pop("MAIL", None)
    runtime = f"/run/user/{user.uid}"
    told.pop("XDG_RUNTIME_DIR", None)
    if os.path.isdir(runtime):  # desktop notification programs find the session bus there
        told["XDG_RUNTIME_DIR"] = runtime
    return {"user": user.uid, "group": user.gid, "extra_groups": user.groups}, told
