"""The filter in the kernel: what is typed, what the kernel reads of it, how it is told."""

from __future__ import annotations

import ipaddress
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcctui.addresses import parse_prefix
from tcctui.errors import UsageError
from tcctui.sources.kernel_filter import KernelFilter

TCC_C = (Path(__file__).parents[2] / "bpf" / "tcc.c").read_text()

ports = st.integers(1, 65535)
networks = st.one_of(
    st.builds(
        lambda address, length: ipaddress.IPv4Network((address, length), strict=False),
        st.integers(0, 2**32 - 1),
        st.integers(0, 32),
    ),
    st.builds(
        lambda address, length: ipaddress.IPv6Network((address, length), strict=False),
        st.integers(0, 2**128 - 1),
        st.integers(0, 128),
    ),
)


def unpacked(packed: bytes) -> tuple[list[int], list[tuple[int, int]]]:
    """Read `struct filter` as bpf/tcc.c declares it: ports, and prefixes as address and mask."""
    n_ports, n_prefixes, *slots = struct.unpack_from("<II8H", packed)
    pairs = [
        (
            int.from_bytes(packed[at : at + 16], "big"),
            int.from_bytes(packed[at + 16 : at + 32], "big"),
        )
        for at in range(24, 24 + 8 * 32, 32)
    ]
    assert not any(slots[n_ports:]), "what is not used is zero"
    assert not any(sum(pair) for pair in pairs[n_prefixes:])
    return slots[:n_ports], pairs[:n_prefixes]


def passes(packed: bytes, saddr: int, daddr: int, sport: int, dport: int) -> bool:
    """Decide as the function of this name in bpf/tcc.c does."""
    wanted_ports, prefixes = unpacked(packed)
    if wanted_ports and not {sport, dport} & set(wanted_ports):
        return False
    return not prefixes or any(
        end & mask == address for address, mask in prefixes for end in (saddr, daddr)
    )


def wide(address: str) -> int:
    """Give an address as a 128-bit number, IPv4 as ::ffff:a.b.c.d."""
    parsed = ipaddress.ip_address(address)
    return int(parsed) if parsed.version == 6 else 0xFFFF << 32 | int(parsed)


def test_the_layout_is_that_of_the_program() -> None:
    """The fields that are packed here are those of `struct filter`, in its order and number."""
    body = re.search(r"struct filter \{(.*?)\};", TCC_C, re.DOTALL)
    assert body
    fields = [" ".join(line.split()) for line in body[1].strip().splitlines()]
    assert fields == [
        "__u32 n_ports;",
        "__u32 n_prefixes;",
        "__u16 ports[MAX_PORTS];",
        "struct prefix prefixes[MAX_PREFIXES];",
    ]
    assert re.search(r"#define MAX_PORTS\s+8\n", TCC_C)
    assert re.search(r"#define MAX_PREFIXES\s+8\n", TCC_C)
    assert re.search(r"struct prefix \{\s+__u64 address\[2\];\s+__u64 mask\[2\];", TCC_C)
    assert len(KernelFilter().pack()) == 4 + 4 + 8 * 2 + 8 * 32


def test_no_options_let_everything_through() -> None:
    """Without ports and addresses the lists that the kernel gets are empty."""
    nothing = KernelFilter.from_options([], [])
    assert nothing == KernelFilter()
    assert nothing.pack() == bytes(280)
    assert str(nothing) == ""


@given(typed=st.lists(ports, max_size=8), blocks=st.lists(networks, max_size=8))
def test_what_is_typed_is_what_the_kernel_gets(
    typed: list[int], blocks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> None:
    """Ports and prefixes arrive in the kernel's struct, in network byte order, IPv4 v4-mapped."""
    options = KernelFilter.from_options([str(port) for port in typed], [str(b) for b in blocks])
    found, prefixes = unpacked(options.pack())
    assert found == typed
    assert prefixes == [
        (
            wide(str(block.network_address)),
            2**128 - 2 ** (128 - block.prefixlen - (96 if block.version == 4 else 0)),
        )
        for block in blocks
    ]


def test_commas_and_repetition_mean_the_same() -> None:
    """Several values may be given in one option or in several, with blanks around them."""
    one = KernelFilter.from_options(["80,443", "22"], ["10.0.0.0/8,::1"])
    other = KernelFilter.from_options(["80", " 443 ", "22"], ["10.0.0.0/8", " ::1"])
    assert one == other
    assert one.ports == (80, 443, 22)
    assert str(one) == "port 80,443,22 and ip 10.0.0.0/8,::1"


@pytest.mark.parametrize(
    ("ports", "addresses", "text"),
    [
        (["443"], [], "port 443"),
        ([], ["192.0.2.1"], "ip 192.0.2.1"),
        ([], ["192.0.2.1/24"], "ip 192.0.2.0/24"),
        ([], ["2001:db8::7/32"], "ip 2001:db8::/32"),
        ([], ["0.0.0.0/0", "::/0"], "ip 0.0.0.0/0,::/0"),
        ([], ["::ffff:10.0.0.0/104"], "ip 10.0.0.0/8"),
    ],
)
def test_a_filter_in_words(ports: list[str], addresses: list[str], text: str) -> None:
    """The screen says what runs in the kernel in words that can be typed again."""
    made = KernelFilter.from_options(ports, addresses)
    assert str(made) == text
    again = [part.split()[1].split(",") for part in text.split(" and ")]
    assert KernelFilter.from_options(*((again[0], []) if ports else ([], again[0]))) == made


def test_whom_a_filter_lets_through() -> None:
    """A flow passes if one end has the port and one is in the block, whatever its other bits."""
    packed = KernelFilter.from_options(["443"], ["10.1.2.3/8", "2001:db8::/32"]).pack()
    inside, outside, v6 = wide("10.9.9.9"), wide("192.0.2.1"), wide("2001:db8:1::1")
    assert passes(packed, inside, outside, 443, 9)
    assert passes(packed, outside, inside, 443, 9)
    assert passes(packed, outside, inside, 9, 443)
    assert passes(packed, v6, outside, 443, 9)
    assert not passes(packed, inside, outside, 80, 9)
    assert not passes(packed, outside, outside, 443, 9)
    assert not passes(packed, wide("::a09:909"), outside, 443, 9), "an IPv4 block is v4-mapped"


@pytest.mark.parametrize(
    "port", ["", "0", "65536", "-1", "http", "4 43", "0x50", "80,", "1e3", "²", "9" * 5000]
)
def test_what_is_not_a_port(port: str) -> None:
    """A port that is none is told with the option's name, and ends with the usage's exit code."""
    with pytest.raises(UsageError, match=r"--port .* is not a port") as caught:
        KernelFilter.from_options([port], [])
    assert caught.value.status == 2
    assert "65535" in caught.value.mend


@pytest.mark.parametrize(
    "address", ["", "10.0.0", "10.0.0.0/33", "::/129", "example.org", "10.0.0.1,", "1.2.3.4:80"]
)
def test_what_is_not_an_address(address: str) -> None:
    """An address that is none is told with examples of some that are."""
    with pytest.raises(UsageError, match=r"--ip .* is not an address") as caught:
        KernelFilter.from_options([], [address])
    for example in re.findall(r"[0-9a-f:.]+/\d+", caught.value.mend):
        assert parse_prefix(example)


@pytest.mark.parametrize("count", [8, 9])
def test_how_many_values_there_may_be(count: int) -> None:
    """Eight ports and eight addresses have room in the kernel; a ninth is told."""
    ports, addresses = [["7"] * count, ["::1"] * count]
    if count == 8:
        assert KernelFilter.from_options(ports, [",".join(addresses)]).pack()
        return
    with pytest.raises(UsageError, match="--port takes at most 8"):
        KernelFilter.from_options([",".join(ports)], [])
    with pytest.raises(UsageError, match="--ip takes at most 8"):
        KernelFilter.from_options([], addresses)
