"""Address and directory of the collector: made ready while there are the rights to."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from pathlib import Path
from typing import NamedTuple

from tcctui.errors import TcctuiError, UsageError

_BACKLOG = 2048


class Place(NamedTuple):
    """Address to listen on; `own` if only this machine reaches it."""

    family: socket.AddressFamily
    host: str
    port: int
    certificate: Path | None

    @classmethod
    def of(cls, text: str, certificate: Path | None) -> Place:
        """Read ADDRESS:PORT.

        Raises:
            UsageError: it is none.

        """
        host, _, port = text.rpartition(":")
        host = host.strip("[]")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 0xFFFF:
            raise UsageError(f"{text!r} is no ADDRESS:PORT.", "One is: 127.0.0.1:8123")
        try:
            found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        except OSError as error:
            raise TcctuiError(f"There is no address {host}: {error.strerror}.") from error
        return cls(found[0], str(found[4][0]), int(port), certificate)

    @property
    def own(self) -> bool:
        """Check for an address of this machine alone."""
        return ipaddress.ip_address(self.host.partition("%")[0]).is_loopback

    def listen(self) -> Listener:
        """Open the socket, and read the certificate: while there are the rights to.

        Raises:
            TcctuiError: the address is in use or not this machine's, or the file is none.

        """
        tls = None if self.certificate is None else _tls(self.certificate)
        listener = socket.socket(self.family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            raise TcctuiError(
                f"{self.url} can't be listened on: {error.strerror}.", "Choose another --listen."
            ) from error
        host, port = listener.getsockname()[:2]
        return Listener(self._replace(host=host, port=port), listener, tls)

    @property
    def url(self) -> str:
        """URL for agents and dashboards."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.certificate is None else 'https'}://{host}:{self.port}"


class Listener(NamedTuple):
    """Socket that listens; `tls` for https."""

    place: Place
    socket: socket.socket
    tls: ssl.SSLContext | None


def _tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate)
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or "it has no certificate with its key in PEM"
        raise TcctuiError(f"{certificate} can't be used: {reason}.") from error
    return context


def usual_store() -> Path:
    """Directory of data where none is named."""
    if os.geteuid() == 0:
        return Path("/var/lib/tcctui")
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data, "tcctui").expanduser()


def make(store: Path) -> None:
    """Make the directory of data, for its owner alone.

    Raises:
        TcctuiError: it can't be made.

    """
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise TcctuiError(f"{store} can't be made: {error.strerror}.") from error
