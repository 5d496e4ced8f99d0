"""The table of flows beside TCP_INFO: of a thousand connections, not one impossible row."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.kernel import every_kind
from tests.kernel.command import TCCTUI, Command
from tests.kernel.deadlines import until
from tests.kernel.every_kind import ABORTED, SHORT, SHORT_PORT
from tests.kernel.limited import transfer
from tests.kernel.network import Network
from tests.kernel.traffic import connect, connections, cookie, exchange, quiet

pytestmark = pytest.mark.kernel

_INFO = {"total_retrans": ("I", 100), "bytes_acked": ("Q", 120), "bytes_received": ("Q", 128)}
_INFO |= {"bytes_sent": ("Q", 200), "bytes_retrans": ("Q", 208), "data_segs_out": ("I", 156)}


def tcp_info(end: socket.socket) -> dict[str, int]:
    """The kernel's own numbers of a socket (struct tcp_info, include/uapi/linux/tcp.h)."""
    data = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return {name: struct.unpack_from(f"={kind}", data, at)[0] for name, (kind, at) in _INFO.items()}


def recorded(path: Path, command: Command) -> list[dict[str, Any]]:
    """End a recording; gives its table of flows."""
    assert command.end(signal.SIGINT) == 0, command.stderr
    out = path.with_suffix(".jsonl")
    with Command(TCCTUI, "export", str(path), str(out), "--table", "flows") as export:
        assert export.wait() == 0, export.stderr
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_no_impossible_row(tmp_path: Path) -> None:
    """A thousand connections of every kind: each row could be the kernel's.

    What is quiet has exactly the kernel's numbers, and every short one its process.
    """
    path = tmp_path / "it.arrows"
    ports = [word for port in every_kind.PORTS for word in ("--port", str(port))]
    with (
        Network(rate="200mbit", queue="300kb") as network,
        every_kind.connected(network) as kinds,
        connections(network, "ipv4", "ipv6", "mapped", "loopback") as others,
        Command(TCCTUI, "record", str(path), *ports) as command,
    ):
        exchange(others[:1], up=200_000)
        until("it records", lambda: path.exists() and path.stat().st_size > 0)
        with transfer(connect(network, "ipv4"), 1 << 14):
            every_kind.busy(kinds)
            exchange(others, up=300_000, down=50_000)
            every_kind.short_ones(network)
            old = [one for made in (*kinds.values(), others) for one in made]
            quiet(old)
            told = {cookie(end): tcp_info(end) for one in old for end in (one.client, one.server)}
            lose = [[cookie(one.client) for one in kinds[kind]] for kind in ("lossy", "policed")]
            rows = recorded(path, command)
    assert len(rows) >= 2 * (SHORT + ABORTED + len(old)) > 2000
    for row in rows:
        possible(row)
    by_cookie = {row["sock_cookie"]: row for row in rows}
    for number, info in told.items():
        assert {name: by_cookie[number][name] for name in info} == info
    assert all(any(told[number]["total_retrans"] for number in some) for some in lose)
    short = [row for row in rows if SHORT_PORT in (row["sport"], row["dport"])]
    clients = [row for row in short if row["dport"] == SHORT_PORT]
    assert {row["pid"] for row in clients} == {os.getpid()}
    assert {row["uid"] for row in clients} == {os.getuid()}
    served = [row for row in short if row["sport"] == SHORT_PORT and row["bytes_acked"] == 3001]
    assert not [row for row in served if row["pid"] != os.getpid()]


def possible(row: dict[str, Any]) -> None:
    """Check what holds of any connection; the kernel counts SYN and FIN as acknowledged bytes."""
    acked, sent = row["bytes_acked"], row["bytes_sent"]
    assert (acked is None) == (sent is None), str(row)
    if acked is not None:
        assert acked <= sent - row["bytes_retrans"] + 2, str(row)
        assert row["bytes_retrans"] <= sent, str(row)
        assert row["total_retrans"] <= row["data_segs_out"] + 10, str(row)
        newest = row["event_age_s"] is None or row["sampled_age_s"] <= row["event_age_s"]
        assert not newest or (row["bytes_acked_seen"] or 0) <= acked, str(row)
    for name in ("duration_s", "sampled_age_s", "event_age_s", "goodput", "recovery_s", "loss_s"):
        assert row[name] is None or row[name] >= 0, str(row)
    if row["closed"] is None:  # a last look was possible
        assert row["sampled_age_s"] < 10, str(row)
    assert row["opened"] is None or row["opened"] <= row["last"], str(row)
    quantiles = [row[f"srtt_us_{name}"] for name in ("min", "p50", "p95", "p99", "max")]
    if None not in quantiles:
        assert quantiles == sorted(quantiles), str(row)
    limits = [row[name] for name in row if name.startswith("limited_")] + [row["receives_s"]]
    if None not in limits:
        assert min(limits) >= 0, str(row)
        assert sum(limits) <= row["duration_s"] + 0.01, str(row)
    else:
        assert limits == [None] * len(limits), str(row)
