"""Endpoints as text: the array that is searched says what the list shows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcctui.flows.labels import both_endpoints, endpoints, state_name, with_states
from tcctui.wire.addresses import V4_MAPPED
from tcctui.wire.events import TcpState
from tests.unit.work import calls

v4 = st.integers(0, 2**32 - 1).map(lambda number: (0, V4_MAPPED | number))
v6 = st.lists(st.sampled_from([0, 0, 1, 0xABC, 0xFFFF]), min_size=8, max_size=8).map(
    lambda groups: tuple(sum(groups[at + k] << 48 - 16 * k for k in range(4)) for at in (0, 4))
)
ports = st.sampled_from([0, 9, 443, 50000, 65535])
flows = st.tuples(v4 | v6, ports, v4 | v6, ports, st.sampled_from([*TcpState, 0, 255]))


@given(st.lists(flows, max_size=5))
def test_lines_have_what_lists_have(
    rows: list[tuple[tuple[int, int], int, tuple[int, int], int, int]],
) -> None:
    """Each flow's line is its local end, its remote end and its state, however they are mixed."""
    local, sport, remote, dport, states = list(zip(*rows, strict=True)) or [()] * 5
    columns = {
        "saddr_hi": np.array([high for high, _ in local], "u8"),
        "saddr_lo": np.array([low for _, low in local], "u8"),
        "sport": np.array(sport, "u2"),
        "daddr_hi": np.array([high for high, _ in remote], "u8"),
        "daddr_lo": np.array([low for _, low in remote], "u8"),
        "dport": np.array(dport, "u2"),
    }
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
