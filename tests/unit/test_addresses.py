"""Addresses and endpoints as numbers and text, beside Python's ipaddress; labels of flows."""

from __future__ import annotations

import ipaddress

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tcctui.flows.labels import both_endpoints, endpoints, state_name, with_states
from tcctui.wire.addresses import (
    V4_MAPPED,
    format_address,
    format_endpoint,
    name_zone,
    parse_on_link,
    parse_prefix,
    use_zones,
    zone_indexes,
)
from tcctui.wire.events import TcpState
from tests.unit.events import halves
from tests.unit.work import calls

HALF = (1 << 64) - 1

v4 = st.ip_addresses(v=4)
v6 = st.ip_addresses(v=6).filter(lambda address: not address.is_link_local)


@given(address=v4)
@example(address=ipaddress.IPv4Address("0.0.0.0"))
@example(address=ipaddress.IPv4Address("255.255.255.255"))
def test_ipv4_is_v4_mapped(address: ipaddress.IPv4Address) -> None:
    """An IPv4 address is ::ffff:a.b.c.d, from both spellings, and is shown as IPv4."""
    plain, mapped = parse_prefix(str(address)), parse_prefix(f"::ffff:{address}")
    assert plain == mapped
    assert plain.address == int(ipaddress.IPv6Address(f"::ffff:{address}"))
    assert plain.mask == 2**128 - 1
    assert format_address(plain.address >> 64, plain.address & HALF) == str(address)


with_zeros = st.lists(st.sampled_from([0, 0, 1, 0xABC, 0xFFFF]), min_size=8, max_size=8).map(
    lambda groups: ipaddress.IPv6Address(":".join(f"{group:x}" for group in groups))
)


@given(address=v6 | with_zeros)
@example(address=ipaddress.IPv6Address("::"))
@example(address=ipaddress.IPv6Address("::fffe:ffff:ffff"))
@example(address=ipaddress.IPv6Address("1::ffff:0:0"))
def test_ipv6_round_trip(address: ipaddress.IPv6Address) -> None:
    """An IPv6 address comes back in the spelling of RFC 5952, or as IPv4 where it is v4-mapped."""
    prefix = parse_prefix(str(address))
    assert prefix.address == int(address)
    shown = format_address(int(address) >> 64, int(address) & HALF)
    assert shown == str(address.ipv4_mapped or address)


@given(address=v4 | v6, length=st.integers(0, 128))
def test_prefixes(address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int) -> None:
    """A block has its network's address and mask, in its halves and in its text, too."""
    length = min(length, address.max_prefixlen)
    network = ipaddress.ip_network((address, length), strict=False)
    prefix = parse_prefix(f"{address}/{length}")
    as_v6 = ipaddress.IPv6Network(
        (f"::ffff:{network.network_address}", length + 96) if network.version == 4 else network
    )
    assert prefix.address == int(as_v6.network_address)
    assert prefix.mask == int(as_v6.netmask)
    high, low, mask_high, mask_low = prefix.halves
    assert (high << 64 | low, mask_high << 64 | mask_low) == prefix
    assert max(prefix.halves) <= HALF
    assert parse_prefix(str(prefix)) == prefix


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("::1/128", "::1"),
        ("::", "::"),
        ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
        ("2001:db8::7/33", "2001:db8::/33"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("10.0.0.0/255.255.0.0", "10.0.0.0/16"),
    ],
)
def test_prefixes_as_text(text: str, shown: str) -> None:
    """A block is shown without the bits behind its length, a single address without a length."""
    assert str(parse_prefix(text)) == shown


@pytest.mark.parametrize(
    "text", ["", " ", "10", "10.0.0", "10.0.0.256", "010.0.0.1", "1::2::3", "10.0.0.0/-1", "a.b"]
)
def test_what_is_no_address(text: str) -> None:
    """What ipaddress does not take is refused, never guessed at."""
    with pytest.raises(ValueError, match="does not appear to be"):
        parse_prefix(text)


@given(address=v4 | v6, port=st.integers(0, 65535))
def test_endpoints(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    """An endpoint can be taken apart again: IPv6 stands in brackets, IPv4 does not."""
    number = parse_prefix(str(address)).address
    text = format_endpoint(number >> 64, number & HALF, port)
    host, _, shown_port = text.rpartition(":")
    assert int(shown_port) == port
    assert host.startswith("[") == host.endswith("]") == (":" in host.strip("[]"))
    assert parse_prefix(host.strip("[]")).address == number


# Labels of flows


ends = (v4 | with_zeros).map(lambda address: halves(str(address)))
ports = st.sampled_from([0, 9, 443, 50000, 65535])
flows = st.tuples(ends, ports, ends, ports, st.sampled_from([*TcpState, 0, 255]))


@given(st.lists(flows, max_size=5))
def test_lines_have_what_lists_have(
    rows: list[tuple[tuple[int, int], int, tuple[int, int], int, int]],
) -> None:
    """Each flow's line is its local end, its remote end and its state, however they are mixed."""
    local, sport, remote, dport, states = list(zip(*rows, strict=True)) or [()] * 5
    columns = {"sport": np.array(sport, "u2"), "dport": np.array(dport, "u2")}
    for end, addresses in (("s", local), ("d", remote)):
        columns[f"{end}addr_hi"] = np.array([high for high, _ in addresses], "u8")
        columns[f"{end}addr_lo"] = np.array([low for _, low in addresses], "u8")
    here, there = (
        endpoints(columns[f"{end}addr_hi"], columns[f"{end}addr_lo"], columns[f"{end}port"])
        for end in "sd"
    )
    lines = with_states(both_endpoints(columns), np.array(states, "u1"))
    assert [line.decode() for line in lines.tolist()] == [
        f"{one} {other} {state_name(state).lower()}"
        for one, other, state in zip(here, there, states, strict=True)
    ]


def test_no_line_is_made_by_itself() -> None:
    """The text of 100,000 flows takes fewer calls than one for each hundred of them."""
    count = 100_000
    numbers = np.arange(count)
    columns = {
        "saddr_hi": np.zeros(count, "u8"),
        "saddr_lo": np.full(count, V4_MAPPED | 0x0A000307, "u8"),
        "sport": np.full(count, 443, "u2"),
        "daddr_hi": np.zeros(count, "u8"),
        "daddr_lo": V4_MAPPED + numbers.astype("u8") * np.uint64(40_000),
        "dport": (1024 + numbers % 60_000).astype("u2"),
    }
    lines = both_endpoints(columns)
    assert lines[-1] == b"10.0.3.7:443 238.106.139.192:41023"
    assert lines.itemsize <= 44
    assert calls(lambda: both_endpoints(columns)) < count / 100


# Link-local addresses


def test_a_link_local_address_has_its_interface() -> None:
    """The index in the upper half is shown behind a `%`, by its name where all have the same."""
    high, low = 0xFE80 << 48 | 3, 2
    use_zones({})
    assert format_address(high, low) == "fe80::2%3"
    name_zone(3, "eth0")
    name_zone(3, "eth0")
    assert format_endpoint(high, low, 443) == "[fe80::2%eth0]:443"
    assert format_address(high - 3, low) == "fe80::2"
    assert zone_indexes("eth0") == [3] == zone_indexes("3")
    name_zone(3, "wlan0")
    assert format_address(high, low) == "fe80::2%3", "another namespace has another name"
    assert zone_indexes("eth0") == []
    use_zones({})


@pytest.mark.parametrize(
    ("text", "zone", "shown"),
    [
        ("fe80::2%eth0", "eth0", "fe80::2"),
        ("fe80::/64", "", "fe80::/64"),
        ("fe80::%3/64", "3", "fe80::/64"),
        ("fe80::/10", "", "fe80::/10"),
        ("2001:db8::/32", "", "2001:db8::/32"),
    ],
)
def test_prefixes_on_links(text: str, zone: str, shown: str) -> None:
    """A link-local address or block is of any link, unless an interface is behind it."""
    prefix, found = parse_on_link(text)
    assert (str(prefix), found) == (shown, zone)
    high = 0xFE80 << 48
    if text.startswith("fe80"):
        assert (high | 7) << 64 & prefix.mask == high << 64 & prefix.mask


@pytest.mark.parametrize("text", ["2001:db8::1%eth0", "fe80::1%", "10.0.0.1%eth0", "fe80::1%a b"])
def test_no_link(text: str) -> None:
    """Only link-local addresses are of an interface, which has a name or a number."""
    with pytest.raises(ValueError, match=r"."):
        parse_on_link(text)
