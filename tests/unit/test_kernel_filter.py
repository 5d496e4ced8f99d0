"""The filter in the kernel: what is typed, what the kernel reads and decides of it."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.cli.kernel import filter_of
from tcctui.query import parse
from tcctui.query.address_formula import (
    EVERYTHING,
    NOTHING,
    All,
    AnyOf,
    Inside,
    Not,
    PortRange,
    Reach,
    fitted,
    opposite,
    size,
)
from tcctui.sources.kernel.filter_chain import (
    DROP,
    FILTER,
    MAX_TESTS,
    PASS,
    packed,
)
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tcctui.wire.addresses import Prefix, parse_prefix
from tests.unit.formulas import Ends, columns, ends, formulas, is_true
from tests.unit.query_model import OF_ENDS, ROWS, TREES, Row, Said, table


def verdict(reach: Reach, one: Ends) -> bool:
    """Decide as the function `passes` in bpf/tcc.c does, from the bytes that it has."""
    made = np.frombuffer(packed(reach).tobytes(), FILTER)[0]
    at, looked_at = int(made["first"]), 0
    while at < MAX_TESTS:
        test = made["tests"][at]
        following = (int(test["next"]) & 0xFF, int(test["next"]) >> 8)
        assert min(following) > at, "it goes on to later tests only: so it comes to an end"
        at = following[not _holds(test, one)]
        looked_at += 1
    assert at in (PASS, DROP)
    assert looked_at <= size(reach)
    return at == PASS


def _holds(test: np.void, one: Ends) -> bool:
    address, mask = (int.from_bytes(test[name].tobytes(), "big") for name in ("address", "mask"))
    low, span = int(test["low"]), int(test["span"])
    return any(
        not unasked and at & mask == address and (port - low) & 0xFFFF <= span
        for unasked, at, port in (
            (test["not_local"], one.saddr, one.sport),
            (test["not_remote"], one.daddr, one.dport),
        )
    )


def typed(ports: list[str], addresses: list[str]) -> KernelFilter:
    """Give what is made of what stands behind `--port` and `--ip`."""
    return filter_of(Namespace(port=ports, ip=addresses)).in_kernel


@given(reach=formulas(), one=ends)
def test_the_kernel_gets_the_formula(reach: Reach, one: Ends) -> None:
    """Whatever the formula, its tests come to what it says, and so does `passes`."""
    made = KernelFilter(fitted(reach, MAX_TESTS))
    if size(reach) <= MAX_TESTS:
        assert is_true(made.reach, one) == is_true(reach, one)
    assert verdict(made.reach, one) == is_true(made.reach, one)
    assert made.passes(*columns([one])).tolist() == [is_true(made.reach, one)]


@given(reach=formulas(), one=ends, most=st.integers(0, 6))
def test_what_does_not_fit_is_made_wider(reach: Reach, one: Ends, most: int) -> None:
    """With room for few tests, a flow too many may pass, and never one too few."""
    made = fitted(reach, most)
    assert size(made) <= most
    assert is_true(made, one) or not is_true(reach, one)


def test_a_list_that_is_too_long_is_covered() -> None:
    """Of many ports and blocks, those that are next to each other are joined; not all dropped."""
    ports = AnyOf(tuple(PortRange("sd", port, port) for port in range(1000, 1200, 2)))
    made = fitted(All((ports, Inside("d", parse_prefix("10.0.0.0/8")))), 8)
    assert size(made) == 8
    assert is_true(made, Ends(1, parse_prefix("10.1.1.1").address, 9, 1002))
    assert not is_true(made, Ends(1, parse_prefix("10.1.1.1").address, 9, 1200))
    assert not is_true(made, Ends(1, 2, 9, 1002))
    hosts = AnyOf(tuple(Inside("s", parse_prefix(f"10.0.{net}.1")) for net in range(40)))
    assert str(KernelFilter(fitted(hosts, 3))) == "src:10.0.0.0/19,10.0.32.0/22,10.0.36.0/22"


def test_commas_and_repetition_mean_the_same() -> None:
    """Several values may be given in one option or in several, with blanks around them.

    Without ports and addresses there is nothing for the kernel to look at. What is asked of one
    end or the other takes one test.
    """
    one = typed(["80,443", "22"], ["10.0.0.0/8,::1"])
    assert one == typed(["80", " 443 ", "22"], ["10.0.0.0/8", " ::1"])
    assert str(one) == "port:22,80,443 and ip:::1,10.0.0.0/8"
    nothing = typed([], [])
    assert nothing == KernelFilter()
    assert nothing.exact
    assert nothing.pack()["first"] == PASS
    assert str(nothing) == ""
    both = AnyOf(tuple(PortRange(end, port, port) for end in ("s", "d") for port in (80, 443)))
    assert fitted(both, 9) == AnyOf((PortRange("sd", 80, 80), PortRange("sd", 443, 443)))
    tests = KernelFilter(fitted(opposite(both), 9)).pack()["tests"][:3]
    assert tests["low"].tolist() == [80, 443, 0]
    assert not tests["not_local"].any()
    assert not tests["not_remote"].any()


PORT_443 = PortRange("sd", 443, 443)
TEN = Inside("s", parse_prefix("10.0.0.0/8"))
V6 = Inside("d", parse_prefix("2001:db8::/32"))


@pytest.mark.parametrize(
    ("reach", "text"),
    [
        (PORT_443, "port:443"),
        (opposite(PORT_443), "not port:443"),
        (PortRange("s", 8000, 8100), "sport:8000-8100"),
        (All((PORT_443, AnyOf((TEN, V6)))), "port:443 and (src:10.0.0.0/8 or dst:2001:db8::/32)"),
        (All((opposite(PORT_443), opposite(TEN))), "not port:443 and not src:10.0.0.0/8"),
        (
            AnyOf((All((PORT_443, TEN)), opposite(V6))),
            "(port:443 and src:10.0.0.0/8) or not dst:2001:db8::/32",
        ),
        (All((opposite(PORT_443), opposite(PortRange("sd", 22, 22)))), "not port:22,443"),
        (Inside("sd", Prefix(0xFFFF << 32, (1 << 128) - (1 << 32))), "ip:0.0.0.0/0"),
        (Inside("s", parse_prefix("0.0.0.0/0")), "family:ipv4"),
        (All((PORT_443, Not(Inside("s", parse_prefix("0.0.0.0/0"))))), "port:443 and family:ipv6"),
        (EVERYTHING, ""),
        (NOTHING, "not port:0-65535"),
    ],
)
def test_a_filter_in_words(reach: Reach, text: str) -> None:
    """The screen says what runs in the kernel in words of the query language."""
    assert str(KernelFilter(fitted(reach, MAX_TESTS))) == text


def test_two_filters() -> None:
    """Both together let through what both do, and are exact if both are."""
    one, other = KernelFilter.on_ports(443), KernelFilter(TEN)
    assert str(one & other) == "port:443 and src:10.0.0.0/8"
    assert (one & other).exact
    assert not (one & KernelFilter(TEN, exact=False)).exact
    assert (one & KernelFilter()) == one


# Against the query itself


PATIENT = settings(max_examples=150)
ENDS = ("saddr_hi", "saddr_lo", "daddr_hi", "daddr_lo", "sport", "dport")


def passing(made: KernelFilter, rows: list[Row]) -> list[bool]:
    """Rows that a filter lets through."""
    flows = table(*rows)
    columns: list[Any] = [flows[name] for name in ENDS]
    return made.passes(*columns).tolist()


@PATIENT
@given(TREES, st.booleans(), st.lists(ROWS, max_size=9))
def test_never_a_flow_too_few(said: Said, negated: bool, rows: list[Row]) -> None:
    """No flow that a query matches is kept back; where it is exact, no other one passes either."""
    made = KernelFilter.of(parse(f"not ({said.text})" if negated else said.text))
    matching = np.array([said.holds(row) != negated for row in rows], bool)
    let_through = np.array(passing(made, rows), bool)
    assert not (matching & ~let_through).any()
    if made.exact:
        assert (matching == let_through).all()


@PATIENT
@given(OF_ENDS, st.lists(ROWS, max_size=9))
def test_the_kernel_can_decide_all_of_addresses_and_ports(said: Said, rows: list[Row]) -> None:
    """Of ports and addresses nothing is left to decide, and in words it is the same query."""
    made = KernelFilter.of(parse(said.text))
    assert made.exact
    assert passing(made, rows) == [said.holds(row) for row in rows]
    again = KernelFilter.of(parse(str(made)))
    assert again.exact
    assert passing(again, rows) == passing(made, rows)


def test_what_needs_no_more_than_addresses_is_exact() -> None:
    """A query about addresses, ports and the family alone is left to the kernel entirely."""
    for text in (
        "",
        "port:443",
        "not port:22 and (src:10.0.0.0/8|192.168.0.0/16 or dport:8000-8100)",
        "ip:10.0.0.7:443,[::1]:80 family:ipv6",
        "port:443 or (port:443 and srtt>1ms)",
        "port:0 or port:1-65535",
        "not (sport:0-99 or sport:100-65535)",
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
