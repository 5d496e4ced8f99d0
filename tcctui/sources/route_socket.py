"""A socket of rtnetlink in another network namespace, while it is asked for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

_AGAIN = 5.0
"""Seconds after which a namespace that could not be entered is tried again."""


class RouteSocket:
    """Keeps one socket, in the namespace that was asked for last; used by one thread.

    `open_route` opens it, by the inode of the namespace, and may raise an OSError. It runs in
    another thread: the process that enters namespaces may be busy. An open socket keeps its
    namespace alive: it is to be closed when nothing is asked any more.
    """

    def __init__(self, open_route: Callable[[int], socket.socket]) -> None:
        self._open_route = open_route
        self._netns = 0
        self._opened: Future[socket.socket] | None = None
        self._again_at = 0.0

    def of(self, netns: int) -> socket.socket | None:
        """Socket in a namespace; None until it is open, and where it can't be opened."""
        if netns != self._netns:
            self.close()
        if self._opened is None:
            self._begin(netns)
        elif self._opened.done():
            if not isinstance(self._opened.exception(), OSError):
                return self._opened.result()
            if time.monotonic() >= self._again_at:
                self._begin(netns)
        return None

    def close(self) -> None:
        """Close it, also one that is still to come; may be called twice."""
        opened, self._opened, self._netns = self._opened, None, 0
        if opened is not None:
            opened.add_done_callback(_close)

    def _begin(self, netns: int) -> None:
        if not netns:  # it is not known in which one
            return
        self._netns, self._again_at = netns, time.monotonic() + _AGAIN
        self._opened = opened = Future[socket.socket]()
        threading.Thread(target=self._run, args=(netns, opened), name="route", daemon=True).start()

    def _run(self, netns: int, opened: Future[socket.socket]) -> None:
        try:
            opened.set_result(self._open_route(netns))
        except Exception as error:  # one that is no OSError is raised by `of`
            opened.set_exception(error)


def _close(opened: Future[socket.socket]) -> None:
    if opened.exception() is None:
        opened.result().close()
