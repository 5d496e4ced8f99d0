"""Events as the kernel would have written them, made by hand."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from tcctui.wire.events import EVENT, EventKind, Events, TcpState
from tcctui.wire.records import joined

SECOND = 1_000_000_000
"""Nanoseconds in a second."""
MS = 1_000_000
"""Nanoseconds in a millisecond."""

Endpoint = tuple[str, int]
"""Address and port."""

LOCAL: Endpoint = ("10.0.0.1", 443)
REMOTE: Endpoint = ("192.0.2.7", 50000)

NOTHING: Events = np.zeros(0, EVENT)
"""A batch without events."""


def halves(address: str) -> tuple[int, int]:
    """Give the two 64-bit halves of an address, IPv4 as ::ffff:a.b.c.d."""
    parsed = ipaddress.ip_address(address)
    number = int(parsed) if parsed.version == 6 else 0xFFFF << 32 | int(parsed)
    return number >> 64, number & (1 << 64) - 1


def probes(
    ts_ns: npt.ArrayLike,
    cookie: npt.ArrayLike = 1,
    *,
    local: Endpoint = LOCAL,
    remote: Endpoint = REMOTE,
    **fields: npt.ArrayLike,
) -> Events:
    """Make tcp_probe events; each field is one value for all of them, or one for each."""
    return _events(EventKind.PROBE, local, remote, ts_ns=ts_ns, sock_cookie=cookie, **fields)


def state(
    ts_ns: int,
    skaddr: int,
    newstate: TcpState,
    *,
    local: Endpoint = LOCAL,
    remote: Endpoint = REMOTE,
) -> Events:
    """Make an inet_sock_set_state event."""
    return _events(EventKind.STATE, local, remote, ts_ns=ts_ns, skaddr=skaddr, newstate=newstate)


def destroy(
    ts_ns: int, cookie: int, skaddr: int, *, local: Endpoint = LOCAL, remote: Endpoint = REMOTE
) -> Events:
    """Make a tcp_destroy_sock event."""
    return _events(EventKind.DESTROY, local, remote, ts_ns=ts_ns, sock_cookie=cookie, skaddr=skaddr)


def together(*batches: Events) -> Events:
    """Put batches one behind the other into one."""
    return joined(batches)


def stand_alone(events: Events, given: Iterable[str] = ()) -> None:
    """Let each event stand for itself alone: its values are its extremes, unless `given`."""
    in_flight = events["snd_nxt"] - events["snd_una"]
    for name in EXTREMES:
        if name not in given:
            value = in_flight if name.startswith("in_flight") else events[name[: -len("_min")]]
            events[name] = value


EXTREMES = [name for name in EVENT.names or () if name.endswith(("_min", "_max"))]
"""The fields of an event that are extremes over the ACKs it stands for."""


def _events(kind: EventKind, local: Endpoint, remote: Endpoint, **fields: npt.ArrayLike) -> Events:
    values = {name: np.asarray(value, EVENT[name].base) for name, value in fields.items()}
    events = np.zeros(np.broadcast_shapes((1,), *(value.shape for value in values.values())), EVENT)
    for name, value in values.items():
        events[name] = value
    events["kind"] = kind
    stand_alone(events, given=fields)
    for address, port, (text, number) in (("saddr", "sport", local), ("daddr", "dport", remote)):
        events[address] = np.array(halves(text), "u8")
        events[port] = number
        events["family"] = 10 if ":" in text else 2
    return events
