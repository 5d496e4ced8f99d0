"""What the kernel decides of a query, against the query itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tcctui.query import parse
from tcctui.sources.kernel.kernel_filter import KernelFilter
from tests.unit.query_model import OF_ENDS, ROWS, TREES, Row, Said, table

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
