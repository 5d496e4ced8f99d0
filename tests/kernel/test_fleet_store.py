"""The collector's rights, and a disk that is full."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pytest

from tcctui.fleet.client import Address, Client, Unreachable, connect
from tests.kernel.test_rights import ROOT_ITSELF, holds_nothing
from tests.unit.collector_process import (
    BEGIN,
    PASSWORDS,
    Collector,
    Relay,
    certificate_file,
    public_directory,
    users_file,
    zstd,
)

pytestmark = pytest.mark.kernel


@contextmanager
def small_disk(mebibytes: int) -> Iterator[Path]:
    """Give a file system of its own, of that size."""
    with public_directory() as directory:
        size = f"size={mebibytes}m,mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", directory], check=True)
        try:
            yield directory
        finally:
            subprocess.run(["umount", directory], check=True)


def noise(count: int, chance: random.Random) -> bytes:
    """Marks with a mebibyte of text that nothing compresses, as an agent sends them."""
    texts = [chance.randbytes((1 << 19) // count).hex() for _ in range(count)]
    batch = pa.RecordBatch.from_pydict(
        {
            "time": pa.array([BEGIN] * count, pa.timestamp("ms", "UTC")),
            "host": ["full"] * count,
            "text": texts,
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return zstd(sink.getvalue().to_pybytes())


def test_it_is_nobody() -> None:
    """Started by root, it has no right but to its own directory, and that is nobody's."""
    with public_directory() as directory, Collector(directory / "store") as collector:
        holds_nothing(collector.pid, ROOT_ITSELF)
        assert (directory / "store").stat().st_uid == ROOT_ITSELF


def test_a_relay_is_nobody_with_files_that_were_roots() -> None:
    """Password, authorities, users and certificate are read first, then the rights are given up."""
    with public_directory() as directory:
        files = directory / "of root"
        files.mkdir(mode=0o700)
        users, pair = str(users_file(files)), str(certificate_file(files))
        secret = files / "secret"
        secret.write_text(PASSWORDS["agents"])
        options = ("--users", users, "--certificate", pair)
        known = ("--user", "agents", "--password-file", str(secret), "--ca-file", pair)
        with (
            Collector(directory / "store", *options) as engine,
            Relay(directory / "spool", engine.url, *known, *options) as relay,
        ):
            holds_nothing(relay.pid, ROOT_ITSELF)
            assert (directory / "spool").stat().st_uid == ROOT_ITSELF
            client = connect(Address(relay.url, "agents", secret, authorities=Path(pair)))
            client.insert("mark", noise(1, random.Random(1)), "relayed")
            client.close()
            assert engine.ask("SELECT count() FROM mark", user="people").text == "1\n"


def test_a_full_disk() -> None:
    """Agents are told to come back; when there is room again, each batch is there once."""
    chance = random.Random(1)
    with small_disk(48) as disk, Collector(disk / "store") as collector:
        client = connect(Address(collector.url))
        sent: list[bytes] = []

        def fill() -> None:
            while len(sent) < 100:
                sent.append(noise(10, chance))
                client.insert("mark", sent[-1], f"batch {len(sent)}")

        with pytest.raises(Unreachable, match="fails for now"):
            fill()
        assert count(client) in {10 * (len(sent) - 1), 10 * len(sent)}
        subprocess.run(["mount", "-o", "remount,size=256m", disk], check=True)
        client.insert("mark", sent[-1], f"batch {len(sent)}")
        client.insert("mark", noise(10, chance), "another")
        assert count(client) == 10 * (len(sent) + 1)
        client.close()


def count(client: Client) -> int:
    """Rows of the table of marks."""
    return client.numbers("SELECT count() FROM mark")[0]
