"""Endpoints and states as text: a list to show, or an array to search in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tcctui.arrays import U8, U64, Array
from tcctui.fields.connection import ENDS, LOCAL, REMOTE
from tcctui.flows.columns import Column
from tcctui.wire.addresses import format_address, format_endpoint
from tcctui.wire.tcp_states import STATE_NAMES

Lines = npt.NDArray[np.bytes_]
"""Lines of ASCII, one for each flow."""


def local(flows: Mapping[str, Column]) -> list[str]:
    """Text of flows' local endpoints."""
    return endpoints(*(flows[name] for name in LOCAL))


def remote(flows: Mapping[str, Column]) -> list[str]:
    """Text of flows' remote endpoints."""
    return endpoints(*(flows[name] for name in REMOTE))


def endpoints(high: Column, low: Column, ports: Column) -> list[str]:
    """Text of many endpoints, `address:port`, from columns of address halves and ports."""
    return [
        format_endpoint(*endpoint)
        for endpoint in zip(high.tolist(), low.tolist(), ports.tolist(), strict=True)
    ]


def state_name(state: int) -> str:
    """Name of a TCP state as ss prints it."""
    return STATE_NAMES.get(state, f"state {state}")


_STATES = np.array([f" {state_name(state).lower()}" for state in range(256)], "S")
_OCTETS = np.array([f"{octet}{behind}" for behind in ".:" for octet in range(256)], "S4")
_PIECE = 8192  # flows at a time, so that what is needed in between stays small
_LAST_HAS_COLON = np.array([0, 0, 0, 256])


def with_states(lines: Lines, states: Column) -> Lines:
    """Put each flow's state, in small letters, behind its line."""
    return np.char.add(lines, _STATES[states])


def both_endpoints(flows: Mapping[str, Array]) -> Lines:
    """Lines of `local remote`, as `endpoints` writes them, from flows' addresses and ports.

    Without a Python call per flow of IPv4: 100,000 of them take 30 ms.
    """
    columns = [flows[name] for name in ENDS]
    pieces = range(0, max(1, len(columns[0])), _PIECE)
    return np.concatenate(
        [_both(*(column[at : at + _PIECE] for column in columns)) for at in pieces]
    )


def _both(*columns: Array) -> Lines:
    local_high, local_low, sport, remote_high, remote_low, dport = columns
    parts = [
        _hosts(local_high, local_low),
        sport.astype("S5"),
        np.full(len(sport), b" "),
        _hosts(remote_high, remote_low),
        dport.astype("S5"),
    ]
    row = np.empty(len(sport), [("", part.dtype) for part in parts])
    for name, part in zip(row.dtype.names or (), parts, strict=True):
        row[name] = part
    return _joined(row.view("u1").reshape(len(row), row.itemsize))


def _hosts(high: U64, low: U64) -> Lines:
    """Addresses and the colon after each, in pieces with NULs in between."""
    octets = low.astype(">u8").view("u1").reshape(-1, 8)[:, 4:]
    hosts = _OCTETS[octets + _LAST_HAS_COLON].view("S16")[:, 0]
    wide = (high != 0) | (low >> np.uint64(32) != 0xFFFF)
    if wide.any():
        addresses = list(zip(high[wide].tolist(), low[wide].tolist(), strict=True))
        # Often one end is the same for all.
        texts = {address: f"[{format_address(*address)}]:" for address in set(addresses)}
        hosts = hosts.astype("S42")
        hosts[wide] = [texts[address] for address in addresses]
    return hosts


def _joined(pieces: U8) -> Lines:
    """Close the gaps of NULs in rows of characters, shape (n, width)."""
    kept = pieces != 0
    lengths = kept.sum(axis=1)
    width = int(lengths.max(initial=1))
    lines = np.zeros((len(pieces), width), "u1")
    lines[np.arange(width) < lengths[:, None]] = pieces[kept]
    return lines.view(f"S{width}")[:, 0]
