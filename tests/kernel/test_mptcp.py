"""MPTCP connections of real traffic, against getsockopt(MPTCP_INFO) and `ss`."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from tcctui.fields.mptcp import Subflow
from tcctui.flows.groups.groups import GROUPINGS, NEEDS, grouped
from tcctui.flows.snapshot import Flows
from tcctui.flows.store import Store
from tcctui.flows.subflows import kinds, share
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.sock_diag import mptcp_diag, namespaces
from tcctui.sources.sock_diag.diag_socket import DiagSocket
from tcctui.sources.sock_diag.inet_diag import dump_request_of
from tcctui.sources.sock_diag.sampling import Pace, Sampler
from tcctui.wire.samples import Samples, value
from tests.kernel.deadlines import until
from tests.kernel.network import inside, run
from tests.kernel.two_paths import IPPROTO_MPTCP, TwoPaths

pytestmark = pytest.mark.kernel

_SOL_MPTCP, _MPTCP_INFO = 284, 1  # include/linux/socket.h, include/uapi/linux/mptcp.h


@pytest.fixture
def paths() -> Iterator[TwoPaths]:
    """Give two hosts with two paths between them."""
    with TwoPaths() as made:
        yield made


@contextlib.contextmanager
def diag(name: str) -> Iterator[DiagSocket]:
    """Open sock_diag in a namespace, as the sampler does."""
    (there,) = (one for one in namespaces.found() if one.name == name)
    with contextlib.closing(DiagSocket(there.inode, raw=namespaces.open_diag(there))) as opened:
        yield opened


def read(opened: DiagSocket) -> Samples:
    """Sample all sockets, with the figures of their MPTCP connections."""
    samples = opened.dump()
    opened.fill_mptcp(samples)
    return samples


def both(opened: DiagSocket) -> Samples:
    """Samples of both subflows, once both carry data."""
    found: list[Samples] = []

    def carrying() -> bool:
        samples = read(opened)
        found[:] = [samples[samples["mptcp_info_len"] > 0]]
        return len(found[0]) == 2 and bool((found[0]["bytes_acked"] > 100_000).all())

    until("both subflows carry data", carrying)
    return found[0]


@contextlib.contextmanager
def sampler() -> Iterator[Sampler]:
    """Sample every namespace, as the dashboard does."""
    with contextlib.closing(Sampler(KernelFilter(), Pace(0.25), 0.25)) as made:
        yield made


def _info(end: socket.socket) -> tuple[int, int, int, int]:
    """Token, flags, extra subflows and acknowledged bytes as MPTCP_INFO has them."""
    told = end.getsockopt(_SOL_MPTCP, _MPTCP_INFO, 96)
    flags, token = struct.unpack_from("=II", told, 8)
    (acked,) = struct.unpack_from("=Q", told, 72)
    return token, flags, told[0], acked


def test_subflows_have_their_connections_token_and_figures(paths: TwoPaths) -> None:
    """Token, flags, ids and bytes are those of getsockopt(MPTCP_INFO) and `ss`."""
    with paths.transfer() as (sending, _), diag(paths.client) as opened:
        least = _info(sending)
        found = both(opened)
        most = _info(sending)
        assert found["mptcp_token"].tolist() == [most[0]] * 2
        assert found["mptcp_flags"].tolist() == [most[1]] * 2
        assert found["mptcp_subflows"].tolist() == [most[2]] * 2 == [1, 1]
        assert (least[3] <= found["mptcp_bytes_acked"]).all()
        assert (found["mptcp_bytes_acked"] <= most[3]).all()
        assert (found["inode"] == os.fstat(sending.fileno()).st_ino).all()
        for line in run("ss", "-HOtine", "-N", paths.client).splitlines():
            cookie = int(re.findall(r" sk:([0-9a-f]+) ", line)[0], 16)
            (one,) = found[found["sock_cookie"] == cookie]
            (token, ours, theirs) = re.findall(
                r"token:[0-9a-f]+\(id:(\d+)\)/([0-9a-f]+)\(id:(\d+)\)", line
            )[0]
            assert int(ours, 16) == one["mptcp_token"]
            assert (int(theirs), int(token)) == (one["subflow_id_loc"], one["subflow_id_rem"])


def test_nobody_gets_the_same(paths: TwoPaths) -> None:
    """Without privileges, which the dashboard gives up, subflows have token and figures too."""
    program = (
        "import os\n"
        "from tcctui.sources.sock_diag import mptcp_diag\n"
        "from tcctui.sources.sock_diag.diag_socket import DiagSocket\n"
        "os.setgroups([]); os.setuid(65534)\n"
        "diag = DiagSocket(); found = diag.dump(); diag.fill_mptcp(found)\n"
        "print(found['mptcp_token'].tolist(), found['mptcp_subflows'].tolist())"
    )
    with paths.transfer(), diag(paths.client) as opened:
        tokens = both(opened)["mptcp_token"].tolist()
        told = run("ip", "netns", "exec", paths.client, sys.executable, "-c", program)
    assert told == f"{tokens} [1, 1]\n"


def test_shares_add_up_and_the_slow_path_carries_less(paths: TwoPaths) -> None:
    """Sampled by the sampler, both subflows have their process, one group, and shares near 100 %.

    Reinjected bytes count twice, and those that wait for others are acknowledged to the subflow
    alone; the paths are of 40 and 10 Mbit/s.
    """
    store = Store()
    asked = {"cookie", "pid", "subflow", "mptcp_token", "mptcp_acked_share", "bytes_acked"}
    asked |= {"mptcp_bytes_acked", *NEEDS, *GROUPINGS["mptcp"].needs}
    found: list[Flows] = []
    with paths.transfer() as (sending, _), sampler() as source:
        token = _info(sending)[0]

        def sampled() -> bool:
            source.wait(1)
            while len(samples := source.take()):
                store.ingest_samples(samples, int(samples["ts_ns"].max()))
            flows = store.flows(asked)
            own = np.flatnonzero(flows["mptcp_token"] == token)
            found[:] = [Flows(flows.now_ns, {name: flows[name][own] for name in flows})]
            carry = len(own) == 2 and (found[0]["mptcp_bytes_acked"] > 1.5e7).all()
            return bool(carry and (found[0]["pid"] == os.getpid()).all())

        until("both subflows have their process, and carry data", sampled)
    (flows,) = found
    slow = flows["subflow"] == Subflow.JOIN
    assert np.count_nonzero(slow) == 1
    shares = flows["mptcp_acked_share"]
    assert 90 <= shares.sum() <= 140
    assert 0 < shares[slow][0] < shares[~slow][0]
    groups = grouped(flows, GROUPINGS["mptcp"])
    assert [groups.label(group) for group in range(len(groups))] == [f"MPTCP {token:#x}"]


def test_a_backup_subflow_carries_nothing_while_another_can() -> None:
    """A subflow on an endpoint marked backup is said to be one, and its share is tiny.

    What is resent by it where the other one seems to be stuck becomes little beside the rest.
    """
    with TwoPaths(backup=True) as paths, paths.transfer(), diag(paths.client) as opened:
        found: list[Samples] = []

        def there() -> bool:
            found[:] = [read(opened)]
            return len(found[0]) == 2 and bool((found[0]["mptcp_bytes_acked"] > 1e6).all())

        until("the connection carries data", there)
        kind = kinds(value(found[0], "subflow_flags"), value(found[0], "mptcp_flags"))
        assert sorted(kind.tolist()) == [Subflow.INITIAL, Subflow.BACKUP]

        def tiny() -> bool:
            there()
            (samples,) = found
            carried = share(value(samples, "bytes_acked"), value(samples, "mptcp_bytes_acked"))
            kind = kinds(value(samples, "subflow_flags"), value(samples, "mptcp_flags"))
            return bool(carried[kind == Subflow.BACKUP][0] < 1)

        until("the backup's share is tiny", tiny)


def test_a_server_without_mptcp_leaves_a_fallback(paths: TwoPaths) -> None:
    """An MPTCP client of a plain server is a fallback; the server's own end is no subflow."""
    with contextlib.ExitStack() as made, inside(paths.client):
        listening = made.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = made.enter_context(
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
        )
        client.connect(listening.getsockname())
        made.enter_context(listening.accept()[0])
        samples = read(made.enter_context(diag(paths.client)))
    kind = kinds(value(samples, "subflow_flags"), value(samples, "mptcp_flags"))
    assert sorted(kind.tolist()) == [Subflow.NONE, Subflow.FALLBACK]


def test_plain_tcp_asks_for_no_mptcp(paths: TwoPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a subflow among the samples, the kernel is not asked for MPTCP connections."""
    asked: list[int] = []
    monkeypatch.setattr(mptcp_diag, "dump_request", lambda *_: asked.append(1))
    with contextlib.ExitStack() as made, inside(paths.client):
        listening = made.enter_context(socket.create_server(("127.0.0.1", 0)))
        made.enter_context(socket.create_connection(listening.getsockname()))
        opened = made.enter_context(diag(paths.client))
        until("both ends are established", lambda: len(read(opened)) == 2)
    assert not asked


def test_a_kernel_without_mptcp_diag_is_asked_once(
    paths: TwoPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel has no handler, subflows keep what they know, and nothing is asked again."""
    asked: list[int] = []

    def of_no_protocol(sequence: int, family: int) -> bytes:
        asked.append(family)
        return dump_request_of(sequence, family, struct.pack("=HHI", 8, 3, 255))

    monkeypatch.setattr(mptcp_diag, "dump_request", of_no_protocol)
    with paths.transfer() as (sending, _), diag(paths.client) as opened:
        for _ in range(3):
            found = read(opened)
        token = _info(sending)[0]
    assert len(asked) == 1
    assert token in found["mptcp_token"]
    assert not found["mptcp_info_len"].any()
