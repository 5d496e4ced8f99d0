"""Processes apart: each serves this one through a channel, with few rights, and ends with it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tcctui.privileges.capabilities import Capability
from tcctui.privileges.channel import Channel
from tcctui.privileges.identity import User, become, change_user


class Apart(NamedTuple):
    """A process apart: the channel to it, and its pid."""

    channel: Channel
    pid: int

    def end(self) -> None:
        """Close the channel, whereupon it ends, and reap it if it has; may be called twice."""
        self.channel.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)

    def reap(self) -> None:
        """Wait for its end, which it has announced."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self.channel.close()


Serve = Callable[[Channel], None]
"""Answers messages until the channel is closed, by an OSError."""

_SET_PDEATHSIG, _SET_NAME = 1, 15  # include/uapi/linux/prctl.h


def start(
    name: str,
    serve: Serve,
    user: User | None,
    wanted: Iterable[Capability] = (),
    *,
    sealed: bool = True,
    inherited: bool = False,
) -> Apart:
    """Start a process that is `user`, with the `wanted` capabilities alone.

    It has its own session, and no files of this process: neither Ctrl-C nor a terminal that is gone
    reaches it. One that is not `sealed` may do all that this user may, as programs that it starts;
    else these have its capabilities if they are `inherited`. To be called before there are threads.

    Raises:
        OSError: there is no room for another process.

    """
    here, there = socket.socketpair()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        there.close()
        return Apart(Channel(here), pid)
    try:
        here.close()
        _leave(there.fileno())
        if sealed:
            become(user, wanted, inherited=inherited)
        elif user is not None:
            change_user(user)
        # A change of user takes this signal back: it comes last.
        _prctl(_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(_SET_NAME, f"tcctui {name}".encode())
        if os.getppid() == parent:
            serve(Channel(there))
    except BaseException:  # whatever it is: this end is closed, and the other one says so
        os._exit(1)
    os._exit(0)


def _leave(kept: int) -> None:
    """Leave the session, its terminal and all files but one."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    os.closerange(3, kept)
    os.closerange(kept + 1, 1 << 30)


def _prctl(option: int, value: int | bytes) -> None:
    import ctypes  # noqa: PLC0415

    ctypes.CDLL(None).prctl(option, ctypes.c_char_p(value) if isinstance(value, bytes) else value)
