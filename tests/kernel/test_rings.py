"""Several ring buffers, written to from all processors, held against one."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from functools import partial

import numpy as np
import pytest

from tcctui.sources.kernel.bpf_source import BpfSource
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.kernel.program import Loading
from tests.kernel.coalescing import LAST, Twice, ends_last, wrong
from tests.kernel.deadlines import until
from tests.kernel.network import Network
from tests.kernel.repeated import repeated
from tests.kernel.traffic import KINDS, PORT, Connection, connections, quiet, talk

pytestmark = pytest.mark.kernel


def roaming(talking: list[Connection]) -> AbstractContextManager[None]:
    """Let connections talk, each round on another processor than the one before."""
    processors = sorted(os.sched_getaffinity(0))

    def go_on(own: list[Connection], numbers: Iterator[int]) -> None:
        os.sched_setaffinity(0, {processors[next(numbers) % len(processors)]})
        for connection in own:
            talk(connection, 1)

    return repeated(
        *(partial(go_on, talking[offset::2], itertools.count(offset)) for offset in (0, 1))
    )


@pytest.mark.parametrize("interval_ms", [0, 10])
@pytest.mark.parametrize("rings", [1, 2, 8])
def test_order_and_counts_are_right(rings: int, interval_ms: int) -> None:
    """Flows that wander from processor to processor are told in order, and each ACK is.

    Where there is an interval, records are right, and a socket's end comes last.
    """
    port = KernelFilter.on_ports(PORT)
    with (
        Network() as network,
        closing(BpfSource(port, loading=Loading(rings=1))) as plain,
        closing(BpfSource(port, loading=Loading(rings=rings), interval_ms=interval_ms)) as source,
        Twice(plain, source) as both,
    ):
        with connections(network, *KINDS, *KINDS) as made:
            cookies = [cookie for connection in made for cookie in connection.cookies]
            with roaming(made):
                until("there are some ACKs", lambda: len(both.plain) > 4000)
            quiet(made)
        _, records = both.ended(cookies)
        for cookie in cookies:
            ours, exact = both.flow(cookie)
            assert (np.diff(ours["ts_ns"].astype("i8")) > 0).all()
            assert not wrong(ours, exact)
        assert ends_last(records, cookies)
        if not interval_ms:
            for cookie in cookies:
                ours, exact = both.flow(cookie)
                assert len(ours) == len(exact)
                for name in LAST:
                    assert np.array_equal(ours[name], exact[name]), name
        assert plain.lost() == source.lost() == 0
        assert source._rings is not None
        used = [ring.produced > 0 for ring in source._rings._rings]
        assert sum(used) == min(rings, len(os.sched_getaffinity(0)))
