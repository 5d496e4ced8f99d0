"""A collector in a process of its own, and rows for it."""

from __future__ import annotations

import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pyarrow as pa
import pyarrow.ipc

from tcctui.fleet.collector.users import password_hash, token_hash
from tcctui.fleet.tables.table import Stored, Table

PATIENCE = 60
"""Seconds that a request may take on a busy machine."""

PASSWORDS = {"agents": "a secret", "people": "another one", "operator": "the third"}
TOKEN = "a-long-and-random-one"

BEGIN = datetime(2026, 11, 30, 14, 0, tzinfo=timezone.utc)


class Collector:
    """`tcctui collector` with its store, until the end of a `with`."""

    command: Sequence[str] = ("collector", "--store")
    """Name of the command, and the option that names its directory."""

    def __init__(self, store: Path, *options: str) -> None:
        self.store = store
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> Collector:
        """Start it, and wait until it listens."""
        name, option = self.command
        command = [sys.executable, "-m", "tcctui", name, "--listen", "127.0.0.1:0"]
        self._process = subprocess.Popen(
            [*command, option, str(self.store), *self._options],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        assert line.startswith("Listening on "), line + self._process.stderr.read()
        self.url = line.split()[-1]
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal; gives its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        status = self._process.wait(PATIENCE)
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._process = None
        return status

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process is not None:
            self.end(signal.SIGKILL)

    @property
    def pid(self) -> int:
        """Number of its process."""
        assert self._process is not None
        return self._process.pid

    def cpu_seconds(self) -> float:
        """CPU time that it has taken."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _tls(self) -> ssl.SSLContext | None:
        """Trust in its certificate, which is the file of authorities, too."""
        if "--certificate" not in self._options:
            return None
        at = self._options.index("--certificate") + 1
        return ssl.create_default_context(cafile=self._options[at])

    def __enter__(self) -> Collector:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.kill()

    def ask(
        self,
        query: str = "",
        body: bytes | None = None,
        *,
        user: str = "",
        password: str | None = None,
        headers: Mapping[str, str] | None = None,
        path: str = "/",
        **parameters: str,
    ) -> Answer:
        """Send a request as a script does; POST if there is a body."""
        given = dict(headers or {})
        if user:
            given["X-ClickHouse-User"] = user
            given["X-ClickHouse-Key"] = PASSWORDS[user] if password is None else password
        url = {**({"query": query} if query else {}), **parameters}
        joint = "&" if "?" in path else "?"
        request = Request(f"{self.url}{path}{joint}{urlencode(url)}", body, given)
        try:
            with urlopen(request, timeout=PATIENCE, context=self._tls()) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())


class Relay(Collector):
    """`tcctui relay` with its spool, until the end of a `with`; the first option is its engine."""

    command = ("relay", "--spool")

    def __init__(self, spool: Path, engine: str, *options: str, to: str = "--to") -> None:
        super().__init__(spool, to, engine, *options)


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body

    @property
    def code(self) -> int:
        """Code of the exception; 0 for none."""
        return int(self.headers.get("x-clickhouse-exception-code", "0"))

    @property
    def text(self) -> str:
        """Body as text."""
        return self.body.decode()


def free_port() -> int:
    """Port that nobody listens on, for a listener that comes back to it.

    None of those that the kernel gives to connections: one could have it meanwhile.
    """
    given = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    while True:
        port = random.randrange(10_000, int(given.split()[0]))
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def public_directory() -> Iterator[Path]:
    """Give a directory that every user can enter: what root starts becomes nobody."""
    with tempfile.TemporaryDirectory(prefix="tcctui-collector-") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


def certificate_file(directory: Path) -> Path:
    """Make a certificate of 127.0.0.1 with its key, signed by itself, for its owner alone."""
    path = directory / "pair.pem"
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *name]
    subprocess.run([*made, "-keyout", path, "-out", path], check=True, capture_output=True)
    path.chmod(0o600)
    return path


def users_file(directory: Path) -> Path:
    """Write a file of one user of each role; the agent `tokens` has a token."""
    path = directory / "users.toml"
    roles = {"agents": "agent", "people": "reader", "operator": "admin"}
    tables = [
        f'[{name}]\nrole = "{roles[name]}"\npassword = "{password_hash(password)}"\n'
        for name, password in PASSWORDS.items()
    ]
    tables.append(f'[tokens]\nrole = "agent"\ntoken = "{token_hash(TOKEN)}"\n')
    path.write_text("\n".join(tables))
    return path


_ARROW: dict[str, Any] = {
    **{f"UInt{bits}": getattr(pa, f"uint{bits}")() for bits in (8, 16, 32, 64)},
    "Int64": pa.int64(),
    "Float32": pa.float32(),
    "Float64": pa.float64(),
    "Bool": pa.bool_(),
    "String": pa.string(),
    "LowCardinality(String)": pa.string(),
    "IPv6": pa.binary(16),
    "UUID": pa.string(),
    "DateTime('UTC')": pa.timestamp("s", "UTC"),
    "DateTime64(3, 'UTC')": pa.timestamp("ms", "UTC"),
    "Array(UInt64)": pa.list_(pa.uint64()),
    "Map(LowCardinality(String), UInt64)": pa.map_(pa.string(), pa.uint64()),
    "Map(Int16, UInt32)": pa.map_(pa.int16(), pa.uint32()),
}


def rows(table: Table, count: int, host: str = "web1", without: Sequence[str] = ()) -> bytes:
    """Rows of a table, different ones, as an Arrow stream; some columns may be left out."""
    columns = [column for column in table.columns if column.name not in without]
    arrays = [
        pa.array([_value(column, number, host) for number in range(count)], _ARROW[column.type])
        for column in columns
    ]
    batch = pa.RecordBatch.from_arrays(arrays, [column.name for column in columns])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def _value(column: Stored, number: int, host: str) -> Any:
    special = {
        "host": host,
        "time": BEGIN,
        "boot_id": "11111111-2222-3333-4444-555555555555",
        "cookie": number,
    }
    if column.name in special:
        return special[column.name]
    if column.nullable:
        return None
    return _BY_TYPE.get(column.type, number + 1)


_BY_TYPE: dict[str, Any] = {
    "Bool": False,
    "String": "",
    "LowCardinality(String)": "cubic",
    "IPv6": bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 0]),
    "Array(UInt64)": [4096, 131072, 6291456],
    "Map(LowCardinality(String), UInt64)": [("queue", 5), ("app", 7)],
    "Map(Int16, UInt32)": [(100, 2), (105, 1)],
}


def zstd(body: bytes) -> bytes:
    """Compress as an agent does."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(body)
    return sink.getvalue().to_pybytes()
