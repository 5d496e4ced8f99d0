"""Processes and namespaces of this machine, as far as samples can tell of them."""

from __future__ import annotations

import socket
from typing import NamedTuple, Protocol

from tcctui.sources.sock_diag import namespaces
from tcctui.sources.sock_diag.namespaces import Namespace
from tcctui.sources.sock_diag.processes import Owners, Processes


class Scans(Protocol):
    """Owners of all sockets, at the time of a call."""

    @property
    def worked(self) -> float:
        """Seconds of CPU time that the last scan took."""

    def look(self) -> Owners:
        """Scan the sockets that every process has open."""


class Reach(Protocol):
    """Namespaces that can be entered; as the module `namespaces` by itself."""

    def found(self) -> list[Namespace]:
        """Namespaces, each once, our own first."""

    def signs_of_change(self) -> tuple[object, ...]:
        """Cheap signs of new or ended namespaces."""

    def open_diag(self, namespace: Namespace) -> socket.socket:
        """Open a sock_diag socket in a namespace. Raises OSError."""

    def open_listener(self, namespace: Namespace) -> socket.socket:
        """Open one with room for notices of destroyed sockets. Raises OSError."""

    def open_route(self, namespace: Namespace) -> socket.socket:
        """Open a socket of rtnetlink in a namespace; from any thread. Raises OSError."""


class Surroundings(NamedTuple):
    """Processes and namespaces of this machine, as far as this process can see or ask for them."""

    processes: Scans
    namespaces: Reach


def own() -> Surroundings:
    """As far as this process can see them by itself."""
    return Surroundings(Processes(), namespaces)
