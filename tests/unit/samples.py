"""Samples as sock_diag would tell them, made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tcctui.flows.store import Store
from tcctui.wire.events import NO_SSTHRESH, TcpState
from tcctui.wire.samples import (
    CC_FIELDS,
    NOT_COUNTED,
    SAMPLE,
    SKMEM_FIELDS,
    TCP_INFO_BYTES,
    End,
    Samples,
)
from tests.unit.events import LOCAL, REMOTE, Endpoint, halves

NO_SAMPLES: Samples = np.zeros(0, SAMPLE)
"""As when nothing was sampled."""

_USUAL = {
    "info_len": TCP_INFO_BYTES,
    "state": TcpState.ESTABLISHED,
    "snd_cwnd": 10,
    "snd_ssthresh": NO_SSTHRESH,
    "rtt": 20_000,
    "snd_mss": 1448,
    "min_rtt": 0xFFFFFFFF,
    "pacing_rate": 0xFFFFFFFFFFFFFFFF,
    "max_pacing_rate": 0xFFFFFFFFFFFFFFFF,
    "snd_wnd": 65_535,
    "rcv_wnd": 65_535,
    "half_open": NOT_COUNTED,
}
"""What a connection that was just opened has, and no one asked for anything else."""


def samples(
    ts_ns: npt.ArrayLike,
    cookie: npt.ArrayLike = 1,
    *,
    local: Endpoint = LOCAL,
    remote: Endpoint = REMOTE,
    **fields: npt.ArrayLike,
) -> Samples:
    """Make samples of connections; each field is one value for all of them, or one for each.

    A value of one algorithm, or of the socket's memory, says that there are such.
    """
    given: dict[str, npt.ArrayLike] = {**_USUAL, "ts_ns": ts_ns, "sock_cookie": cookie, **fields}
    for name in fields:
        if name in CC_FIELDS:
            given.setdefault("cc_info", CC_FIELDS[name])
        if name in SKMEM_FIELDS:
            given.setdefault("has_skmem", 1)
    values = {name: np.asarray(value, SAMPLE[name].base) for name, value in given.items()}
    made = np.zeros(np.broadcast_shapes((1,), *(value.shape for value in values.values())), SAMPLE)
    for name, value in values.items():
        made[name] = value
    for address, port, (text, number) in (("saddr", "sport", local), ("daddr", "dport", remote)):
        made[address] = np.array(halves(text), "u8")
        made[port] = number
    made["family"] = 10 if ":" in local[0] else 2
    return made


def gone(ts_ns: npt.ArrayLike, cookie: npt.ArrayLike = 1) -> Samples:
    """Say of sockets that they are no longer there."""
    return samples(ts_ns, cookie, end=End.GONE, info_len=0, state=0)


def destroyed(ts_ns: npt.ArrayLike, cookie: npt.ArrayLike = 1, **fields: Any) -> Samples:
    """Say of sockets that they were destroyed, and their last values."""
    return samples(ts_ns, cookie, end=End.DESTROYED, **{"state": TcpState.CLOSE, **fields})


def look(store: Store, *batches: Samples) -> None:
    """Let a store take in batches, each at the time of its newest sample."""
    for batch in batches:
        store.ingest_samples(batch, int(batch["ts_ns"].max()))
