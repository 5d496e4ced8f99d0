"""MPTCP connections of real traffic, against getsockopt(MPTCP_INFO) and `ss`."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
from collections.abc import Iterator

import pytest

from tcctui.sources.sock_diag import namespaces
from tcctui.sources.sock_diag.diag_socket import DiagSocket
from tcctui.wire.samples import Samples
from tests.kernel.deadlines import until
from tests.kernel.network import run
from tests.kernel.two_paths import TwoPaths

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
