"""What the kernel decides of a query, against the query itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.query import parse
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.wire.addresses import format_address
from tests.unit.formulas import ADDRESSES, PORTS, Ends, columns, queries

HOSTS = [format_address(one >> 64, one & (1 << 64) - 1) for one in ADDRESSES]
BLOCKS = ["10.0.0.0/8", "10.0.0.0/30", "0.0.0.0/0", "::/0", "2001:db8::/32", "192.0.2.8/29"]
NAMES = ("saddr_hi", "saddr_lo", "daddr_hi", "daddr_lo", "sport", "dport")

_some = st.builds(
    Ends,
    *[st.sampled_from(ADDRESSES)] * 2,
    *[st.sampled_from(PORTS) | st.integers(0, 0xFFFF)] * 2,
)


@settings(deadline=None, max_examples=150)
@given(
    text=queries(HOSTS, BLOCKS, PORTS),
    rows=st.lists(st.tuples(_some, st.integers(1, 20), st.integers(50, 200)), max_size=30),
)
def test_never_a_flow_too_few(text: str, rows: list[tuple[Ends, int, int]]) -> None:
    """No flow that a query matches is kept back; where it is exact, no other one passes either."""
    ends = columns([row[0] for row in rows])
    flows = dict(zip(NAMES, ends, strict=True)) | {
        "cookie": np.arange(len(rows), dtype="u8"),
        "snd_cwnd": np.array([row[1] for row in rows], "u4"),
        "srtt_us": np.array([row[2] for row in rows], "u4"),
        "mss": np.full(len(rows), 1400, "u4"),
    }
    query = parse(text)
    made = KernelFilter.of(query)
    passing, matching = made.passes(*ends), query.mask(flows)
    assert not (matching & ~passing).any()
    if made.exact:
        assert (matching == passing).all()


@settings(deadline=None, max_examples=100)
@given(text=queries(HOSTS, BLOCKS, PORTS), rows=st.lists(_some, max_size=20))
def test_its_words_are_a_query_that_says_the_same(text: str, rows: list[Ends]) -> None:
    """What the status line says can be typed, and lets the same flows through."""
    made = KernelFilter.of(parse(text))
    again = KernelFilter.of(parse(str(made)))
    assert again.exact
    assert again.passes(*columns(rows)).tolist() == made.passes(*columns(rows)).tolist()


def test_what_needs_no_more_than_addresses_is_exact() -> None:
    """A query about addresses, ports and the family alone is left to the kernel entirely."""
    for text in (
        "",
        "port:443",
        "not port:22 and (src:10.0.0.0/8|192.168.0.0/16 or dport:8000-8100)",
        "ip:10.0.0.7:443,[::1]:80 family:ipv6",
        "port:443 or (port:443 and srtt>1ms)",
    ):
        assert KernelFilter.of(parse(text)).exact, text
    for text, part in (
        ("srtt>1ms", ""),
        ("nginx", ""),
        ("port:443 and (srtt>80ms or retrans>0) and cc:bbr", "port:443"),
        ("port:443 or srtt>80ms", ""),
        ("not (port:443 or srtt>80ms)", "not port:443"),
        ("(port:443 and srtt>1ms) or (dst:10.0.0.0/8 and cc:bbr)", "port:443 or dst:10.0.0.0/8"),
    ):
        made = KernelFilter.of(parse(text))
        assert (str(made), made.exact) == (part, False), text
