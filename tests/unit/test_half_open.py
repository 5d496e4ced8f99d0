"""Half-open connections by the listener that the kernel would find for them."""

from __future__ import annotations

from ipaddress import ip_address

import numpy as np

from tcctui.arrays import Records
from tcctui.query import parse
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.sources.sock_diag.half_open import HalfOpen, counted
from tcctui.wire.addresses import V4_MAPPED
from tcctui.wire.events import TcpState
from tcctui.wire.many_values import values
from tcctui.wire.samples import NOT_COUNTED, SAMPLE, SOCKET
from tests.unit.samples import samples


def sockets(*ends: tuple[str, int] | tuple[str, int, int]) -> Records:
    """Sockets at local addresses and ports, and perhaps bound to devices; cookies from 1 on."""
    made = np.zeros(len(ends), SOCKET)
    for at, (host, port, *device) in enumerate(ends):
        address = ip_address(host)
        number = int(address) | (V4_MAPPED if address.version == 4 else 0)
        made["saddr"][at] = number >> 64, number & (1 << 64) - 1
        made["sport"][at], made["ifindex"][at] = port, device[0] if device else 0
        made["sock_cookie"][at] = at + 1
    return made


def test_the_most_specific_listener_has_a_request() -> None:
    """The address before a wildcard, the device before none, IPv4's wildcard before IPv6's."""
    listeners = sockets(
        ("10.0.0.1", 80), ("0.0.0.0", 80), ("::", 80), ("0.0.0.0", 80, 3), ("::", 443),
        ("2001:db8::1", 443), ("10.0.0.1", 80, 3), ("0.0.0.0", 81),
    )  # fmt: skip
    requests = sockets(
        ("10.0.0.1", 80), ("10.0.0.1", 80, 4), ("10.0.0.2", 80), ("10.0.0.2", 80, 3),
        ("2001:db8::1", 80), ("2001:db8::1", 443), ("2001:db8::2", 443), ("10.0.0.1", 443),
        ("10.0.0.1", 80, 3), ("10.0.0.1", 82),
    )  # fmt: skip
    assert counted(listeners, requests).tolist() == [2, 1, 1, 1, 2, 1, 1, 0]


def test_listeners_that_share_a_port_have_the_sum() -> None:
    """SO_REUSEPORT's are alike; a request counts once, however often a dump was repeated."""
    listeners = sockets(("0.0.0.0", 80), ("0.0.0.0", 80), ("0.0.0.0", 81))
    requests = np.tile(sockets(("10.0.0.1", 80), ("10.0.0.2", 80)), 2)
    found = HalfOpen.of(listeners[::-1], requests)
    assert found.cookies.tolist() == [1, 2, 3]
    assert found.counts.tolist() == [2, 2, 0]
    assert HalfOpen.of(listeners, requests[:0]).counts.tolist() == [0, 0, 0]
    assert HalfOpen.of(listeners[:0], requests).counts.tolist() == []


def test_only_listeners_are_given_numbers() -> None:
    """A connection has none, nor has a listener that no dump has told of."""
    state = [TcpState.LISTEN, TcpState.ESTABLISHED, TcpState.LISTEN]
    some = samples(1, [2, 1, 9], state=state)
    HalfOpen(np.array([1, 2], "u8"), np.array([5, 7], "u4")).fill(some)
    assert some["half_open"].tolist() == [7, NOT_COUNTED, NOT_COUNTED]
    told = values(some, frozenset({"half_open"}))["half_open"]
    np.testing.assert_array_equal(told, [7, np.nan, np.nan])
    assert SAMPLE["half_open"] == "u4"


def test_a_query_asks_for_it() -> None:
    """Whoever asks for half_open asks for listeners; nobody else has requests counted."""
    asked = KernelFilter.of(parse("half_open>100"))
    assert asked.half_open
    assert asked.without_connection == {TcpState.LISTEN}
    assert (asked & KernelFilter()).half_open
    assert KernelFilter().naming("x", "sum(half_open)>3 for 10s").half_open
    for text in ("state:listen,syn-recv", "rate>1", "half_opened"):
        assert not KernelFilter().naming(text).half_open
