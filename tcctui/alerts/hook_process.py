"""The command of alerts by a process apart, which is the calling user and runs nothing else.

The protocol: a request is JSON, variables to start the command with, or the pid of one to ask for;
an answer is an errno and, if that is 0, the pid or the exit code.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping
from typing import Any

from tcctui.alerts.command import OwnRunner
from tcctui.privileges.channel import Channel

_MOST_BYTES = 1 << 20
_VARIABLE = re.compile(r"TCCTUI_[A-Z]+")


def serve(runner: OwnRunner, channel: Channel) -> None:
    """Answer each request until the channel is closed, or what comes is no request.

    Raises:
        OSError: it is closed.

    """
    while True:
        message, _ = channel.receive(_MOST_BYTES)
        try:
            answer = [0, _result(runner, json.loads(message))]
        except OSError as error:
            answer = [error.errno or errno.EIO, None]
        except (ValueError, KeyError, RecursionError):
            return
        channel.send(json.dumps(answer).encode())


def _result(runner: OwnRunner, request: Any) -> int | None:
    """Do what is asked.

    Raises:
        ValueError, KeyError: it is no request.
        OSError: the command can't be run.

    """
    if type(request) is int:
        return runner.poll(request)
    if not isinstance(request, dict) or not all(
        _VARIABLE.fullmatch(name) and isinstance(value, str) for name, value in request.items()
    ):
        raise ValueError
    return runner.start(request)


class RunnerElsewhere:
    """`Runner` of the process apart, for a command of this `name`."""

    def __init__(self, channel: Channel, name: str) -> None:
        self._channel = channel
        self.name = name
        """Path of the command."""

    def start(self, variables: Mapping[str, str]) -> int:
        """Start it with more environment variables; gives its pid.

        Raises:
            OSError: it can't be run, or the other process is gone.

        """
        pid = self._ask(dict(variables))
        assert pid is not None
        return pid

    def poll(self, pid: int) -> int | None:
        """Exit code of one that has ended, or minus the signal that ended it; once for each."""
        try:
            return self._ask(pid)
        except OSError:
            return 0  # whoever ran it is gone

    def _ask(self, request: dict[str, str] | int) -> int | None:
        self._channel.send(json.dumps(request).encode())
        error, result = json.loads(self._channel.receive(_MOST_BYTES)[0])
        if error:
            raise OSError(error, os.strerror(error))
        return None if result is None else int(result)
