"""A store that is filled by hand, and what it says of a flow."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcctui.flows.snapshot import FlowHistory
from tcctui.flows.store import Store
from tcctui.wire.events import Events
from tests.unit.events import Endpoint

MEMORY = 4 << 20

SOCKET, OTHER_SOCKET = 0xFFFF_8880_0000_1000, 0xFFFF_8880_0000_2000
"""Kernel addresses of sockets."""

ELSEWHERE: Endpoint = ("198.51.100.9", 80)
"""Another remote end than the usual one."""


def filled(*batches: Events) -> Store:
    """Give a store that took in these batches, each at the time of its last event."""
    store = Store(MEMORY)
    ingest(store, *batches)
    return store


def ingest(store: Store, *batches: Events) -> None:
    """Let a store take in batches, each at the time of its last event."""
    for batch in batches:
        store.ingest(batch, int(batch["ts_ns"].max()))


def value(store: Store, name: str, cookie: int = 1) -> Any:
    """One column of one flow, as a Python value."""
    found = store.some_flows(np.array([cookie], "u8"), [name])
    assert found.count == 1, f"flow {cookie} is known"
    only = found[name][0].item()
    return only.decode() if name == "text" else only


def charted(
    store: Store, cookie: int = 1, seconds: float | None = 60, columns: int = 100
) -> FlowHistory:
    """The past of a flow, which is known."""
    past = store.history(cookie, seconds, columns)
    assert past is not None
    return past


def known(store: Store) -> list[int]:
    """Cookies of all flows, ascending."""
    return sorted(store.flows([])["cookie"].tolist())
